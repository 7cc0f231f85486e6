"""The kinds of attributes that hold lists, sizes and records of sizes; all are seen as tuples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from archc.ir.dims import Dim, Size
from archc.ops.kinds import AttributeProblem, Float, Int, Kind, drop_none, range_text


@dataclass(frozen=True)
class PerAxis(Kind[tuple[int, ...]]):
    """One whole number for all spatial axes, or a list with one each; always seen as a tuple."""

    count: int
    least: int = 0

    def over(self, axes: int) -> PerAxis:
        return PerAxis(axes, self.least)

    @property
    def spoken(self) -> str:
        limit = range_text(self.least, None)
        return f"a whole number{limit}" + (f" or a list of {self.count}" if self.count > 1 else "")

    def schema(self) -> dict[str, Any]:
        one = {"type": "integer", "minimum": self.least}
        many = {"type": "array", "items": one, "minItems": self.count, "maxItems": self.count}
        return {"anyOf": [one, many]}

    def convert(self, value: Any) -> tuple[int, ...]:
        each = Int(self.least)
        if isinstance(value, list | tuple):
            if len(value) != self.count:
                raise self.wrong(value)
            return tuple(each.convert(item) for item in value)
        return (each.convert(value),) * self.count


@dataclass(frozen=True)
class Ints(Kind[tuple[int, ...]]):
    """A whole number or a list of them; always seen as a tuple."""

    least: int | None = None
    spoken = "a whole number or a list of them"

    def schema(self) -> dict[str, Any]:
        one = Int(self.least).schema()
        return {"anyOf": [one, {"type": "array", "items": one}]}

    def convert(self, value: Any) -> tuple[int, ...]:
        each = Int(self.least)
        if isinstance(value, list | tuple):
            return tuple(each.convert(item) for item in value)
        return (each.convert(value),)


@dataclass(frozen=True)
class IntList(Kind[tuple[int, ...]]):
    """A list of whole numbers, where a lone one would mean something else."""

    spoken = "a list of whole numbers"

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "integer"}, "minItems": 1}

    def convert(self, value: Any) -> tuple[int, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise self.wrong(value)
        return tuple(map(Int().convert, value))


@dataclass(frozen=True)
class Pairs(Kind[tuple[tuple[int, int], ...]]):
    """A list of pairs of whole numbers, none below 0."""

    spoken = "a list of pairs [before, after]"

    def schema(self) -> dict[str, Any]:
        one = {"type": "array", "items": Int(0).schema(), "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": one, "minItems": 1}

    def convert(self, value: Any) -> tuple[tuple[int, int], ...]:
        if not isinstance(value, list | tuple) or not value:
            raise self.wrong(value)
        return tuple(map(self._pair, value))

    def _pair(self, value: Any) -> tuple[int, int]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self.wrong(value)
        before, after = map(Int(0).convert, value)
        return before, after


@dataclass(frozen=True)
class Floats(Kind[tuple[float, ...]]):
    """A number or a list of them; always seen as a tuple."""

    least: float | None = None
    spoken = "a number or a list of them"

    def schema(self) -> dict[str, Any]:
        one = Float(self.least).schema()
        return {"anyOf": [one, {"type": "array", "items": one}]}

    def convert(self, value: Any) -> tuple[float, ...]:
        each = Float(self.least)
        if isinstance(value, list | tuple):
            return tuple(each.convert(item) for item in value)
        return (each.convert(value),)


@dataclass(frozen=True)
class SizeKind(Kind[Size]):
    """A whole number or a symbolic size; a symbol's bare name counts, too."""

    least: int | None = None

    @property
    def symbolic(self) -> bool:
        return True

    @property
    def spoken(self) -> str:
        return f"a size{range_text(self.least, None)}"

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [drop_none({"type": "integer", "minimum": self.least}), {"type": "string"}]
        }

    def convert(self, value: Any) -> Size:
        if isinstance(value, Dim):
            return value
        return Int(self.least).convert(value)


@dataclass(frozen=True)
class Sizes(Kind[tuple[Size, ...]]):
    """A list of sizes."""

    least: int | None = None
    spoken = "a list of sizes"

    @property
    def symbolic(self) -> bool:
        return True

    def schema(self) -> dict[str, Any]:
        one = SizeKind(self.least).schema()
        return {"anyOf": [*one["anyOf"], {"type": "array", "items": one}]}

    def convert(self, value: Any) -> tuple[Size, ...]:
        each = SizeKind(self.least)
        if isinstance(value, list | tuple):
            return tuple(each.convert(item) for item in value)
        return (each.convert(value),)


@dataclass(frozen=True)
class NamedSizes(Kind[tuple[tuple[str, Size], ...]]):
    """Sizes by name, seen as pairs sorted by name."""

    spoken = "sizes by name"
    size: ClassVar[SizeKind] = SizeKind(1)

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.size.schema()}

    def convert(self, value: Any) -> tuple[tuple[str, Size], ...]:
        if not isinstance(value, Mapping):
            raise self.wrong(value)
        return tuple(sorted((str(key), self.size.convert(item)) for key, item in value.items()))


@dataclass(frozen=True)
class Texts(Kind[tuple[str, ...]]):
    """A list of names, each once."""

    spoken = "a list of names"

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}

    def convert(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self.wrong(value)
        if len(set(value)) != len(value) or not value:
            raise AttributeProblem("each name is written once, and at least one is needed")
        return tuple(value)


@dataclass(frozen=True)
class Numbers(Kind[Any]):
    """A number, a bool, or nested lists of equal lengths.

    A tensor's literal value, seen as nested tuples.
    """

    spoken = "a number or nested lists of numbers"

    def schema(self) -> dict[str, Any]:
        return {"type": ["number", "boolean", "array"]}

    def convert(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            items = tuple(map(self.convert, value))
            if len({nested_dims(item) for item in items}) > 1:
                raise AttributeProblem("the nested lists have different lengths")
            return items
        if not isinstance(value, int | float):
            raise self.wrong(value)
        return value


def nested_dims(value: Any) -> tuple[int, ...]:
    """The dimensions of nested tuples; () of a number."""
    if not isinstance(value, tuple):
        return ()
    return (len(value), *(nested_dims(value[0]) if value else ()))
