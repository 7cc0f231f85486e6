"""The kinds of attributes: what a spec may write, its JSON Schema, and the value an op sees."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from archc.errors import did_you_mean
from archc.ir.dims import Dim
from archc.ir.types import DTYPES, DType

LARGEST = 2**63 - 1  # what the integers of an ONNX file hold
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


FORMULA = re.compile(r"[A-Za-z_(][\w.+*/%() ,-]*|\d[\w.]*\s*[-+*/%][\w.+*/%() -]+")


def unequal(value: Any) -> str:
    """Help where a number is wanted, and a text was found that may be a formula."""
    if isinstance(value, str) and FORMULA.fullmatch(value):
        return f"a parameter or a formula begins with '=': ={value[:60]}"
    return ""


def whole(value: float) -> str:
    """Help where a whole number is wanted, and a float was found."""
    written = f"{value:.0f}" if value.is_integer() else "a whole number"
    return f"write {written}, or =int(…) around a formula"


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
        return f"a whole number{range_text(self.least, self.most)}"

    def schema(self) -> dict[str, Any]:
        return drop_none({"type": "integer", "minimum": self.least, "maximum": self.most})

    def convert(self, value: Any) -> int:
        if type(value) is int and abs(value) <= LARGEST and _inside(value, self.least, self.most):
            return value
        if isinstance(value, float):
            raise self.wrong(value, whole(value))
        if isinstance(value, Dim):
            raise AttributeProblem(f"expected a number, found the symbolic size {value}")
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not _inside(value, self.least, self.most)
        ):
            raise self.wrong(value, unequal(value))
        if abs(value) > LARGEST:
            raise AttributeProblem("a number is beyond 64 bits")
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
        return f"a number{range_text(self.least, self.most)}"

    def schema(self) -> dict[str, Any]:
        return drop_none({"type": "number", "minimum": self.least, "maximum": self.most})

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(value, unequal(value))
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


def _inside(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def range_text(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {least:g} to {most:g}"
    if least is not None:
        return f" of at least {least:g}"
    return f" of at most {most:g}" if most is not None else ""


def drop_none(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if value is not None}
