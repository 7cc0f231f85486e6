"""Patterns that rename weights."""

from __future__ import annotations

import random as chance
import re

import numpy as np
import pytest

from archc.matching import Rules, captures
from archc.pipeline import compile_text
from archc.store import stored


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("a.b", "a.b", ()),
        ("a.b", "a.bc", None),
        ("*", "", ("",)),
        ("*", "a.b", ("a.b",)),
        ("module.*", "module.a.b", ("a.b",)),
        ("*.weight", "a.weight.weight", ("a.weight",)),
        ("a.*.c.*", "a.b.c.d.c.e", ("b", "d.c.e")),
        ("a*a", "a", None),
        ("a*a", "aa", ("",)),
        ("*.x.*", "a.x", None),
        ("[ab]?", "a", None),
        ("*" + "a*" * 30 + "b", "a" * 5000, None),
    ],
)
def test_stars_stand_for_any_text(pattern, name, found):
    assert captures(pattern, name) == found


def test_captures_agree_with_a_regular_expression():
    rng = chance.Random(1)
    for _ in range(3000):
        pattern = "".join(rng.choices("ab*", k=rng.randint(0, 5)))
        name = "".join(rng.choices("ab", k=rng.randint(0, 6)))
        expected = re.fullmatch("(.*?)".join(map(re.escape, pattern.split("*"))), name)
        assert captures(pattern, name) == (expected.groups() if expected else None)


def test_a_rename_puts_what_was_found_in_place_of_the_stars():
    rules = Rules(rename=(("module.*", "*"), ("h.*.attn.*", "layers.*.attention.*")))
    assert rules.renamed("module.h.0.attn.w") == "h.0.attn.w"  # the first that matches, once
    assert rules.renamed("h.0.attn.w") == "layers.0.attention.w"
    assert rules.renamed("wte") == "wte"
    with pytest.raises(ValueError, match="different numbers"):
        Rules(rename=(("a.*", "b"),))


def test_a_table_that_is_to_be_ignored_keeps_the_specs_values() -> None:
    program = compile_text(
        "archc: 1\nname: net\ninputs: {x: [N, 2]}\n"
        "graph:\n  - {weight: {value: [1.0, 2.0]}, freeze: true, name: t}\n  - add: [x, t]\n"
        "weights: {ignore: [t]}\n"
    )
    given = {"t": np.array([5.0, 6.0], np.float32)}
    with stored(program, given) as entries:
        (entry,) = entries.values()
        assert entry.array().tolist() == [1.0, 2.0]
