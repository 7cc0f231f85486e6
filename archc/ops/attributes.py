"""The kinds of attributes: what a spec may write, its JSON Schema, and the value an op sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast, overload

from archc.errors import did_you_mean
from archc.ir.dims import Dim, Size
from archc.ir.types import DTYPES, DType

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class AttributeProblem(Exception):
    """Why a value does not fit an attribute; the elaborator adds the place."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help


class Kind(ABC, Generic[T_co]):
    """What an attribute may hold.

    `typed` is false for numbers that change no type, such as rates.
    """

    @property
    @abstractmethod
    def spoken(self) -> str:
        """The kind as an error names it."""

    @property
    def typed(self) -> bool:
        return True

    @property
    def symbolic(self) -> bool:
        """Whether a bare string is the name of a symbolic dimension."""
        return False

    def over(self, axes: int) -> Kind[T_co]:
        """The kind for an op with so many spatial axes; only `PerAxis` depends on it."""
        return self

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what may be written."""

    @abstractmethod
    def convert(self, value: Any) -> T_co:
        """The value as the op sees it. Raises AttributeProblem."""

    def wrong(self, value: Any, help: str = "") -> AttributeProblem:
        return AttributeProblem(f"expected {self.spoken}, found {spoken(value)}", help)


def spoken(value: Any) -> str:
    """A value as an error names it."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"'{value[:60]}'"
    if isinstance(value, float):
        return f"the float {value}"
    return f"{value!r}"[:60]


@dataclass(frozen=True)
class Int(Kind[int]):
    """A whole number; a float never is one, whatever its value."""

    least: int | None = None
    most: int | None = None

    @property
    def spoken(self) -> str:
        return f"a whole number{_range_text(self.least, self.most)}"

    def schema(self) -> dict[str, Any]:
        return _drop_none({"type": "integer", "minimum": self.least, "maximum": self.most})

    def convert(self, value: Any) -> int:
        if isinstance(value, float):
            raise self.wrong(value, f"write int({value:g}) or a formula of whole numbers")
        if isinstance(value, Dim):
            raise AttributeProblem(f"expected a number, found the symbolic size {value}")
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not _inside(value, self.least, self.most)
        ):
            raise self.wrong(value)
        return value


@dataclass(frozen=True)
class Float(Kind[float]):
    """A number; `shaping` where it takes part in a shape."""

    least: float | None = None
    most: float | None = None
    shaping: bool = False

    @property
    def typed(self) -> bool:
        return self.shaping

    @property
    def spoken(self) -> str:
        return f"a number{_range_text(self.least, self.most)}"

    def schema(self) -> dict[str, Any]:
        return _drop_none({"type": "number", "minimum": self.least, "maximum": self.most})

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(value)
        if value != value or not _inside(value, self.least, self.most):
            raise self.wrong(value)
        return float(value)


@dataclass(frozen=True)
class Bool(Kind[bool]):
    """A truth value; numbers are none."""

    spoken = "true or false"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def convert(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(value)
        return value


@dataclass(frozen=True)
class Text(Kind[str]):
    """A string, one of `choices` where there are any."""

    choices: tuple[str, ...] = ()

    @property
    def spoken(self) -> str:
        return f"one of {', '.join(self.choices)}" if self.choices else "a string"

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.choices)} if self.choices else {"type": "string"}

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or (self.choices and value not in self.choices):
            raise self.wrong(value, did_you_mean(str(value), self.choices) if self.choices else "")
        return value


@dataclass(frozen=True)
class TypeName(Kind[DType]):
    """The name of an element type."""

    spoken = f"one of {', '.join(DTYPES)}"

    def schema(self) -> dict[str, Any]:
        return {"enum": list(DTYPES)}

    def convert(self, value: Any) -> DType:
        if value not in DTYPES:
            raise self.wrong(value, did_you_mean(str(value), DTYPES))
        return cast(DType, value)


@dataclass(frozen=True)
class PerAxis(Kind[tuple[int, ...]]):
    """One whole number for all spatial axes, or a list with one each; always seen as a tuple."""

    count: int
    least: int = 0

    def over(self, axes: int) -> PerAxis:
        return PerAxis(axes, self.least)

    @property
    def spoken(self) -> str:
        limit = _range_text(self.least, None)
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
        return f"a size{_range_text(self.least, None)}"

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [_drop_none({"type": "integer", "minimum": self.least}), {"type": "string"}]
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
class Either(Kind[Any]):
    """One of several kinds, tried in order."""

    kinds: tuple[Kind[Any], ...]

    def over(self, axes: int) -> Either:
        return Either(tuple(kind.over(axes) for kind in self.kinds))

    @property
    def spoken(self) -> str:
        return " or ".join(kind.spoken for kind in self.kinds)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [kind.schema() for kind in self.kinds]}

    def convert(self, value: Any) -> Any:
        for kind in self.kinds:
            try:
                return kind.convert(value)
            except AttributeProblem:
                continue
        raise self.wrong(value)


@dataclass(frozen=True)
class Optional(Kind[T | None]):
    """A kind that may also be left open; None then, and the op decides."""

    kind: Kind[T]

    def over(self, axes: int) -> Optional[T]:
        return Optional(self.kind.over(axes))

    @property
    def spoken(self) -> str:
        return self.kind.spoken

    @property
    def typed(self) -> bool:
        return self.kind.typed

    @property
    def symbolic(self) -> bool:
        return self.kind.symbolic

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.kind.schema(), {"type": "null"}]}

    def convert(self, value: Any) -> T | None:
        return None if value is None else self.kind.convert(value)


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


class Required:
    """The default of an attribute that has none."""


REQUIRED = Required()


class Attribute(Generic[T]):
    """One attribute of an op, declared as a class variable.

    On an instance it reads as its value.
    """

    name: str = ""

    def __init__(self, kind: Kind[T], default: T | Required, doc: str, main: bool) -> None:
        self.kind, self.default, self.doc, self.main = kind, default, doc, main

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def over(self, axes: int) -> Attribute[T]:
        """The attribute for an op with so many spatial axes.

        A default with one item gets one each.
        """
        default: Any = self.default
        if isinstance(default, tuple) and len(default) == 1:
            default = default * axes
        return Attribute(self.kind.over(axes), default, self.doc, self.main)

    @overload
    def __get__(self, instance: None, owner: type) -> Attribute[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Attribute[T] | T:
        if instance is None:
            return self
        return cast(T, cast(Any, instance).values[self.name])


def attr(
    kind: Kind[T], default: T | Required = REQUIRED, doc: str = "", *, main: bool = False
) -> Attribute[T]:
    """Declares an attribute; `main` is the one a scalar op value sets."""
    return Attribute(kind, default, doc, main)


def _inside(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _range_text(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {least:g} to {most:g}"
    if least is not None:
        return f" of at least {least:g}"
    return f" of at most {most:g}" if most is not None else ""


def _drop_none(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if value is not None}


def freeze(value: Any) -> Any:
    """The value with lists and records made hashable."""
    if isinstance(value, Mapping):
        return tuple((key, freeze(item)) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(freeze, value))
    return value
