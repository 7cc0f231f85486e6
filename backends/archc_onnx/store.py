"""A program's weights as entries: those that are given, by the spec's rules, or initial values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archc import arrays
from archc.errors import InputError
from archc.ir.nodes import Weight
from archc.ir.program import Program, WeightEntry
from archc.ir.types import TensorType
from archc.matching import Rules, Wanted, match
from archc.spec.data import plain
from archc.weights import Entry, Weights, initial, open_weights

Given = str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """Every weight of a program by its full name; nothing is read before it is asked for."""

    entries: Mapping[str, Entry]  # by owner
    owners: Mapping[str, str]  # the owner of each tied weight

    def owner(self, name: str) -> str:
        """The name of the weight that this one is tied to, or its own."""
        return self.owners.get(name, name)

    def entry(self, name: str) -> Entry:
        """The values of a weight, given its owner's name."""
        return self.entries[name]


@contextmanager
def store(
    program: Program, model: str | None, weights: Given | None = None, seed: int = 0
) -> Iterator[Store]:
    """The weights of a model and of those that it calls, open as long as the block runs.

    Raises what `open_weights` and `match` raise. The given weights may be those of more models than
    this one, and a frozen table whose values the spec writes out may be missing from them.
    """
    found = list(program.weights(model))
    owners = dict(_owners(found))
    own = {entry.name: entry for entry in found if entry.owner is None}
    if weights is None:
        yield Store({name: _initial(entry, seed) for name, entry in own.items()}, owners)
        return
    rules = _rules(program)
    with open_weights(weights) as opened:
        others = {entry.name for entry in program.weights()} - {entry.name for entry in found}
        mine = [entry for name, entry in opened.items() if rules.renamed(name) not in others]
        stored = {rules.renamed(entry.name) for entry in mine if not rules.ignores(entry.name)}
        aliases: dict[str, list[str]] = {}
        for name, owner in owners.items():
            aliases.setdefault(owner, []).append(name)
        tables = {
            name: _initial(entry, seed)
            for name, entry in own.items()
            if entry.weight.value is not None and not entry.weight.trained and name not in stored
        }
        wanted = [
            Wanted(name, entry.type.dtype, _dims(entry.type), tuple(aliases.get(name, ())))
            for name, entry in own.items()
            if name not in tables
        ]
        matched = match(Weights(opened.name, mine), wanted, rules)
        yield Store({**matched, **tables}, owners)


def _owners(found: list[WeightEntry]) -> Iterator[tuple[str, str]]:
    """(name, owner) of each tied weight, through ties to tied ones."""
    direct = {entry.name: entry.owner for entry in found if entry.owner is not None}
    for name, owner in direct.items():
        seen = {name}
        while owner in direct and owner not in seen:
            seen.add(owner)
            owner = direct[owner]
        yield name, owner


def _initial(entry: WeightEntry, seed: int) -> Entry:
    weight, type = entry.weight, entry.type
    if weight.value is not None:
        return Entry(entry.name, type.dtype, _dims(type), lambda: written(weight))
    return initial(entry.name, type.dtype, _dims(type), weight.init, seed)


def written(weight: Weight) -> arrays.Array:
    """The values that the spec writes out for a weight."""
    if weight.type.dtype == "bfloat16":
        return arrays.to_bfloat16(np.array(weight.value, np.float32))
    return np.array(weight.value, weight.type.dtype)


def _dims(type: TensorType) -> tuple[int, ...]:
    """A weight's sizes, which are numbers."""
    return tuple(size for size in type.dims if isinstance(size, int))


def _rules(program: Program) -> Rules:
    """The spec's `weights:` section. Raises InputError E508 if its rules cannot be meant."""
    section = program.file.section("weights") if program.file is not None else None
    data = plain(section) if section is not None else {}
    try:
        return Rules(
            tuple(data.get("ignore", ())),
            tuple(data.get("rename", {}).items()),
            tuple(data.get("transpose", ())),
        )
    except ValueError as error:
        place = section.place if section is not None else None
        raise InputError.of("E508", f"weights: {error}", place) from None


