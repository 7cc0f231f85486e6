"""Small values that are made by the thousand: dataclasses that nothing changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A dataclass with slots, equality and a hash, whose fields are never assigned again.

    Type checkers hold that, and not the interpreter: making a frozen dataclass takes three times as
    long.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
