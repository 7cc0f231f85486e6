"""The space: what can be reached, and that all of it is valid."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search.spaces import SMALL, SPEC, opened, reread

from archc.errors import SpecError
from archc.search.candidate import Candidate
from archc.search.edit import Edit
from archc.search.section import Moves
from archc.search.space import Space

# Groups that do not divide the channels make half of the candidates wrong.
PICKY = """\
archc: 1
params: {width: 8, groups: 2}
inputs: {image: [N, 8, 4, 4]}
graph: [{conv2d: {out: =width, kernel: 1, groups: =groups}}]
search:
  vary: {width: [8, 9], groups: [1, 2, 8]}
  objectives: {maximize: score}
  budget: {trials: 10}
"""


def space(text: str = SPEC, **changes: object) -> Space:
    return Space(*opened(text, **changes))


TAUGHT = """\
archc: 1
name: taught
params: {width: 8, rate: 1.0e-3, scale: 1.0, twice: =rate * 2, spread: 0.1, bits: 8, idle: 1}
inputs: {x: [N, 4]}
blocks: {wide: {params: {std: 0.1}, graph: [{linear: 8, init: {weight: {normal: =std}}}]}}
graph: [{wide: {std: =spread}}, {linear: =width}]
outputs: {logits: prev}
train: {data: none, loss: {mul: [logits, =scale]}, optimizer: {adam: {lr: =twice}}}
search:
  vary: {rate: [1.0e-3, 1.0e-2], spread: [0.1, 0.2], scale: [1.0, 2.0], bits: [4, 8]}
  objectives: {maximize: score}
  budget: {trials: 10}
"""


@pytest.mark.parametrize(
    ("changed", "differs"),
    [("rate", True), ("spread", True), ("scale", True), ("bits", True), ("idle", False)],
)
def test_candidates_of_one_network_differ_by_what_they_are_trained_with(
    changed: str, differs: bool
) -> None:
    """Through other parameters and blocks' settings, too; what nothing uses an evaluator may."""
    _, origin = opened(TAUGHT)
    other = origin.with_values({changed: 2})
    assert other.network == origin.network
    assert (other.digest != origin.digest) == differs
    assert reread(other).digest == other.digest


def valid(space: Space, candidate: Candidate) -> bool:
    """Whether a fresh reading of its text is right, and all holes hold what they may."""
    again = reread(candidate)
    assert again.digest == candidate.digest
    at_rest = space.origin.parameters
    return all(
        hole.domain.holds(hole.value(again.parameters))
        or hole.value(again.parameters) == hole.value(at_rest)
        for hole in space.holes
    )


@settings(max_examples=15, deadline=None)
@given(st.integers())
def test_whatever_is_made_is_valid_as_text(seed: int) -> None:
    one, random = space(), Random(seed)
    first, second = one.random(random), one.random(random)
    mutant, words = one.mutate(first, random)
    crossed = one.crossed(first, second, random)
    assert crossed is not None
    assert all(valid(one, each) for each in (first, second, mutant, crossed))
    assert words.count(" → ") == 1


@settings(max_examples=15, deadline=None)
@given(st.integers())
def test_a_mutation_changes_one_hole_that_matters(seed: int) -> None:
    one, random = space(), Random(seed)
    parent = one.random(random)
    child, words = one.mutate(parent, random)
    changed = [
        hole.name
        for hole in one.active(child)
        if hole in one.active(parent)
        and hole.value(parent.parameters) != hole.value(child.parameters)
    ]
    assert len(changed) == 1 and words.startswith(f"{changed[0]}: ")


def test_a_hole_that_does_not_matter_holds_what_the_spec_says() -> None:
    one = space()
    wide = one.with_values(one.origin, {("width",): 32, ("drop",): 0.3})
    assert wide.parameters["drop"] == 0.3
    narrow = one.with_values(wide, {("width",): 16})
    assert narrow.parameters["drop"] == 0.1
    assert narrow.digest == one.origin.digest
    assert "drop" not in {hole.name for hole in one.active(narrow)}


