"""Structural moves: what each kind writes, and what it leaves as it was."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from random import Random

import numpy as np
import pytest

from archc.pipeline import compile_text
from archc.sample import inputs
from archc.search.candidate import Candidate, network_digest
from archc.search.inherit import inherited
from archc.search.moves import FINDERS, moves, room
from archc.search.section import Moves
from archc.spec.search import MOVES
from archc.store import stored

SPECS = Path(__file__).parents[2] / "specs"

PICTURES = """\
archc: 1
name: net
inputs: {image: [N, 3, 32, 32]}
blocks:
  unit:
    params: {out: int}
    graph:
      # two layers around which the input passes
      - {conv2d: {out: =out, kernel: 3, padding: 1}, name: conv1}
      - {batch_norm, name: bn1}
      - relu # the only activation
      - {conv2d: {out: =out, kernel: 3, padding: 1}, name: conv2}
      - add: [x, conv2]
graph:
  - {conv2d: {out: 16, kernel: 3, stride: 2, padding: 1}, name: stem}
  - {unit: {out: 16}, name: one}
  - {unit: {out: 16}, name: two}
  - {conv2d: {out: 32, kernel: 3, padding: 1}, name: last}
  - max_pool2d: 2
  - global_avg_pool
  - {linear: 10, name: head}
"""
WORDS = """\
archc: 1
name: net
params: {heads: 4, layers: 2, depths: [1, 2]}
inputs: {x: [N, T, 24]}
blocks:
  layer:
    graph:
      - {layer_norm, name: norm}
      - {self_attention: {heads: 4}, name: attn}
      - {add: [x, prev], name: y}
      - {linear: =4 * x.features, name: up}
      - gelu
      - {linear: =x.features, name: down}
      - add: [y, prev]
graph:
  - {linear: 24, name: first, repeat: 3}
  - {layer, name: layers, repeat: =layers}
  - name: ="stage" + str(i)
    repeat: {i: 2, n: =depths}
    do: [{layer, repeat: {j: =n}}]
  - {rearrange: {pattern: "n t (h d) -> n h t d", h: =heads}, name: split}
  - softmax: -1
  - {rearrange: "n h t d -> n t (h d)", name: joined}
"""
POSITIONS = """\
archc: 1
name: net
inputs: {x: [N, 8]}
graph:
  - linear: 8
  - relu
  - linear: 8
  - tanh
  - linear: 4
"""
LAST = """\
archc: 1
name: net
inputs: {x: [N, 8]}
graph:
  - {linear: 4, name: fc}
  - {do: [relu, {linear: 4, name: head}]}
