"""Inputs and attributes that do not fit: each mistake and the code of the error it makes."""

from __future__ import annotations

import pytest
from ops.cases import construct, inferred

from archc.ir.types import TensorType
from archc.ops.base import Op
from archc.ops.examples import feed
from archc.ops.kinds import AttributeProblem
from archc.ops.site import Site, TypingError

MISTAKES = """
# Shapes that do not broadcast
E301 | add                              | [N, 3]; [N, 4]
E301 | add                              | [N]; [M]
E301 | add                              | [T]; [T + 1]
E301 | mul                              | [2, 3]; [3, 2]
E301 | sub                              | [N, 3]; [2]
E301 | where                            | bool[2]; [N, 3]; [3]
E301 | less                             | [N]; [T]
E301 | matmul                           | [N, 2, 3]; [T, 3, 2]
E301 | concat                           | [N, 2, 3]; [N, 2, 4]
E301 | concat: {axis: 0}                | [2, N]; [2, T]
E301 | stack                            | [N, 2]; [N, 3]
E301 | attention                        | [N, 2, 4]; [T, 2, 4]; [N, 2, 4]
E301 | attention                        | [N, 2, 4]; [N, 3, 4]; [N, 3, 4]; bool[N, 3, 2]
E301 | attention                        | [N, 2, 4]; [N, 3, 4]; [N, 3, 4]; bool[5, N, 2, 3]
E301 | expand: {shape: [2, 3]}          | [2, 2]
E301 | expand: {shape: [3]}             | [1, 3]
E301 | expand: {shape: [-1, 3]}         | [3]
# Ranks
E302 | conv2d: {out: 4, kernel: 3}      | [N, 3, 8]
E302 | conv1d: {out: 4, kernel: 3}      | [3, 8]
E302 | conv_transpose3d: {out: 4, kernel: 3} | [N, 3, 8, 8]
E302 | max_pool2d: 2                    | [N, 3]
E302 | adaptive_avg_pool1d: 1           | [N, 3]
E302 | global_avg_pool                  | [N, 3]
E302 | batch_norm                       | [N]
E302 | layer_norm                       | []
E302 | group_norm: 2                    | [N]
E302 | instance_norm                    | [N, 3]
E302 | local_response_norm: 3           | [N, 3]
E302 | prelu: 2                         | [2]
E302 | drop_path: 0.1                   | []
E302 | lstm: 4                          | [N, 3]
E302 | gru_cell: 4                      | [N, T, 3]; [N, 4]
E302 | attention                        | [3]; [3]; [3]
E302 | attention                        | [2, 4]; [2, 4]; [2, 4]; bool[]
E302 | matmul                           | []; [3]
E302 | einsum: "ij->i"                  | [N, 2, 3]
E302 | transpose                        | [N]
E302 | center_crop                      | [N, 3]; [N, 3]
E302 | center_crop                      | [N, 3, 4]; [N, 3, 4, 4]
E302 | concat                           | [N, 2]; [N, 2, 3]
E302 | pad: {spatial: 1, mode: reflect} | [N, 3]
E302 | pad: {pads: [[1, 1]], axes: 1, mode: replicate} | [N, 3, 4]
E302 | pad: [1, 2, 3]                   | [N, 3, 4, 4]
E302 | resize: {scale: 2, mode: bilinear} | [N, 3, 4]
E302 | resize: {scale: [2, 2, 2]}       | [N, 3, 4, 4]
E302 | pixel_shuffle: 2                 | [4, 2, 2]
E302 | tril                             | [N]
E302 | moving_average                   | []
# Element types
E303 | relu                             | int64[N]
E303 | conv2d: {out: 4, kernel: 1}      | int64[N, 3, 2, 2]
E303 | linear: 3                        | int64[N, 3]
E303 | batch_norm                       | int64[N, 3]
E303 | softmax                          | int64[N]
E303 | dropout: 0.1                     | int64[N]
E303 | embedding: {num: 3, dim: 2}      | [N]
E303 | one_hot: 3                       | [N]
E303 | sinusoid: 4                      | bool[N]
E303 | add                              | [N]; int64[N]
E303 | add                              | bool[N]; bool[N]
E303 | div                              | int64[N]; int64[N]
E303 | pow                              | int64[N]; int64[N]
E303 | less                             | bool[N]; bool[N]
E303 | logical_and                      | bool[N]; int64[N]
E303 | logical_not                      | int64[N]
E303 | where                            | int64[N]; [N]; [N]
E303 | where                            | bool[N]; [N]; int64[N]
E303 | sqrt                             | int64[N]
E303 | neg                              | uint8[N]
E303 | clamp: {min: 0}                  | int64[N]
E303 | sum                              | int32[N]
E303 | mean                             | int64[N]
E303 | argmax                           | bool[N]
E303 | cumsum                           | bool[N]
E303 | matmul                           | int64[2, 3]; int64[3, 2]
E303 | matmul                           | [2, 3]; float64[3, 2]
E303 | einsum: "ij,j->i"                | int64[2, 3]; int64[3]
E303 | attention                        | [2, 4]; [2, 4]; float64[2, 4]
E303 | attention                        | [2, 4]; [2, 4]; [2, 4]; int64[2, 2]
E303 | gather                           | [5, 3]; [2]
E303 | concat                           | [N, 2]; int64[N, 2]
E303 | stack                            | [N]; bool[N]
E303 | lstm_cell: 2                     | [N, 3]; float64[N, 2]; [N, 2]
E303 | resize: {scale: 2}               | int64[N, 3, 4]
# Features that do not match
E304 | matmul                           | [N, 3]; [4, 2]
E304 | matmul                           | [N, T]; [S]
E304 | einsum: "ij,jk->ik"              | [2, 3]; [4, 5]
E304 | einsum: "ni,ni->n"               | [N, T]; [N, S]
E304 | attention                        | [2, 4]; [3, 5]; [3, 4]
E304 | attention                        | [2, 4]; [3, 4]; [4, 4]
E304 | prelu: 4                         | [N, 3]
E304 | lstm: {hidden: 4}                | [N, T, 3]; [2, N, 4]; [1, N, 4]
E304 | gru: {hidden: 4, layers: 2}      | [N, T, 3]; [1, N, 4]
E304 | rnn_cell: 4                      | [N, 3]; [N, 5]
# Windows and sizes that cannot be
E305 | conv2d: {out: 4, kernel: 5}      | [N, 3, 4, 8]
E305 | conv1d: {out: 4, kernel: 3, dilation: 3, padding: 1} | [N, 3, 4]
E305 | conv_transpose1d: {out: 4, kernel: 1, padding: 2} | [N, 3, 4]
E305 | conv_transpose1d: {out: 4, kernel: 3, stride: 2, output_padding: 2} | [N, 3, 4]
E305 | max_pool2d: 5                    | [N, 3, 4, 8]
E305 | avg_pool1d: {kernel: 2, padding: 2} | [N, 3, 4]
E305 | embedding: {num: 3, dim: 2, padding: 3} | int64[N]
# A lone value, normalised by itself
E305 | instance_norm                    | [N, 4, 1, 1]
E305 | batch_norm: {track: false}       | [1, 4]
E305 | batch_norm: {track: false}       | [1, 4, 1, 1]
E305 | group_norm: 4                    | [N, 4, 1, 1]
E305 | group_norm: 4                    | [N, 4]
E305 | attention: {causal: true}        | [5, 4]; [3, 4]; [3, 4]
E305 | slice: {axis: 0, start: 4}       | [4]
E305 | slice: {axis: 0, start: 2, stop: 1} | [4]
E305 | slice: {axis: 0, stop: 5}        | [4]
E305 | slice: {axis: 0, start: -5}      | [4]
E305 | slice: {axis: 0, start: =T - S}  | [T]
E305 | gather: {at: 4}                  | [4]
E305 | gather: {at: [0, -5]}            | [4]
E305 | split: {into: [a, b], sizes: [1, 2]} | [N, 4]
E305 | split: {into: [a, b], sizes: [4, -1]} | [N, 4]
E305 | split: {into: [a, b], sizes: [1, 2, 1]} | [N, 4]
E305 | split: {into: [a, b], sizes: [T, 2]} | [N, S]
E305 | center_crop                      | [N, 3, 4]; [N, 3, 5]
E305 | pad: {spatial: 4, mode: reflect} | [N, 3, 4]
E305 | pad: {spatial: 5, mode: circular} | [N, 3, 4]
E305 | resize: {scale: 0.1}             | [N, 3, 4]
E305 | resize: {scale: 0.3}             | [N, 3, T]
# Sizes that do not divide
E306 | conv2d: {out: 4, kernel: 1, groups: 2} | [N, 3, 4, 4]
E306 | conv2d: {out: 3, kernel: 1, groups: 2} | [N, 4, 4, 4]
E306 | conv_transpose1d: {out: 3, kernel: 1, groups: 2} | [N, 4, 4]
E306 | group_norm: 2                    | [N, 3]
E306 | glu                              | [N, 3]
E306 | sinusoid: 5                      | int64[T]
E306 | split: {into: [a, b]}            | [N, 3]
E306 | split: {into: [a, b]}            | [N, T]
E306 | pixel_shuffle: 2                 | [N, 6, 2, 2]
E306 | pixel_unshuffle: 2               | [N, 6, 3, 2]
E306 | rearrange: {pattern: "n (a b) -> n a b", a: 2} | [N, 5]
# Inputs that are missing or too many
E307 | lstm: {hidden: 4}                | [N, T, 3]; [1, N, 4]
E307 | gather                           | [5, 3]
E307 | gather: {at: 0}                  | [5, 3]; int64[2]
E307 | einsum: "ij,jk->ik"              | [2, 3]
E307 | add                              |
E307 | concat                           |
# Axes that are not there
E308 | softmax: 2                       | [N, 3]
E308 | glu: -3                          | [N, 4]
E308 | layer_norm: {axes: 1}            | [N, 3, 4]
E308 | rms_norm: {axes: [0, 3]}         | [N, 3, 4]
E308 | sum: 2                           | [N, 3]
E308 | mean: {axes: [1, -1]}            | [N, 3]
E308 | max: {axes: []}                  | [N, 3]
E308 | argmax: 2                        | [N, 3]
E308 | cumsum: -3                       | [N, 3]
E308 | flatten                          | [N]
E308 | flatten: {start: 2, end: 1}      | [N, 2, 3]
E308 | transpose: {order: [0, 1]}       | [N, 2, 3]
E308 | transpose: {order: [0, 1, 1]}    | [N, 2, 3]
E308 | squeeze: 3                       | [N, 1]
E308 | unsqueeze: 3                     | [N, 1]
E308 | slice: {axis: 2}                 | [N, 1]
E308 | gather: {axis: 2, at: 0}         | [N, 1]
E308 | unstack: {into: [a], axis: 2}    | [N, 1]
E308 | concat                           | [N]; [N]
E308 | stack: {axis: 2}                 | [N]; [N]
E308 | tile: {repeats: [2]}             | [N, 3]
E308 | roll: {by: [1, 2], axes: [0]}    | [N, 3]
E308 | roll: {by: 1, axes: 2}           | [N, 3]
E308 | flip: {axes: [0, 0]}             | [N, 3]
E308 | pad: {pads: [[1, 1]], axes: 3}   | [N, 3]
# Shapes and patterns that do not come out
E309 | reshape: {shape: [N, 5]}         | [N, 2, 3]
E309 | reshape: {shape: [M, 6]}         | [N, 6]
E309 | reshape: {shape: [-1, 4]}        | [N, 6]
E309 | reshape: {shape: [-1, -1]}       | [N, 6]
E309 | reshape: {shape: [0, 6]}         | [N, 6]
E309 | squeeze: 0                       | [N, 1]
E309 | unstack: {into: [a, b]}          | [3, N]
E309 | unstack: {into: [a, b]}          | [N, 3]
E309 | einsum: "ij,jk"                  | [2, 3]; [3, 4]
E309 | einsum: "...i->..."              | [2, 3]
E309 | einsum: "ii->i"                  | [3, 3]
E309 | einsum: "ij->ik"                 | [3, 3]
E309 | rearrange: "n c"                 | [N, 3]
E309 | rearrange: "n c -> n"            | [N, 3]
E309 | rearrange: "n c -> n c d"        | [N, 3]
E309 | rearrange: "n n -> n"            | [N, 3]
E309 | rearrange: "n (c -> n c"         | [N, 3]
E309 | rearrange: "n ((c)) -> n c"      | [N, 3]
E309 | rearrange: "n c 2 -> n c"        | [N, 3, 2]
E309 | rearrange: "n c -> c n"          | [N, 3, 4]
E309 | rearrange: "... n c -> c n ..."  | [N]
E309 | rearrange: "n 1 -> n"            | [N, 3]
E309 | rearrange: "n (a b) -> n a b"    | [N, 6]
E309 | rearrange: {pattern: "n c -> c n", d: 3} | [N, 3]
E309 | rearrange: {pattern: "n c -> c n", c: 4} | [N, 3]
E309 | rearrange: {pattern: "n (a b) -> n a b", a: 2, b: 4} | [N, 6]
# Weights
E312 | linear: 3                        | [N, T]
E312 | conv1d: {out: 3, kernel: 1}      | [N, C, 4]
E312 | batch_norm                       | [N, C]
E312 | layer_norm                       | [N, T]
E312 | lstm: 3                          | [N, T, F]
E312 | moving_average                   | [N, T]
E312 | weight: {shape: [N, 2]}          |
# Attributes that are missing, or that contradict one another
E208 | conv2d: {kernel: 3}              | [N, 3, 8, 8]
E208 | conv2d: {out: 3}                 | [N, 3, 8, 8]
E208 | embedding: {num: 3}              | int64[N]
E208 | attention                        | [2, D]; [2, D]; [2, D]
E208 | clamp                            | [N]
E208 | pad                              | [N, 3, 4]
E208 | pad: {spatial: 1, pads: [[1, 1]]} | [N, 3, 4]
E208 | resize                           | [N, 3, 4]
E208 | resize: {scale: 2, size: 3}      | [N, 3, 4]
E208 | weight                           |
E207 | weight: {shape: [3], value: [1.0, 2.0]} |
E207 | resize: {scale: 2, align_corners: true} | [N, 3, 4]
E207 | pad: {spatial: 1, axes: 1}       | [N, 3, 4]
"""

