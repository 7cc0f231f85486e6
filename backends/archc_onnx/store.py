"""Weights as lowering asks for them: by any of their names, tied ones by their owner's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archc.ir.program import Program
from archc.store import stored
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
            with stored(program, seed=seed) as entries:
                pass  # nothing is open: they are made when they are asked for
        return cls(entries, owners)

    def owner(self, name: str) -> str:
        """The name of the weight that this one is tied to, or its own."""
        return self.owners.get(name, name)

    def entry(self, name: str) -> Entry:
        """The values of a weight, given its owner's name."""
        return self.entries[name]
