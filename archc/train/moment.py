"""Numbers that change while a network is trained: `=min(1, epoch / 10)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archc.errors import SpecError
from archc.place import Place
from archc.spec.formula import Formula, evaluate
from archc.spec.values import Budget, FormulaError

CLOCK = ("step", "epoch", "progress")


@dataclass(frozen=True, slots=True)
class Moment:
    """When: optimiser steps done, epochs as a fraction, and the share of the training that is done.

    `step` counts an update's own steps from 0; `epoch` is steps over an epoch's steps; `progress`
    goes from 0 to 1.
    """

    step: int
    epoch: float
    progress: float


@dataclass(frozen=True, slots=True)
class Timed:
    """A formula over the clock and the spec's parameters."""

    formula: Formula
    place: Place
    bindings: Mapping[str, Any] = field(hash=False)

    def at(self, moment: Moment) -> float:
        """The number at a moment. Raises SpecError where there is none."""
        clock = {"step": moment.step, "epoch": moment.epoch, "progress": moment.progress}

        def lookup(name: str) -> Any:
            if name in clock:
                return clock[name]
            return self.bindings[name]

        try:
            value = evaluate(self.formula, lookup, Budget())
        except FormulaError as error:
            raise SpecError.of(error.code, error.message, self.place, help=error.help) from error
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SpecError.of("E202", f"a number is wanted, found {value!r}", self.place)
        return float(value)


Number = float | Timed


def at(number: Number, moment: Moment) -> float:
    return number.at(moment) if isinstance(number, Timed) else number
