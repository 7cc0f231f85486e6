"""Holes: what may stand in them, what is near, and how they are told to a regressor."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archc.search.holes import Choices, Domain, Hole, Real, Whole, filled, same
from archc.spec.formula import parse

NUMBERS = st.integers(-50, 50)
SCALES = st.integers(1, 1000)


@st.composite
def domains(draw: st.DrawFn) -> Domain:
    log = draw(st.booleans())
    low, high = sorted(draw(st.tuples(*[SCALES if log else NUMBERS] * 2)))
    match draw(st.sampled_from(["choices", "words", "whole", "real"])):
        case "choices":
            return Choices(tuple(draw(st.lists(NUMBERS, min_size=1, max_size=5, unique=True))))
        case "words":
            return Choices(("relu", "tanh", {"leaky_relu": 0.2}))
        case "whole":
            return Whole(low, high, log)
    return Real(float(low), float(high), log)


@given(domains(), st.integers())
def test_what_is_drawn_is_in_the_domain(domain: Domain, seed: int) -> None:
    value = domain.draw(Random(seed))
    assert domain.holds(value)
    assert all(domain.holds(one) for one in domain.grid(8))
    assert all(domain.holds(one) and not same(one, value) for one in domain.near(value))


@given(domains(), st.integers())
def test_a_mutation_is_another_value_where_there_is_one(domain: Domain, seed: int) -> None:
    random = Random(seed)
    value = domain.draw(random)
    changed = domain.mutated(value, random)
    assert domain.holds(changed)
    if not isinstance(domain, Real):  # which can meet its ends again
        assert same(changed, value) == (domain.size == 1)


@given(domains(), st.integers())
def test_features_are_from_0_to_1_and_tell_values_apart(domain: Domain, seed: int) -> None:
    grid = domain.grid(5)
    encoded = [domain.encoded(value) for value in grid]
    assert all(0 <= number <= 1 for one in encoded for number in one.values())
    assert len({tuple(sorted(one.items())) for one in encoded}) == len(grid)


def test_numbers_have_an_order_and_names_have_none() -> None:
    widths, acts = Choices((48, 16, 32)), Choices(("relu", "tanh", "gelu"))
    assert widths.near(32) == [16, 48] and widths.near(48) == [32]
    assert acts.near("tanh") == ["relu", "gelu"]
    assert widths.encoded(32) == {"": 0.5} and acts.encoded("relu") == {"=relu": 1.0}
    assert Whole(1, 6).near(1) == [2] and Whole(16, 1024, log=True).near(100) == [48, 152]
    assert Choices(({"leaky_relu": 0.2}, "relu")).encoded({"leaky_relu": 0.2}) == {
        "={leaky_relu: 0.2}": 1.0
    }


def test_with_log_each_magnitude_is_as_likely() -> None:
    random = Random(0)
    for domain in (Real(1e-4, 1.0, log=True), Whole(1, 10_000, log=True)):
        drawn = sorted(domain.draw(random) for _ in range(2000))
        middle = drawn[1000]
        geometric = (domain.low * domain.high) ** 0.5
        assert geometric / 1.5 < middle < geometric * 1.5


def test_a_value_is_put_where_the_path_leads_and_nowhere_else() -> None:
    parameters = {"stages": [{"out": 16, "n": 1}, {"out": 24, "n": 2}], "width": 8}
    put = filled(parameters, {("stages", 1, "out"): 32, ("stages", 0, "n"): 5})
    assert put == {"stages": [{"out": 16, "n": 5}, {"out": 32, "n": 2}]}
    assert parameters["stages"][1]["out"] == 24
    assert filled(parameters, {("width",): 4}) == {"width": 4}


@pytest.mark.parametrize(("act", "active"), [("relu", False), ("elu", True)])
def test_a_condition_sees_the_parameters_and_what_follows_from_them(act: str, active: bool) -> None:
    hole = Hole(("width",), Whole(1, 4), parse("curved and width > 0"))
    assert hole.active({"act": act, "curved": "=act != 'relu'", "width": 2}) is active


@pytest.mark.parametrize(("hidden", "active"), [(16, False), (64, True)])
def test_a_condition_sees_what_follows_within_lists(hidden: int, active: bool) -> None:
    hole = Hole(("drop",), Real(0, 1), parse("stages[0].out > 32"))
    stages = [{"out": "=hidden"}, {"out": 128}]
    assert hole.active({"stages": stages, "hidden": hidden, "drop": 0.1}) is active