outputs: {y: prev}
"""


def read(text: str) -> Candidate:
    return Candidate.read(text, SPECS / "net.yaml")


def change(before: Candidate, after: Candidate) -> list[str]:
    """The lines of the text that a move took away and put in."""
    lines = unified_diff(before.text().splitlines(), after.text().splitlines(), n=0, lineterm="")
    return [
        f"{x[0]} {' '.join(x[1:].split())}" for x in lines if not x.startswith(("---", "+++", "@@"))
    ]


def move(candidate: Candidate, kind: str, what: str) -> Candidate:
    found = {one.what: one for one in moves(candidate).all(kind)}
    assert what in found, sorted(found)
    return found[what].made(candidate)


# ---- what each kind writes

WRITTEN = [
    (PICTURES, "swap", "relu in unit becomes silu, in all its uses",
     ["- - relu # the only activation", "+ - silu # the only activation"]),
    (PICTURES, "swap", "bn1 in unit becomes group_norm 4, in all its uses",
     ["- - {batch_norm, name: bn1}", "+ - {group_norm: 4, name: bn1}"]),
    (PICTURES, "swap", "max_pool2d becomes avg_pool2d 2",
     ["- - max_pool2d: 2", "+ - avg_pool2d: 2"]),
    (PICTURES, "insert", "conv_1 (conv2d 3) before bn1 in unit, in all its uses",
     [("+ - {conv2d: {out: 16, kernel: 3, padding: 1, bias: false}, init: {weight: dirac}, "
       "name: conv_1}")]),
    (PICTURES, "insert", "conv_1 (conv2d 3 by channel) before two",
     ["+ - conv2d: {out: 16, kernel: 3, padding: 1, groups: 16, bias: false}",
      "+ init: {weight: {dirac: 16}}",
      "+ name: conv_1"]),
    (PICTURES, "insert", "new relu before last", ["+ - relu"]),
    (WORDS, "insert", "linear_1 (linear) before norm in layer, in all its uses",
     ["+ - {linear: {out: 24, bias: false}, init: {weight: eye}, name: linear_1}"]),
    (LAST, "insert", "new elu before the do", ["+ - elu"]),
    (LAST, "insert", "new elu at the end of the do",
     ["- - do: [relu, {linear: 4, name: head}]", "+ - do: [relu, {linear: 4, name: head}, elu]"]),
    (POSITIONS, "width", "the 2nd linear 1/2 as wide (4)", ["- - linear: 8", "+ - linear: 4"]),
    (PICTURES, "remove", "without relu in unit, in all its uses",
     ["- - relu # the only activation"]),
    (PICTURES, "remove", "without conv2 in unit, in all its uses",
     ["- - relu # the only activation",
      "- - {conv2d: {out: =out, kernel: 3, padding: 1}, name: conv2}",
      "- - add: [x, conv2]",
      "+ - {relu, name: relu_1} # the only activation",
      "+ - add: [x, relu_1]"]),
    (PICTURES, "rewire", "add in unit reads conv1 instead of x, in all its uses",
     ["- - add: [x, conv2]", "+ - add: [conv1, conv2]"]),
    (PICTURES, "rewire", "relu moved before bn1 in unit, in all its uses",
     ["+ - relu # the only activation", "- - relu # the only activation"]),
    (WORDS, "rewire", "add in layer reads x instead of y, in all its uses",
     ["- - add: [y, prev]", "+ - add: [x, prev]"]),
    (PICTURES, "skip", "skip_1 adds stem before two",
     ["+ - {gated_skip: [prev, stem], name: skip_1}"]),
    (WORDS, "skip", "without add in layer, in all its uses", ["- - add: [y, prev]"]),
    (PICTURES, "duplicate", "two_1, a copy of two, before it",
     ["+ - {unit: {out: 16}, name: two_1}"]),
    (PICTURES, "duplicate", "without two", ["- - {unit: {out: 16}, name: two}"]),
    (WORDS, "repeat", "first 4 times",
     ["- - {linear: 24, name: first, repeat: 3}", "+ - {linear: 24, name: first, repeat: 4}"]),
    (WORDS, "repeat", "layers: 1",
     ["- params: {heads: 4, layers: 2, depths: [1, 2]}",
      "+ params: {heads: 4, layers: 1, depths: [1, 2]}"]),
    (WORDS, "repeat", "depths: [2, 2]",
     ["- params: {heads: 4, layers: 2, depths: [1, 2]}",
      "+ params: {heads: 4, layers: 2, depths: [2, 2]}"]),
    (PICTURES, "width", "conv1 in unit 3/2 as wide (=3 * out // 2), in all its uses",
     ["- - {conv2d: {out: =out, kernel: 3, padding: 1}, name: conv1}",
      "+ - {conv2d: {out: =3 * out // 2, kernel: 3, padding: 1}, name: conv1}"]),
    (PICTURES, "width", "stem, one, two 3/2 as wide",
     ["- - {conv2d: {out: 16, kernel: 3, stride: 2, padding: 1}, name: stem}",
      "- - {unit: {out: 16}, name: one}",
      "- - {unit: {out: 16}, name: two}",
      "+ - {conv2d: {out: 24, kernel: 3, stride: 2, padding: 1}, name: stem}",
      "+ - {unit: {out: 24}, name: one}",
      "+ - {unit: {out: 24}, name: two}"]),
    (WORDS, "width", "up in layer 3/2 as wide (=6 * x.features), in all its uses",
     ["- - {linear: =4 * x.features, name: up}", "+ - {linear: =6 * x.features, name: up}"]),
    (PICTURES, "kernel", "stem with a kernel of 5",
     ["- - {conv2d: {out: 16, kernel: 3, stride: 2, padding: 1}, name: stem}",
      "+ - {conv2d: {out: 16, kernel: 5, stride: 2, padding: 2}, name: stem}"]),
    (PICTURES, "kernel", "last with a kernel of 1",
     ["- - {conv2d: {out: 32, kernel: 3, padding: 1}, name: last}",
      "+ - {conv2d: {out: 32, kernel: 1}, name: last}"]),
    (PICTURES, "kernel", "max_pool2d with a kernel of 4",
     ["- - max_pool2d: 2", "+ - max_pool2d: {kernel: 4, stride: 2, padding: 1}"]),
    (PICTURES, "stride", "the strides of stem and last exchanged",
     ["- - {conv2d: {out: 16, kernel: 3, stride: 2, padding: 1}, name: stem}",
      "+ - {conv2d: {out: 16, kernel: 3, padding: 1}, name: stem}",
      "- - {conv2d: {out: 32, kernel: 3, padding: 1}, name: last}",
      "+ - {conv2d: {out: 32, kernel: 3, padding: 1, stride: 2}, name: last}"]),
    (PICTURES, "groups", "last in groups of 8",
     ["- - {conv2d: {out: 32, kernel: 3, padding: 1}, name: last}",
      "+ - {conv2d: {out: 32, kernel: 3, padding: 1, groups: 8}, name: last}"]),
    (WORDS, "heads", "attn in layer with 6 heads, in all its uses",
     ["- - {self_attention: {heads: 4}, name: attn}",
      "+ - {self_attention: {heads: 6}, name: attn}"]),
    (WORDS, "heads", "heads: 8",
     ["- params: {heads: 4, layers: 2, depths: [1, 2]}",
      "+ params: {heads: 8, layers: 2, depths: [1, 2]}"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind", "what", "lines"), WRITTEN, ids=[what for _, _, what, _ in WRITTEN]
)
def test_a_move_writes_this_and_nothing_else(
    text: str, kind: str, what: str, lines: list[str]
) -> None:
    before = read(text)
    after = move(before, kind, what)
    assert change(before, after) == lines
    assert network_digest(compile_text(after.text())) == after.network != before.network


def test_every_kind_is_among_them() -> None:
    assert {kind for _, kind, _, _ in WRITTEN} == set(MOVES) == set(FINDERS)


# ---- names


def weights(candidate: Candidate) -> dict[str, str]:
    return {one.name: str(one.type) for one in candidate.program.weights()}


@pytest.mark.parametrize("kind", ["insert", "skip", "duplicate", "remove", "rewire"])
def test_weights_that_go_by_a_position_keep_their_names(kind: str) -> None:
    before = read(POSITIONS)
    for one in moves(before).all(kind):
        after = one.made(before)
        left = {path.partition(".")[0] for path in weights(after)}
        gone = {"0", "2", "4"} - left
        assert len(gone) == (1 if "without" in one.what and "linear" in one.what else 0), one.what


def test_a_position_that_shifts_becomes_a_name() -> None:
    before = read(POSITIONS)
    after = move(before, "insert", "layer_norm_1 (layer_norm) before tanh")
    assert sorted(change(before, after)) == [
        "+ - {layer_norm, name: layer_norm_1}",
        "+ - {linear: 4, name: 4}",
        "+ - {tanh, name: 3}",
        "- - linear: 4",
        "- - tanh",
    ]


def test_a_position_that_depends_on_a_condition_becomes_a_formula() -> None:
    text = (SPECS / "mobilenet_v2.yaml").read_text(encoding="utf-8")
    before = Candidate.read(text, SPECS / "mobilenet_v2.yaml")
    what = "gelu_1 (gelu) before batch_norm in inverted_residual.conv, in all its uses"
    after = move(before, "insert", what)
    assert "+ - {batch_norm, name: =2 + (1 if expand != 1 else 0)}" in change(before, after)
    assert weights(before) == weights(after)


def test_weights_that_others_speak_of_stay() -> None:
    tied = """\
