"""Weights as lowering asks for them: by any of their names, tied ones by their owner's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archc.ir.derive import sources, with_derived
from archc.ir.program import Program, WeightEntry
from archc.store import made
from archc.weights import Entry


@dataclass(frozen=True)
class Store:
    """The entry of each owner, and who owns each tied weight. Nothing is read yet."""

    entries: Mapping[str, Entry]
    owners: Mapping[str, str]

    @classmethod
    def of(cls, program: Program, entries: Mapping[str, Entry] | None, seed: int = 0) -> Store:
        """The weights of a flat program: those given, else as they are before training."""
        found = list(program.weights())
        direct = {one.name: one.owner for one in found if one.owner is not None}
        owners: dict[str, str] = {}
        for name, owner in direct.items():
            seen = {name}
            while owner in direct and owner not in seen:  # tied to what is tied itself
                seen.add(owner)
                owner = direct[owner]
            owners[name] = owner
        if entries is None:
            entries = {one.name: made(one, seed) for one in _stored(found)}
        if any(one.weight.derive is not None for one in found):
            entries = with_derived(program, entries)
        return cls(entries, owners)

    def owner(self, name: str) -> str:
        """The name of the weight that this one is tied to, or its own."""
        return self.owners.get(name, name)

    def entry(self, name: str) -> Entry:
        """The values of a weight, given its owner's name."""
        return self.entries[name]


def _stored(found: list[WeightEntry]) -> Iterator[WeightEntry]:
    """The weights that are stored as they are, or that others are derived from."""
    for one in found:
        if one.weight.derive is not None:
            for _, name, weight in sources(one):
                yield WeightEntry(name, weight, None, one.arguments)
        elif one.owner is None:
            yield one
