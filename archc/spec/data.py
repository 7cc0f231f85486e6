"""A spec's data: scalars, lists and mappings with their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from archc.place import Place

Plain = None | bool | int | float | str


@dataclass(slots=True)
class Scalar:
    """One value; `plain` tells that it was written without quotes."""

    value: Plain
    place: Place
    plain: bool = True
    formula: Any = None  # the parsed Formula of a string that begins with "=", once one asks for it


@dataclass(slots=True)
class Sequence:
    """A list of values."""

    items: list[Data]
    place: Place

    def __iter__(self) -> Iterator[Data]:
        return iter(self.items)


@dataclass(slots=True)
class Mapping:
    """Keys are strings or numbers, in the order written."""

    entries: dict[str | int, Entry]
    place: Place

    def get(self, key: str | int) -> Data | None:
        entry = self.entries.get(key)
        return entry.value if entry else None

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def items(self) -> Iterator[tuple[str, Data]]:
        return ((str(key), entry.value) for key, entry in self.entries.items())


@dataclass(slots=True)
class Entry:
    """A mapping's key, with its place, and its value."""

    key: Scalar
    value: Data


Data = Scalar | Sequence | Mapping


def plain(data: Data) -> Any:
    """The data without its positions, as json would give it."""
    match data:
        case Scalar(value):
            return value
        case Sequence(items):
            return [plain(item) for item in items]
        case Mapping(entries):
            return {key: plain(entry.value) for key, entry in entries.items()}


def holds_formula(data: Data | None) -> bool:
    """Whether a formula stands anywhere in the data."""
    match data:
        case Scalar(formula=formula):
            return formula is not None
        case Sequence(items):
            return any(map(holds_formula, items))
        case Mapping(entries):
            return any(holds_formula(entry.value) for entry in entries.values())
    return False


def holds_text(data: Data) -> bool:
    """Whether a string stands anywhere in the data, keys aside."""
    match data:
        case Scalar(value):
            return isinstance(value, str)
        case Sequence(items):
            return any(map(holds_text, items))
        case Mapping(entries):
            return any(holds_text(entry.value) for entry in entries.values())