FED_MISTAKES = """
E310 | conv2d: {out: 4, kernel: 3}      | [N, 3, 8, 8] | [4, 3, 2, 3]
E310 | conv2d: {bias: false}            | [N, 3, 8, 8] | [4, 2, 3, 3]
E310 | conv2d: {bias: false}            | [N, 3, 8, 8] | [4, 3, 3]
E310 | conv2d: {bias: false}            | [N, 3, 8, 8] | [4, 3, K, K]
E310 | conv2d: {bias: false}            | [N, 3, 8, 8] | float64[4, 3, 1, 1]
E310 | linear: {bias: false}            | [N, 3] | [4, 5]
E310 | embedding                        | int64[N] | [4, 5, 6]
E305 | conv1d: {bias: false}            | [N, 3, 2] | [4, 3, 3]
"""


def rows(table: str) -> list[list[str]]:
    lines = (line for line in table.splitlines() if line and not line.startswith("#"))
    return [[part.strip() for part in line.split("|")] for line in lines]


def site(step: str, inputs: str, weight: str = "") -> Site:
    op = construct(step)
    given = [feed(part).type for part in inputs.split(";") if part.strip()]
    fed = {"weight": feed(weight).type} if weight else {}
    return Site(op, slots(op, given), fed)


def slots(op: Op, given: list[TensorType]) -> dict[str, TensorType | tuple[TensorType, ...] | None]:
    result: dict[str, TensorType | tuple[TensorType, ...] | None] = {}
    for slot in op.inputs:
        if slot.variadic:
            result[slot.name] = tuple(given)
            return result
        result[slot.name] = given.pop(0) if given else None
    assert not given
    return result


