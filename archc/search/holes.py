"""Holes: parameters of a spec, whole or by element, that a search may set, and what they may be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from archc.spec.formula import Formula, evaluate, parse
from archc.spec.values import Budget, FormulaError

Path = tuple[str | int, ...]
"""A parameter's name, then keys of records and places of lists: ("stages", 0, "out")."""

NEAR = 0.1  # a step of a real number, as a share of its range


# ---- domains


@dataclass(frozen=True)
class Choices:
    """One of several values. If all are numbers they have an order, whatever it was written in."""

    values: tuple[Any, ...]

    @property
    def size(self) -> float:
        return len(self.values)

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The values in their order; none where they are not numbers."""
        values = [one for one in self.values if is_number(one)]
        return tuple(sorted(values)) if len(values) == len(self.values) else ()

    def holds(self, value: Any) -> bool:
        return any(same(value, one) for one in self.values)

    def within(self, value: Any) -> Any:
        """The value itself, or one of these in its place: the nearest, or else the first."""
        if self.holds(value):
            return value
        if not self.numbers or not is_number(value):
            return self.values[0]
        return min(self.numbers, key=lambda one: abs(one - value))

    def draw(self, random: Random) -> Any:
        return random.choice(self.values)

    def grid(self, count: int) -> list[Any]:
        """All of them, however many."""
        return list(self.values)

    def others(self, value: Any) -> list[Any]:
        """All values but this one."""
        return [one for one in self.values if not same(one, value)]

    def near(self, value: Any) -> list[Any]:
        """The values a step away: the next numbers, or all others where there is no order."""
        if not self.numbers or not is_number(value):
            return self.others(value)
        less = [one for one in self.numbers if one < value]
        more = [one for one in self.numbers if one > value]
        return [*less[-1:], *more[:1]]

    def mutated(self, value: Any, random: Random) -> Any:
        """Another value: if there is an order, half of the time one a step away."""
        others = self.others(value)
        if not others:
            return value
        near = self.near(value)
        return random.choice(near if near and random.random() < 0.5 else others)

    def encoded(self, value: Any) -> Mapping[str, float]:
        """The value as numbers from 0 to 1, by name."""
        if self.numbers and is_number(value):
            below = sum(one < value for one in self.numbers)
            return {"": below / max(1, len(self.numbers) - 1)}
        return {f"={spoken(value)}": 1.0}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`, both included; with `log`, steps are factors."""

    low: int
    high: int
    log: bool = False

    @property
    def size(self) -> float:
        return self.high - self.low + 1

    def holds(self, value: Any) -> bool:
        return isinstance(value, int) and is_number(value) and self.low <= value <= self.high

    def within(self, value: Any) -> int:
        """The value itself, or the bound that it is beyond."""
        return min(self.high, max(self.low, round(value))) if is_number(value) else self.low

    def draw(self, random: Random) -> int:
        if not self.log:
            return random.randint(self.low, self.high)
        return self._at(random.random())

    def grid(self, count: int) -> list[int]:
        """Up to so many numbers, evenly along the scale, from `low` to `high`."""
        if self.size <= count:
            return list(range(self.low, self.high + 1))
        shares = [k / (count - 1) for k in range(count)]
        if self.log:
            return sorted({self._at(share) for share in shares})
        return [round(self.low + share * (self.high - self.low)) for share in shares]

    def near(self, value: Any) -> list[int]:
        """One less and one more, or with `log` a step along the scale and at least one."""
        own = self.within(value)
        step = max(1, round(own * ((self.high / self.low) ** NEAR - 1))) if self.log else 1
        both = dict.fromkeys((max(self.low, own - step), min(self.high, own + step)))
        return [one for one in both if one != value]

    def mutated(self, value: Any, random: Random) -> int:
        """Another number, half of the time one a step away."""
        if self.low == self.high:
            return self.low
        if random.random() < 0.5:
            return random.choice(self.near(value))
        while (drawn := self.draw(random)) == value:
            pass
        return drawn

    def encoded(self, value: Any) -> Mapping[str, float]:
        return {"": position(value, self.low, self.high, self.log)}

    def _at(self, share: float) -> int:
        """The number at a share of the scale; each has the room from half below to half above."""
        low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
        return min(self.high, max(self.low, round(math.exp(low + share * (high - low)))))


