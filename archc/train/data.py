"""Spec data that is made rather than read: steps that stand for shorter ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Map

from archc.place import Place
from archc.spec.ast import MODIFIERS
from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence

WORD = re.compile(r"[A-Za-z_]\w*")


def record(values: Map[str, Data | str | None], place: Place) -> Mapping:
    """A mapping, texts and nothing as scalars."""
    entries: dict[str | int, Entry] = {}
    for key, value in values.items():
        data = Scalar(value, place) if isinstance(value, str | None) else value
        entries[key] = Entry(Scalar(key, place), data)
    return Mapping(entries, place)


def references(data: Data) -> Iterator[Scalar]:
    """Every plain value in steps that may be, or hold, a reference; names of ops are none.

    An input by name that has no value, `{image}`, refers to what is called so.
    """
    match data:
        case Scalar():
            yield data
        case Sequence(items):
            for item in items:
                yield from _of_step(item)
        case Mapping(entries):
            for entry in entries.values():
                yield from references(entry.value)


def _of_step(data: Data) -> Iterator[Scalar]:
    if not isinstance(data, Mapping):
        yield from references(data)
        return
    for key, entry in data.entries.items():
        if key == "in" and isinstance(entry.value, Mapping):
            for name in entry.value.entries.values():
                empty = isinstance(name.value, Scalar) and name.value.value is None
                yield from references(name.key if empty else name.value)
        elif key != "name" or not isinstance(entry.value, Scalar) or entry.value.formula:
            yield from references(entry.value)


def words(data: Data) -> set[str]:
    """Every identifier that the steps could refer to."""
    texts = [one.value for one in references(data) if isinstance(one.value, str)]
    return {word for one in texts for word in WORD.findall(one)}


def inputs_of(step: Data) -> list[Scalar]:
    """What a single step reads, as written: the op's list, or `in`."""
    if not isinstance(step, Mapping):
        return []
    own = next((entry.value for key, entry in step.entries.items() if key not in MODIFIERS), None)
    given = step.get("in")
    found = [one for one in (own, given) if isinstance(one, Sequence)]
    if isinstance(given, Scalar):
        found.append(Sequence([given], given.place))
    if isinstance(given, Mapping):
        found.append(Sequence([given_by(entry) for entry in given.entries.values()], given.place))
    return [one for part in found for one in part.items if isinstance(one, Scalar)]


def given_by(entry: Entry) -> Data:
    empty = isinstance(entry.value, Scalar) and entry.value.value is None
    return entry.key if empty else entry.value


def renamed(data: Sequence, names: Map[str, str]) -> Sequence:
    """The steps with references by other names."""
    return Sequence([_renamed(item, names) for item in data.items], data.place)


def _renamed(data: Data, names: Map[str, str]) -> Data:
    match data:
        case Scalar(value=str() as value) if value in names:
            return Scalar(names[value], data.place)
        case Sequence(items):
            return Sequence([_renamed(item, names) for item in items], data.place)
        case Mapping(entries):
            found: dict[str | int, Entry] = {}
            for key, entry in entries.items():
                inner = _renamed(entry.value, names)
                if isinstance(inner, Scalar) and inner.value is None and key in names:
                    inner = Scalar(names[str(key)], entry.key.place)  # `{logits}` among inputs
                found[key] = Entry(entry.key, inner)
            return Mapping(found, data.place)
    return data
