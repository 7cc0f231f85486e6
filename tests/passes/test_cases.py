"""Passes by example: `cases/*.txt` hold a program before and after, and what was run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from passes.interpreter import outputs, random_inputs, random_weights
from sections import sections

from archc import passes
from archc.ir.parse import parse
from archc.ir.text import text

CASES = sorted((Path(__file__).parent / "cases").glob("*.txt"))


def steps(written):
    """The passes that a case names, one a line, as Python writes them."""
    known = {name: getattr(passes, name) for name in passes.__all__}
    return [eval(line, known) for line in written.splitlines()]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_result_is_as_written(path):
    parts = sections(path)
    before = parse(parts["before"])
    after = passes.run(before, steps(parts["passes"]))
    assert text(after) == parts["after"]
    assert text(before) == text(parse(parts["before"]))  # what was given stays as it is
    again = passes.run(after, steps(parts["passes"]))
    assert text(again) == parts["after"]  # a second time, there is nothing left to do


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_values_stay(path):
    parts = sections(path)
    before = parse(parts["before"])
    after = passes.run(before, steps(parts["passes"]))
    inputs = random_inputs(before)
    weights = random_weights(before)
    wanted, found = outputs(before, inputs, weights), outputs(after, inputs, weights)
    assert wanted.keys() == found.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)
        assert found[name].dtype == value.dtype