archc: 1
inputs: {tokens: {shape: [N, T], dtype: int64}}
graph:
  - {embedding: {num: 50, dim: 16}, name: table}
  - {linear: 16, name: fc}
  - relu
  - {linear: {out: 50, bias: false}, name: head, tie: {weight: table.weight}}
"""
    candidate = read(tied)
    assert not [one for one in moves(candidate).all("width") if "table" in one.what]
    wider = tied.replace("- relu", "- {linear: 16, name: fc2}\n  - relu")
    found = {one.what.split()[0] for one in moves(read(wider)).all("width")}
    assert found == {"fc"}  # what gives the tied layer its input keeps its width


def test_all_models_of_a_candidate_tell_it_apart() -> None:
    path = SPECS / "gan.yaml"
    before = Candidate.read(path.read_text(encoding="utf-8"), path)
    for model in before.file.models:
        one = moves(before, Moves(within=(model,))).all("insert")[0]
        assert one.made(before).digest != before.digest


# ---- scopes


def test_moves_keep_within_the_scopes_that_are_named() -> None:
    candidate = read(PICTURES)
    for kind in MOVES:
        within = Moves(within=("unit",))
        for one in moves(candidate, within).all(kind):
            assert all(edit.path[:2] == ("blocks", "unit") for edit in one.edits)
    assert moves(candidate, Moves(within=("one",))).all("kernel")  # the block that it calls


def test_a_use_of_a_block_may_get_a_block_of_its_own() -> None:
    candidate, random = read(PICTURES), Random(0)
    drawn = (moves(candidate, Moves(kinds=("kernel",))).draw(random) for _ in range(200))
    one = next(one for one in drawn if one is not None and "copy" in one.what)
    after = one.made(candidate)
    assert one.what.endswith(("for one", "for two"))
    calls = [line for line in change(candidate, after) if "unit" in line and "name:" in line]
    assert len([line for line in calls if line.startswith("+")]) == 1
    assert compile_text(after.text()).digest == after.digest
    assert weights(after).keys() == weights(candidate).keys()


GROWS = """\
archc: 1
name: net
inputs: {x: [N, 8, 6]}
blocks:
  one: {graph: [{linear: =x.features}]}
  two: {graph: [{linear: 64}, {linear: =x.features}]}
