"""Random valid specs compile, keep each stage's promises, and mean the same in both backends."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from fuzz.parity import Outcome, examine
from fuzz.specs import Made, from_seed, specs
from hypothesis import HealthCheck, Phase, given, settings

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
KINDS = 40  # ops that a hundred specs reach at least; all of them are reached by a thousand
SEED = 20250

ONE_BY_ONE = settings(
    max_examples=200,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
)


@ONE_BY_ONE
@given(specs())
def test_a_random_spec_is_the_same_network_in_both_backends(made: Made) -> None:
    examine(made.text, number=len(made.text))


@pytest.mark.parametrize("part", range(4))
def test_numbered_specs_agree_and_say_something(part: int) -> None:
    """Those that `bench/fuzz.py` counts: nearly all outputs are finite and not constant."""
    total, seen = Outcome(), Counter[str]()
    for number in range(part * 25, part * 25 + 25):
        made = from_seed(SEED, number)
        outcome = examine(made.text, number)
        total.outputs += outcome.outputs
        total.dull += outcome.dull
        seen += made.ops
    assert len(total.dull) <= 0.15 * total.outputs
    assert len(seen) >= KINDS


def test_the_generator_is_determined_by_its_numbers() -> None:
    assert from_seed(1, 2).text == from_seed(1, 2).text != from_seed(1, 3).text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_was_found_stays_right(path: Path) -> None:
    """Each case is a spec that something got wrong once."""
    for number in (0, 1, 3):
        assert not examine(path.read_text(encoding="utf-8"), number).unsupported
