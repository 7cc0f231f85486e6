"""Numbers that pass through definitions: where all calls pass the same, it is written in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archc.spec.values import Argument

if TYPE_CHECKING:
    from archc.ir.program import Definition
    from archc_torch.plan.stand_ins import StandIns


class Rates:
    """The values that a model's calls pass, by the block that takes them and the parameter."""

    def __init__(self, stand_ins: StandIns) -> None:
        self.stand_ins = stand_ins
        self._values: dict[tuple[str, str], set[float]] | None = None

    def of(self, definition: Definition, argument: Argument) -> object:
        """The value that every call passes, or the parameter itself if they differ."""
        if self._values is None:
            self._values = {}
            self._gather(self._values, self.stand_ins.main, {}, set())
        values = self._values.get((definition.source, argument.name), set())
        return next(iter(values)) if len(values) == 1 else argument

    def _gather(
        self,
        found: dict[tuple[str, str], set[float]],
        definition: Definition,
        arguments: Mapping[str, float],
        seen: set[Any],
    ) -> None:
        mark = (id(definition), *sorted(arguments.items()))
        if mark in seen:
            return
        seen.add(mark)
        for name, value in arguments.items():
            found.setdefault((definition.source, name), set()).add(value)
        for call in definition.calls():
            inner = {
                name: arguments[value.name] if isinstance(value, Argument) else value
                for name, value in call.arguments.items()
            }
            self._gather(found, self.stand_ins.of(call.definition), inner, seen)