graph:
  - {gru: {hidden: 6}, name: state}
  - {one, name: unit}
  - {conv1d: {out: 8, kernel: 3, padding: 1}, name: conv}
"""


def test_what_is_large_enough_already_only_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("swap", "kernel", "insert")
    before = {one.what for kind in kinds for one in moves(read(GROWS)).all(kind)}
    monkeypatch.setattr(room, "TIMES", 0)
    monkeypatch.setattr(room, "WEIGHTS", 0)
    after = {one.what for kind in kinds for one in moves(read(GROWS)).all(kind)}
    grown = {"state becomes lstm", "unit becomes two", "conv with a kernel of 5"}
    assert grown <= before and not grown & after
    assert "state becomes rnn" in after and "conv with a kernel of 1" in after


def test_a_layer_of_all_channels_is_put_in_only_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "WEIGHTS", 16 * 16)
    monkeypatch.setattr(room, "TIMES", 1)
    found = {one.what.partition(" in unit")[0] for one in moves(read(PICTURES)).all("insert")}
    assert {"conv_1 (conv2d 1) before bn1", "conv_1 (conv2d 3 by channel) before bn1"} <= found
    assert "conv_1 (conv2d 3) before bn1" not in found


def test_an_op_s_inputs_stay_where_another_op_takes_its_place() -> None:
    text = POSITIONS.replace("  - relu\n", "  - {tanh, name: h}\n  - silu\n  - {relu: [h]}\n")
    before = read(text)
    after = move(before, "swap", "relu becomes gelu")
    assert change(before, after) == ["- - relu: [h]", "+ - {gelu, in: [h]}"]


SPLIT = """\
archc: 1
name: net
inputs: {x: [N, 16, 8]}
blocks:
  unit: {params: {groups: 4}, graph: [{conv1d: {out: 16, kernel: 1, groups: =groups}}]}
  noise: {inputs: {}, params: {groups: 4}, graph: [{zeros: {shape: [1, =4 * groups, 8]}}]}
graph:
  - {unit: {groups: 2}, name: said}
  - {unit, name: unsaid}
  - {noise, name: more}
  - add: [prev, unsaid]
"""


def test_a_block_has_groups_of_its_own() -> None:
    before = read(SPLIT)
    found = {one.what: one.made(before) for one in moves(before).all("groups")}
    assert "unsaid in groups of 4" not in found
    one = change(before, found["said in one group"])
    assert one == ["- - {unit: {groups: 2}, name: said}", "+ - {unit: {groups: 1}, name: said}"]
    assert "+ - {unit: {groups: 1}, name: unsaid}" in change(before, found["unsaid in one group"])


@pytest.mark.parametrize("shape", ["[16]", "[N, 16]", "[N, T, 16]"])
def test_a_block_s_width_is_that_of_its_features(shape: str) -> None:
    text = f"""\
archc: 1
name: net
inputs: {{x: {shape}}}
blocks: {{dense: {{params: {{out: int}}, graph: [{{linear: =out}}, relu]}}}}
graph: [{{dense: {{out: 16}}, name: body}}, {{linear: 4, name: head}}]
"""
    assert "body 3/2 as wide (24)" in {one.what for one in moves(read(text)).all("width")}


def test_a_kind_that_is_not_there_gives_none() -> None:
    assert moves(read(POSITIONS), Moves(kinds=("heads", "kernel"))).draw(Random(0)) is None


# ---- functions


@pytest.mark.parametrize(
    ("text", "kind", "beginning"),
    [
        (PICTURES, "insert", "conv_1 (conv2d 5 by channel) before bn1 in unit"),
        (PICTURES, "skip", "skip_1 adds stem before last"),
        (WORDS, "insert", "linear_1 (linear) before norm in layer"),
    ],
)
def test_what_is_put_in_begins_as_nothing(text: str, kind: str, beginning: str) -> None:
    pytest.importorskip("torch")
    import archc_torch

    before = read(text)
    found = [one for one in moves(before).all(kind) if one.what.startswith(beginning)]
    assert found, beginning
    after = found[0].made(before)
    with stored(before.program, None, 0) as entries:
        old = {name: np.array(entry.array()) for name, entry in entries.items()}
    feeds = inputs(before.program.model, {"N": 2, "T": 5}, 0)
    results = []
    new = inherited(after.program, before.program, old)
    for program, values in ((before.program, old), (after.program, new)):
        module = archc_torch.module(program, weights=values)
        results.append(archc_torch.evaluate(module, feeds)["output"])
    assert np.allclose(*results, atol=1e-5)
