"""What the examples leave out: sizes known only while a file runs, and odd settings."""

import numpy as np
import pytest
from onnx_backend import assert_typed, exported, run
from ops.cases import Case, bound, construct
from ops.reference import expected
from torch_backend.programs import feeds_of, program_of, weights_of

from archc.ops.examples import feed
from archc.ops.registry import ops


def case(step: str, **feeds: str) -> Case:
    op = construct(step)
    given = {name: tuple(map(feed, text.split(";"))) for name, text in feeds.items()}
    ports = {port.name for port in ops()[op.name].inputs}
    inputs = {name: parts for name, parts in given.items() if name in ports}
    fed = {name: parts[0] for name, parts in given.items() if name not in ports}
    return Case(f"{step} {feeds}", op, inputs, fed)


CASES = [
    # windows that run over the end, at sizes known and not known
    *(
        case(f"max_pool1d: {{kernel: {k}, stride: {s}, padding: {p}, ceil: true}}", x=f"[1, 2{t}]")
        for k, s, p in ((2, 3, 1), (3, 2, 1), (2, 2, 0), (4, 3, 2), (2, 4, 0))
        for t in (", T", ", 7")
    ),
    *(
        case(
            f"avg_pool1d: {{kernel: {k}, stride: {s}, padding: {p}, ceil: true, "
            f"count_padding: {count}}}",
            x=f"[1, 2, {t}]",
        )
        for k, s, p in ((2, 3, 1), (3, 2, 1), (4, 3, 2))
        for count in ("true", "false")
        for t in ("T", "7")
    ),
    case("avg_pool2d: {kernel: [2, 3], stride: 2, padding: 1, ceil: true}", x="[N, 1, T, 5]"),
    case("max_pool2d: {kernel: 2, dilation: 3, padding: 1}", x="[1, 2, 7, T]"),
    case("max_pool2d: {kernel: 2, dilation: 2, padding: same, stride: 2}", x="[1, 2, H, W]"),
    case("conv2d: {out: 2, kernel: 3, stride: 2, padding: same}", x="[N, 2, H, W]"),
    case("conv1d: {out: 2, kernel: 3, stride: 2, dilation: 2, padding: same}", x="[1, 2, T]"),
    case("conv1d: {out: 2, kernel: 2, padding: same}", x="[1, 2, T]"),
    case("conv_transpose1d: {stride: 2, groups: 2}", x="[N, 2, T]", weight="[2, 3, 4]", bias="[6]"),
    # einsum: batch, sums before, after and beside the product, outer products, three operands
    *(
        case(f'einsum: "{equation}"', inputs=inputs)
        for equation, inputs in (
            ("ij,jk->ik", "[N, 3]; [3, T]"),
            ("ij,kj->ki", "[N, 3]; [T, 3]"),
            ("ij,ij->i", "[N, T]; [N, T]"),
            ("ij,ij->", "[N, T]; [N, T]"),
            ("i,j->ij", "[N]; [T]"),
            ("i,j->ji", "[N]; [T]"),
            ("ijk,k->ij", "[N, T, 3]; [3]"),
            ("bhid,bhjd->bhij", "[N, 2, T, 3]; [N, 2, S, 3]"),
            ("bihd,bjhd->bhij", "[N, T, 2, 3]; [N, S, 2, 3]"),
            ("ijk,ikl->ljk", "[N, 2, T]; [N, T, 3]"),
            ("ij,jk,kl->il", "[N, 3]; [3, 2]; [2, T]"),
            ("ij,k->i", "[N, 3]; [T]"),
            ("abc->ca", "[N, 2, T]"),
            ("i,i,i->i", "[N]; [N]; [N]"),
        )
    ),
    # attention: masks of both kinds, causality, other numbers of queries than of keys
    *(
        case(f"attention: {{causal: {causal}}}", q=f"[N, 2, {t}, 4]", k=keys, v=keys, **mask)
        for t, keys, masks in (
            ("T", "[N, 2, T, 4]", ("bool[N, 1, 1, T]", "bool[N, 2, T, T]", "[T, T]")),
            ("3", "[N, 2, 5, 4]", ("bool[N, 1, 1, 5]", "bool[3, 5]", "[N, 1, 3, 5]")),
            ("2", "[N, 2, S + 2, 4]", ("bool[1, S + 2]", "[2, S + 2]")),
            ("1", "[N, 2, S, 4]", ("bool[N, 1, 1, S]",)),
        )
        for causal in ("true", "false")
        for mask in ({}, *({"mask": text} for text in masks))
    ),
    case("attention", q="[T, 4]", k="[S, 4]", v="[S, 2]", mask="bool[T, S]"),
    case("attention: {scale: 1.0, causal: true}", q="[N, T, 4]", k="[N, T, 4]", v="[N, T, 4]"),
    # shapes
    case('rearrange: "a b c d -> d (b a) c"', x="[N, 2, T, 3]"),
    case('rearrange: "n t -> n 1 t 1"', x="[N, T]"),
    case('rearrange: "a b c -> 1 a b c"', x="[N, T, S]"),
    case('rearrange: "a 1 b c -> c a b"', x="[N, 1, T, S]"),
    case('rearrange: {pattern: "n (a b) (c d) -> (n a) d b c", a: 2, d: 3}', x="[N, 2*T, 3*S]"),
    case('rearrange: "... a b -> a ... b"', x="[N, 2, T, S]"),
    case("reshape: {shape: [S, N, T, 2]}", x="[N, 2*T, S]"),
    case("reshape: {shape: [=N * T, S]}", x="[N, T, S]"),
    case("flatten: {start: 0}", x="[N, T, S]"),
    case("squeeze: {axes: [0, 3]}", x="[1, N, T, 1, S]"),
    case("unsqueeze: {axes: [0, 2, 4]}", x="[N, T, S]"),
    case("expand: {shape: [T, N, =2 * S]}", x="[N, 1]"),
    case("slice: {axis: 0, start: =T // 2, stop: =T}", x="[T, 3]"),
    case("slice: {axis: 1, start: -3, step: 2}", x="[N, T]"),
    case("slice: {axis: 0, start: 1, stop: 4}", x="[T]"),
    case("split: {into: [a, b], axis: 0, sizes: [=T - 1, 1]}", x="[T, 2]"),
    case("pad: {pads: [[1, 2]], mode: circular}", x="[N, 2, T]"),
    case("pad: {pads: [[0, 0], [2, 0]], mode: reflect}", x="[N, 2, 3, T]"),
    case("pad: {pads: [[1, 1]], axes: [0], value: 2.0}", x="int64[T] 0..9"),
    case("roll: {by: [7, -2], axes: [0, 1]}", x="[N, T]"),
    case("range: {start: =T * T - N, length: =(T + 1) // 2, step: 3}"),
    case("full: {shape: [N, =T * 2], value: 1.5}"),
    case("resize: {size: [=2 * H, 5], mode: bilinear}", x="[N, 2, H, W]"),
    case("resize: {size: [7, T], mode: bicubic, align_corners: true}", x="[1, 2, 4, 5]"),
    case("resize: {scale: [2, 0.5], mode: nearest}", x="[N, 2, H, W]"),
    # sizes at which single precision rounds otherwise in Resize than in PyTorch
    case("resize: {size: [82, 4]}", x="[N, 2, 2, 4]"),
    case("resize: {scale: 0.3}", x="[N, 1, 34, 40]"),
    case("resize: {scale: 1.1}", x="[N, 2, 9, 4]"),
    case("resize: {size: [5, 6, 74]}", x="[1, 2, 4, 6, 6]"),
    case("resize: {size: 1, mode: linear, align_corners: true}", x="[N, 2, T]"),
    case("center_crop", x="[N, 2, H + 3, W]", like="[N, 1, H, 4]"),
    case("local_response_norm: {size: 2, alpha: 0.5}", x="[N, 3, H, W]"),
    case("local_response_norm: {size: 5, k: 2.0}", x="[N, 3, T]"),
    # recurrent networks, weights fed as values among them
    case(
        "lstm: {hidden: 2, bidirectional: true, layers: 2}", x="[N, T, 3]", h="[4, N, 2]",
        c="[4, N, 2]",
    ),
    case(
        "gru: {hidden: 2}", x="[N, T, 3]", weight_ih_l0="[6, 3]", weight_hh_l0="[6, 2]",
        bias_ih_l0="[6]", bias_hh_l0="[6]",
    ),
    case("rnn: {hidden: 2, bias: false}", x="[N, 3, 2]", weight_ih_l0="[2, 2]"),
    # normalisation over sizes that are not known
    case("instance_norm", x="[N, T, 6]"),
    case("layer_norm: {affine: false}", x="[N, T]"),
    case("rms_norm: {affine: false, axes: [1, 2]}", x="[N, T, 3]"),
    case("group_norm: {groups: 2, affine: false}", x="[N, 2*T, 3]"),
    case("batch_norm: {track: false, affine: false}", x="[N, T, 3]"),
    # linear layers of every rank, both layouts, with and without a bias
    *(
        case(f"linear: {{out: 3, layout: {layout}, bias: {bias}}}", x=x)
        for layout in ("out_in", "in_out")
        for bias in ("true", "false")
        for x in ("[4]", "[N, 4]", "[N, T, 4]", "[2, N, T, 4]")
    ),
    case("linear", x="[N, T, 4]", weight="[3, 4]", bias="[3]"),
    # sums of whole numbers, quotients of negative ones
    case("floor_div", a="int32[N, T] -9..9", b="int32[T] 1..4"),
    case("softplus: {beta: -1.0, threshold: 2.0}", x="[N, 3] -4..4"),
    case("celu: 2.0", x="[N, 3]"),
    case("mean: {axes: [2, 3]}", x="[N, 3, H, W]"),
    case("max: {axes: [2]}", x="[N, 3, T]"),
    case("sinusoid: 4", x="int32[T] 0..9"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_file_computes_the_op_at_every_size(case: Case, tmp_path) -> None:
    program = program_of(case)
    for binding in case.bindings():
        model = exported(program, tmp_path, weights=weights_of(case, binding))
        feeds, weights = feeds_of(case, program, binding), case.weights(binding)
        assert_typed(model, feeds, binding)
        wanted = expected(bound(case.op, binding), case.arrays(binding), weights)
        for level in ("optimised", "as written"):
            found = run(tmp_path / "m.onnx", feeds, level)
            for name, value in zip(program.model.outputs, wanted, strict=True):
                assert found[name].dtype == value.numpy().dtype
                np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=2e-5, err_msg=level)
