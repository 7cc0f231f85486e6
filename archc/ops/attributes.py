"""The attributes of an op, declared as class variables of a kind each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, cast, overload

from archc.ops.kinds import Kind

T = TypeVar("T")


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


def freeze(value: Any) -> Any:
    """The value with lists and records made hashable."""
    if isinstance(value, Mapping):
        return tuple((key, freeze(item)) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(freeze, value))
    return value