def test_neighbours_are_one_step_away() -> None:
    one = space()
    found = [step()[1] for step in one.neighbours(one.origin)]
    assert found == [
        "width: 16 → 24", "depths.0: 1 → 2", "depths.1: 2 → 1", "depths.1: 2 → 3",
        "act: relu → gelu", "act: relu → {leaky_relu: 0.2}",
        "edges.a: relu → tanh", "edges.a: relu → identity",
        "edges.b: identity → relu", "edges.b: identity → tanh",
    ]  # fmt: skip


def test_a_cross_has_each_hole_of_a_parent() -> None:
    one, random = space(), Random(3)
    first, second = one.random(random), one.random(random)
    for _ in range(10):
        child = one.crossed(first, second, random)
        assert child is not None
        for hole in one.active(child):
            parents = [hole.value(each.parameters) for each in (first, second)]
            assert hole.value(child.parameters) in parents


def test_parents_that_differ_in_more_than_holes_are_not_crossed() -> None:
    one = space()
    other = Candidate.read(
        one.origin.text().replace("{linear: 10,", "{linear: 12,"), one.origin.file.path
    )
    assert one.crossed(one.origin, other, Random(0)) is None
    same = reread(one.origin.with_values({"width": 32}))
    assert one.crossed(one.origin, same, Random(0)) is not None


def test_what_was_read_again_is_the_origin_with_other_values() -> None:
    one = space()
    child = one.random(Random(0))
    again = one.own(reread(child))
    assert again.file is one.origin.file and again.parameters == child.parameters


def test_choices_that_do_not_fit_together_are_drawn_anew() -> None:
    one, random = space(PICKY), Random(0)
    drawn = [one.random(random) for _ in range(30)]
    assert {(each.parameters["width"], each.parameters["groups"]) for each in drawn} == {
        (8, 1), (8, 2), (8, 8), (9, 1),
    }  # fmt: skip
    refused = {json.loads(chosen)["width"]: why for chosen, why in one.refused.items()}
    assert refused.keys() == {9} and all("groups" in why for why in refused.values())
    assert all(each.program for each in drawn)


def test_a_moved_candidate_that_does_not_compile_says_nothing_of_others() -> None:
    one, moved = space(PICKY), (Edit("put", ("graph", 0, "conv2d", "groups"), 8),)
    values = {"width": 9, "groups": 1}
    assert not one.compiles(one.origin.with_edits(moved).with_values(values))
    assert one.compiles(one.origin.with_values(values))
    assert not one.compiles(one.origin.with_edits(moved).with_values({**values, "groups": 2}))
    assert len(one.refused) == 2


def test_a_space_without_anything_valid_says_what_is_wrong() -> None:
    never = PICKY.replace("width: [8, 9]", "width: [9]").replace("groups: [1, 2, 8]", "groups: [8]")
    with pytest.raises(SpecError, match="groups"):
        space(never).random(Random(0))


def test_features_tell_networks_apart_and_not_their_writing() -> None:
    one = space(SMALL)

    def encoded(first: str, second: str):
        candidate = one.with_values(one.origin, {("first",): first, ("second",): second})
        return one.encoded(candidate)

    before, after = encoded("identity", "relu"), encoded("relu", "identity")
    holes = ("first=", "second=")
    graph = [
        {name: n for name, n in each.shapes.items() if not name.startswith(holes)}
        for each in (before, after)
    ]
    assert before.sizes.keys() - {"n identity"} and graph[0] == graph[1]
    assert encoded("relu", "tanh").shapes != encoded("tanh", "relu").shapes
    wide = space()
    bigger = wide.with_values(wide.origin, {("depths", 0): 4})
    sizes = [wide.encoded(each).sizes for each in (wide.origin, bigger)]
    assert all(sizes[0][name] < sizes[1][name] for name in ("params", "macs", "depth"))


def test_moves_are_part_of_the_space() -> None:
    one = space(moves=Moves())
    random = Random(0)
    walked = [one.random(random) for _ in range(12)]
    assert any(each.file is not one.origin.file for each in walked)
    candidate, said = one.origin, []
    for _ in range(12):
        candidate, words = one.mutate(candidate, random)
        said.append(words)
        assert valid(one, candidate)
    assert all(said) and len(set(said)) > 6
    assert sum(":" in words and " → " in words for words in said) < 12
