"""Data to values: formulas are evaluated in a frame, lists and records in depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archc.elaborate.context import Context, StepError
from archc.elaborate.scope import FACTS, Frame, Group, Item, Poison, Poisoned, Reference, Tensor
from archc.errors import did_you_mean
from archc.place import Place
from archc.spec.arithmetic import truth
from archc.spec.ast import Step
from archc.spec.data import Data, Scalar, Sequence
from archc.spec.formula import Formula, evaluate
from archc.spec.values import ABSENT, Argument, Facts, FormulaError, NeedsValue


@dataclass(frozen=True, slots=True)
class View(Facts):
    """A step with several outputs, or a scope, as formulas see it: `s.out.shape`, `s.channels`."""

    item: Item

    def fact(self, name: str) -> object:
        if self.item.inside is not None and name in self.item.inside.items:
            return seen(self.item.inside.items[name])
        if name in self.item.outputs:
            return known(self.item.outputs[name])
        first = known(self.item.first)
        if isinstance(first, Tensor):
            return first.fact(name)
        raise FormulaError(
            "E214", f"there is no '.{name}' here", did_you_mean(name, [*self.item.outputs, *FACTS])
        )


def known(reference: Reference) -> Any:
    """A reference as a formula's value. Raises Poisoned."""
    if isinstance(reference, Poison):
        raise Poisoned
    if isinstance(reference, Group):
        return [known(item) for item in reference.items]
    return reference


def seen(item: Item) -> Any:
    """An item as a formula's value; asking counts as a use."""
    item.used = True
    if len(item.outputs) == 1 and item.inside is None:
        return known(item.first)
    return View(item)


class Evaluator:
    """Evaluates data in frames; every formula spends from the one budget."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.tables: dict[
            Any, Any
        ] = {}  # values of formulas with comprehensions, by what they depend on

    def value(self, data: Data, frame: Frame, *, symbolic: bool = False) -> Any:
        """The data's value. With `symbolic`, a bare string is a dimension's name.

        Raises StepError, Poisoned.
        """
        if isinstance(data, Scalar):
            return self._scalar(data, frame, symbolic)
        value = self._value(data, frame, symbolic)
        try:
            self.context.budget.measure(value)
        except FormulaError as error:
            raise StepError.of(error.code, error.message, data.place) from error
        return value

    def _value(self, data: Data, frame: Frame, symbolic: bool) -> Any:
        if isinstance(data, Scalar):
            return self._scalar(data, frame, symbolic)
        if isinstance(data, Sequence):
            return [self._value(item, frame, symbolic) for item in data.items]
        return {
            key: self._value(entry.value, frame, symbolic) for key, entry in data.entries.items()
        }

    def _scalar(self, data: Scalar, frame: Frame, symbolic: bool) -> Any:
        if data.formula is None:
            if symbolic and isinstance(data.value, str):
                return self.symbol(data.value, data.place, frame)
            return data.value
        if not isinstance(data.formula, Formula):  # it cannot be parsed, which was said
            raise Poisoned
        return self.formula(data.formula, data.place, frame)

    def formula(self, formula: Formula, place: Place, frame: Frame) -> Any:
        key = self._table_key(formula, frame) if formula.bound else None
        if key is not None and key in self.tables:
            return self.tables[key]
        try:
            if formula.alone is not None:
                return self.lookup(formula.alone, frame)
            value = evaluate(formula, lambda name: self.lookup(name, frame), self.context.budget)
            if key is not None:
                self.tables[key] = value
            return value
        except FormulaError as error:
            raise StepError.of(
                error.code,
                f"in the formula '={formula.text[:80]}': {error.message}",
                place,
                help=error.help,
                notes=frame.builder.trace,
            ) from error

    def _table_key(self, formula: Formula, frame: Frame) -> Any:
        """What a formula's value depends on, if that is numbers and strings in the bindings."""
        if not formula.bound.isdisjoint(frame.bindings):
            return None
        found = [frame.bindings.get(name) for name in sorted(formula.names)]
        if all(type(value) in (int, float, str, bool) for value in found):
            return (formula.text, *found)
        return None

    def lookup(self, name: str, frame: Frame) -> Any:
        """What a formula's name means.

        A parameter or loop variable, a value in scope, a symbolic dimension.
        """
        if name in frame.bindings:
            return frame.bindings[name]
        if name == "prev":
            return seen(frame.prev)
        item = frame.scope.find(name)
        if item is not None:
            return seen(item)
        if name in frame.builder.symbols:
            return frame.builder.symbols[name]
        names = [*frame.bindings, *frame.scope.names(), *frame.builder.symbols, "prev"]
        raise FormulaError("E215", f"'{name}' is not known here", did_you_mean(name, names))

    def symbol(self, name: str, place: Place, frame: Frame) -> Any:
        """A bare name in a shape."""
        if name in frame.builder.symbols:
            return frame.builder.symbols[name]
        if name in frame.bindings:
            help = f"'{name}' is a parameter: write ={name}"
        else:
            help = (
                did_you_mean(name, frame.builder.symbols) or "symbols come from the inputs' shapes"
            )
        raise StepError.of(
            "E312",
            f"no symbolic dimension '{name[:60]}' here",
            place,
            help=help,
            notes=frame.builder.trace,
        )

    def frozen(self, step: Step, frame: Frame) -> bool:
        """Whether weights in the step are frozen: the innermost `freeze` around an op decides."""
        return frame.frozen if step.freeze is None else self.condition(step.freeze, frame)

    def condition(self, data: Data, frame: Frame) -> bool:
        value = self.value(data, frame)
        try:
            return truth(value)
        except FormulaError as error:
            raise StepError.of(error.code, error.message, data.place, help=error.help) from error


def plain_argument(value: Any) -> Any:
    """A passed-through parameter where its number is needed after all. Raises NeedsValue."""
    if isinstance(value, Argument):
        raise NeedsValue(value)
    return value


__all__ = ["ABSENT", "Evaluator", "View", "known", "plain_argument", "seen"]
