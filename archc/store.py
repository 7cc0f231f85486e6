"""The one store of a program's weights, which every consumer reads.

Given by a file or a mapping, or initial.

PyTorch, ONNX and safetensors files all take their numbers from here, so they agree to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from archc.arrays import held
from archc.errors import SpecError
from archc.ir.derive import sources, with_derived
from archc.ir.program import Program, WeightEntry
from archc.matching import Rules, Wanted, match
from archc.spec.data import Mapping as MappingData
from archc.spec.data import plain
from archc.weights import Entry, initial, open_weights

Source = str | Path | Mapping[str, Any] | None


@contextmanager
def stored(
    program: Program, weights: Source = None, seed: int = 0, model: str | None = None
) -> Iterator[dict[str, Entry]]:
    """The weights of all models, or of one with those it calls, by full name.

    A tied weight goes by its owner's name, and one that a pass derived is computed from those it
    is derived from, which are what a file holds. A file holds the weights of all models, whichever
    is asked for. Entries are read lazily and only while the context is open. Raises InputError for
    a file that does not fit.
    """
    names = {entry.name for entry in program.weights(model)}
    wanted = list(basis(program))
    owners = {entry.name: entry for entry in wanted if entry.owner is None}
    with _found(weights, wanted, owners, rules_of(program)) as found:
        base = {name: found.get(name) or made(entry, seed) for name, entry in owners.items()}
        result = base if names <= base.keys() else with_derived(program, base)
        yield {name: entry for name, entry in result.items() if name in names}


def basis(program: Program) -> Iterator[WeightEntry]:
    """The program's weights, those that derived ones come from in their place; each name once."""
    seen: set[str] = set()
    for entry in program.weights():
        given = [
            WeightEntry(name, weight, None, entry.arguments) for _, name, weight in sources(entry)
        ]
        for one in given or [entry]:
            if one.name not in seen:
                seen.add(one.name)
                yield one


@contextmanager
def _found(
    weights: Source, wanted: list[WeightEntry], owners: dict[str, WeightEntry], rules: Rules
) -> Iterator[dict[str, Entry]]:
    """What the source holds; tables with values in the spec need not be there."""
    if weights is None:
        yield {}
        return
    with open_weights(weights) as opened:
        present = {rules.renamed(name) for name in opened if not rules.ignores(name)}
        aliases: dict[str, list[str]] = {}
        for entry in wanted:
            if entry.owner is not None:
                aliases.setdefault(entry.owner, []).append(entry.name)
        given = [
            _wanted(entry, tuple(aliases.get(name, ())))
            for name, entry in owners.items()
            if entry.weight.value is None or name in present
        ]
        yield match(opened, given, rules)


def _wanted(entry: WeightEntry, aliases: tuple[str, ...]) -> Wanted:
    return Wanted(entry.name, entry.type.dtype, shape(entry), aliases)


def shape(entry: WeightEntry) -> tuple[int, ...]:
    """The weight's sizes, which are numbers: no weight is symbolic."""
    return tuple(dim for dim in entry.type.dims if isinstance(dim, int))


def made(entry: WeightEntry, seed: int) -> Entry:
    """A weight as the spec makes it: its literal value, or its initialiser's."""
    dtype, sizes = entry.type.dtype, shape(entry)
    if entry.weight.value is not None:
        value = entry.weight.value
        return Entry(
            entry.name, dtype, sizes, lambda: np.asarray(value, dtype=held(dtype)).reshape(sizes)
        )
    return initial(entry.name, dtype, sizes, entry.weight.init, seed)


def rules_of(program: Program) -> Rules:
    """What the spec's `weights:` section declares. Raises SpecError E207."""
    section = program.file.section("weights") if program.file is not None else None
    if not isinstance(section, MappingData):
        return Rules()
    data = plain(section)
    try:
        return Rules(
            tuple(data.get("ignore", ())),
            tuple(data.get("rename", {}).items()),
            tuple(data.get("transpose", ())),
        )
    except ValueError as error:
        raise SpecError.of("E207", f"weights: {error}", section.place) from error