@pytest.mark.parametrize("row", rows(MISTAKES) + rows(FED_MISTAKES), ids=" ".join)
def test_mistakes_have_codes(row: list[str]) -> None:
    code, *given = row
    with pytest.raises(TypingError) as found:
        inferred(site(*given))
    error = found.value
    assert error.code == code, error.message
    op = construct(given[0])
    known = {"", "inputs", *op.attributes, *(slot.name for slot in op.inputs), *op.weight_names}
    if op.rest is not None:
        known |= {name for name, _ in op.values[op.rest]}
    assert error.about in known


@pytest.mark.parametrize(
    ("step", "inputs", "message"),
    [
        (
            "conv2d: {out: 4, kernel: 5, padding: 1}",
            "[N, 3, 2, 8]",
            "conv2d: a window over 5 does not fit into axis 2 of 2 + 1 + 1 padding",
        ),
        ("group_norm: 4", "[N, 6]", "group_norm: channels by groups: 6 is not divisible by 4"),
        ("reshape: {shape: [-1, 4]}", "[N, 6]", "reshape: 6*N is not divisible by 4"),
        ("softmax: 2", "[N, 3]", "there is no axis 2 in a value of rank 2"),
        (
            "rearrange: {pattern: 'n (h d) -> n h d', h: 5}",
            "[N, 6]",
            "rearrange: axis 1, (h d): 6 is not divisible by 5",
        ),
    ],
)
def test_messages_give_the_numbers(step: str, inputs: str, message: str) -> None:
    with pytest.raises(TypingError) as found:
        inferred(site(step, inputs))
    assert found.value.message == message


