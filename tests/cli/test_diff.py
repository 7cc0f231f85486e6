"""`archc diff`: what must change to make one network into another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from archc.diff import CONSEQUENCES, Change, difference
from archc.pipeline import compile, compile_text

BASE = """\
archc: 1
name: net
inputs: {image: [N, 3, 16, 16]}
blocks:
  unit:
    params: {out: int, drop: 0.0}
    graph:
      - {conv2d: {out: =out, kernel: 3, padding: 1}, name: conv}
      - relu
      - dropout: =drop
graph:
  - {conv2d: {out: 8, kernel: 3}, name: stem}
  - relu
  - {unit: 8, name: body, repeat: 4}
  - global_avg_pool
  - {linear: 10, name: head}
outputs: {logits: prev}
"""


def changes(before: str, after: str) -> list[Change]:
    """What differs when a piece of the base text is replaced, but for what only follows from it."""
    assert before in BASE
    found = difference(compile_text(BASE), compile_text(BASE.replace(before, after)))
    return [
        replace(one, facts=tuple(fact for fact in one.facts if fact[0] not in CONSEQUENCES))
        for one in found.changes
        if not one.consequence
    ]


def test_equal_networks_do_not_differ() -> None:
    assert difference(
        compile_text(BASE), compile_text(BASE.replace("name: net", "name: other"))
    ).same


def test_an_attribute_that_changed_is_named_with_both_values() -> None:
    assert changes("{out: 8, kernel: 3}", "{out: 8, kernel: 3, stride: 2}") == [
        Change("changed", "stem", "conv2d", (("stride", "", "2"),))
    ]


def test_shapes_that_follow_from_a_change_are_told_apart() -> None:
    found = difference(compile_text(BASE), compile_text(BASE.replace("out: 8, k", "out: 9, k")))
    (own,) = [one for one in found.changes if not one.consequence]
    assert (own.path, own.facts[0]) == ("stem", ("out", "8", "9"))
    assert {one.path for one in found.changes if one.consequence} >= {"1", "body.0.conv"}
    assert found.params[1] - found.params[0] == 27 + 1 + 8 * 9


def test_an_inserted_step_moves_no_other() -> None:
    assert changes("  - relu\n  - {unit", "  - batch_norm\n  - relu\n  - {unit") == [
        Change("added", "1", "batch_norm")
    ]
    assert changes("  - relu\n  - {unit", "  - {unit") == [Change("removed", "1", "relu")]


def test_a_step_of_another_kind_in_the_same_place_changed() -> None:
    assert changes("  - relu\n  - {unit", "  - gelu\n  - {unit") == [
        Change("changed", "1", "gelu", (("is", "relu", "gelu"),))
    ]


def test_copies_that_changed_alike_are_one_change() -> None:
    assert changes("kernel: 3, padding: 1", "kernel: 5, padding: 2") == [
        Change(
            "changed", "body.[0..3].conv", "conv2d", (("kernel", "3", "5"), ("padding", "1", "2"))
        )
    ]


def test_more_copies_are_added_ones() -> None:
    (added,) = changes("repeat: 4", "repeat: 6")
    assert (added.kind, added.path, added.what) == (
        "added",
        "body.[4..5]",
        "unit {drop: 0.0, out: 8}",
    )


def test_a_number_that_is_passed_through_is_a_change_of_the_call() -> None:
    assert changes("{unit: 8, n", "{unit: {out: 8, drop: 0.5}, n") == [
        Change("changed", "body.[0..3]", "unit", (("drop", "0.0", "0.5"),))
    ]


def test_other_inputs_and_outputs_are_changes() -> None:
    found = changes("logits: prev", "scores: prev, stem: stem")
    assert [(one.kind, one.path) for one in found] == [
        ("removed", "logits"), ("added", "scores"), ("added", "stem"),
    ]  # fmt: skip
    found = changes("image: [N, 3, 16, 16]", "image: [N, 3, 18, 18]")
    assert found == [
        Change(
            "changed", "image", "input",
            (("type", "float32[N, 3, 16, 16]", "float32[N, 3, 18, 18]"),),
        )
    ]  # fmt: skip


def test_another_source_is_a_change() -> None:
    (found,) = changes("  - global_avg_pool", "  - {global_avg_pool, in: stem}")
    assert found.facts == (("in", "prev", "stem"),)


def test_initial_values_ties_and_freezing_are_changes() -> None:
    (found,) = changes("name: head", "name: head, init: {bias: zeros}, freeze: true")
    assert set(found.facts) == {
        ("init of bias", "uniform", "zeros"),
        ("freeze of weight", "", "true"),
        ("freeze of bias", "", "true"),
    }


def test_models_are_compared_by_name() -> None:
    found = difference(compile("vae"), compile("vae", set={"hidden": 500}))
    own = {one.path for one in found.changes if not one.consequence}
    assert own == {"encoder.fc", "decoder.fc"}


@pytest.mark.parametrize(
    ("a", "b"),
    [("resnet18", "resnet152"), ("gpt2", "gpt2_xl"), ("lenet5", "lenet5_1998"), ("unet", "swin_t")],
)
def test_going_back_is_the_opposite(a: str, b: str) -> None:
    there, back = (difference(compile(x), compile(y)) for x, y in ((a, b), (b, a)))
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    assert sorted((opposite[one.kind], one.path) for one in there.changes) == sorted(
        (one.kind, one.path) for one in back.changes
    )
    assert not there.same


def test_the_verb_prints_what_differs_and_ends_with_one(archc, tiny: Path) -> None:
    assert archc("diff", tiny, tiny) == (0, "tiny → tiny\nno difference\n", "")
    code, out, err = archc("diff", tiny, f"{tiny}:small")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "tiny → small",
        "parameters  90 → 46",
        "MACs        80 → 40",
        "",
        "~ fc.0  linear",
        "    out: 8 → 4",
        "  and the shapes of 2 steps (--all shows them)",
    ]
    assert (
        "~ head  linear\n    weights: weight float32[2, 8]"
        in archc("diff", tiny, f"{tiny}:small", "--all").out
    )


def test_machines_read_every_change(archc, tiny: Path) -> None:
    found = archc("diff", tiny, f"{tiny}:large", "--json")
    assert found.code == 1
    assert found.json["same"] is False
    assert found.json["a"] == {"name": "tiny", "params": 90, "macs": 80}
    kinds = {(one["kind"], one["path"]) for one in found.json["changes"]}
    assert {("changed", "fc.0"), ("added", "fc.1")} <= kinds
    (first,) = [one for one in found.json["changes"] if one["path"] == "fc.0"]
    assert first["facts"]["out"] == {"old": "8", "new": "16"}


def test_a_wrong_spec_is_reported(archc, tiny: Path, wrong: Path) -> None:
    code, out, err = archc("diff", "lenet5", wrong)
    assert (code, out) == (1, "")
    assert "error[E206]" in err