@dataclass(frozen=True, slots=True)
class Real:
    """A number from `low` to `high`; with `log`, steps are factors."""

    low: float
    high: float
    log: bool = False

    @property
    def size(self) -> float:
        return math.inf if self.low < self.high else 1

    def holds(self, value: Any) -> bool:
        return is_number(value) and self.low <= value <= self.high

    def within(self, value: Any) -> float:
        """The value itself, or the bound that it is beyond."""
        return min(self.high, max(self.low, value)) if is_number(value) else self.low

    def draw(self, random: Random) -> float:
        return self._at(random.random())

    def grid(self, count: int) -> list[float]:
        """Up to so many numbers, evenly along the scale, from `low` to `high`."""
        return sorted({self._at(k / (count - 1)) for k in range(count)})

    def near(self, value: Any) -> list[float]:
        """A tenth of the range less and more."""
        share = position(value, self.low, self.high, self.log)
        both = (self._at(max(0.0, share - NEAR)), self._at(min(1.0, share + NEAR)))
        return [one for one in both if one != value]

    def mutated(self, value: Any, random: Random) -> float:
        """Another number: half of the time normally distributed around this one.

        What would lie beyond an end of the range is turned back there.
        """
        if random.random() < 0.5:
            share = abs(random.gauss(position(value, self.low, self.high, self.log), NEAR))
            return self._at(max(0.0, min(share, 2.0 - share)))
        return self.draw(random)

    def encoded(self, value: Any) -> Mapping[str, float]:
        return {"": position(value, self.low, self.high, self.log)}

    def _at(self, share: float) -> float:
        """The number at a share of the range, to six digits: a spec is read by people."""
        if self.log:
            value = math.exp(
                math.log(self.low) + share * (math.log(self.high) - math.log(self.low))
            )
        else:
            value = self.low + share * (self.high - self.low)
        return min(self.high, max(self.low, float(f"{value:.6g}")))


Domain = Choices | Whole | Real


# ---- holes


@dataclass(frozen=True)
class Hole:
    """A place in the parameters, and what may stand there.

    Where `when`, a formula over the candidate's parameters, is false, the hole is inactive: it
    holds the origin's value, so that candidates which differ in nothing that matters are equal.
    """

    path: Path
    domain: Domain
    when: Formula | bool = True

    @property
    def name(self) -> str:
        return ".".join(map(str, self.path))

    def value(self, parameters: Mapping[str, Any]) -> Any:
        """What stands there now."""
        found: Any = parameters
        for part in self.path:
            found = found[part]
        return found

    def active(self, parameters: Mapping[str, Any]) -> bool:
        """Whether the hole matters; it does not where its formula has no value, such as 1 / 0."""
        if isinstance(self.when, bool):
            return self.when
        try:
            return bool(evaluate(self.when, lambda name: looked_up(parameters, name), Budget()))
        except FormulaError:
            return False

    def encoded(self, value: Any) -> dict[str, float]:
        """The value as numbers from 0 to 1, by names that begin with the hole's."""
        return {f"{self.name}{end}": number for end, number in self.domain.encoded(value).items()}


def looked_up(parameters: Mapping[str, Any], name: str) -> Any:
    """A parameter's value; formulas over others in it are worked out. Raises FormulaError E215."""

    def worked_out(value: Any) -> Any:
        if isinstance(value, str) and len(value) > 1 and value[0] == "=":
            return evaluate(parse(value[1:]), lambda other: looked_up(parameters, other), Budget())
        if isinstance(value, list):
            return [worked_out(one) for one in value]
        if isinstance(value, dict):
            return {key: worked_out(one) for key, one in value.items()}
        return value

    if name not in parameters:
        raise FormulaError("E215", f"'{name}' is not known here")
    return worked_out(parameters[name])


def filled(parameters: Mapping[str, Any], values: Mapping[Path, Any]) -> dict[str, Any]:
    """The parameters that the values are in, whole; what no value touches is as it was."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        name = str(path[0])
        found[name] = _put(found.get(name, parameters[name]), path[1:], value)
    return found


def _put(old: Any, path: Sequence[str | int], value: Any) -> Any:
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(old, list):
        assert isinstance(part, int)
        return [*old[:part], _put(old[part], rest, value), *old[part + 1 :]]
    return {**old, part: _put(old[part], rest, value)}


# ---- values


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are one: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def position(value: float, low: float, high: float, log: bool) -> float:
    """Where in a range a number lies, from 0 to 1; one beyond it is at its end."""
    if low == high:
        return 0.0
    value = min(high, max(low, value))
    if log:
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return (value - low) / (high - low)


def spoken(value: Any) -> str:
    """A plain value as a spec has it, in one line."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "null"
        case dict():
            return "{" + ", ".join(f"{key}: {spoken(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(spoken, value)) + "]"
    return str(value)