@pytest.mark.parametrize(
    "step",
    [
        "conv2d: {out: 4, kernel: [1, 2, 3]}",
        "conv2d: {out: 4, kernel: 3, padding: valid}",
        "conv2d: {out: 4.0, kernel: 3}",
        "conv2d: {out: 0, kernel: 3}",
        "conv2d: {out: 4, kernel: 3, stride: 0}",
        "dropout: 1.5",
        "gelu: erf",
        "cast: float",
        "split: {into: [a, a]}",
        "pad: {pads: [1, 2]}",
        "pad: {pads: [[1, -1]]}",
        "rearrange: {pattern: 'n (a b) -> n a b', a: 0}",
        "rearrange: {pattern: 'n (a b) -> n a b', a: 2.0}",
        "gather: {at: []}",
        "norm: {p: 3}",
        "weight: {value: [[1, 2], [3]]}",
    ],
)
def test_attributes_of_the_wrong_kind_are_refused(step: str) -> None:
    with pytest.raises(AttributeProblem):
        construct(step)


def test_a_weight_of_a_higher_dtype_does_not_fit_silently() -> None:
    step = site("conv2d: {bias: false}", "float64[N, 3, 8, 8]", "float64[4, 3, 3, 3]")
    assert str(inferred(step)[0]) == "float64[N, 4, 6, 6]"
    assert step.used == {"weight"}
    assert not step.weights
