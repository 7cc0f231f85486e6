"""Wrong specs of any kind end in a program or in errors with a code and a place, and soon."""

from __future__ import annotations

from time import perf_counter

import pytest
from fuzz.mutants import HOSTILE, mutant
from fuzz.source import from_number

from archc.errors import SpecError
from archc.pipeline import compile_text

LONGEST = 4.0  # seconds, with whatever else the machine does; alone each takes less than one
SEED = 20250
SPEC = "archc: 1\ninputs: {{x: [N, 4]}}\ngraph:\n  - {{{step}}}\n"


def refused(text: str) -> None:
    """The text is a spec, or is refused as every wrong one shall be."""
    begun = perf_counter()
    found: SpecError | None = None
    try:
        compile_text(text)
    except SpecError as error:
        found = error
    assert perf_counter() - begun < LONGEST
    if found is not None:
        assert found.diagnostics
        assert all(one.code for one in found.diagnostics)
        assert any(one.place is not None for one in found.diagnostics)
        assert str(found)


@pytest.mark.parametrize("part", range(6))
def test_a_changed_spec_is_read_or_refused(part: int) -> None:
    for number in range(part * 50, part * 50 + 50):
        text = mutant(from_number(SEED, number))
        try:
            refused(text)
        except BaseException as error:
            error.add_note(f"mutant {number} of seed {SEED}:\n{text}")
            raise


@pytest.mark.parametrize(
    "where",
    ["linear: {}", "linear: 3, when: {}", "relu: , repeat: {}", "relu: , name: {}", "add: [x, {}]"],
)
def test_a_hostile_formula_is_refused_wherever_it_stands(where: str) -> None:
    for formula in HOSTILE:
        quoted = (
            '"=' + formula.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "\\0") + '"'
        )
        try:
            refused(SPEC.format(step=where.format(quoted)))
        except BaseException as error:
            error.add_note(f"{where} with {formula[:200]}")
            raise
