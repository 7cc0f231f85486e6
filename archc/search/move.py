"""What a structural move is: a few edits of a spec which leave it valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archc.search.candidate import Candidate
from archc.search.edit import Edit


@dataclass(frozen=True, slots=True)
class Move:
    """One change of a candidate's structure, found by `archc.search.moves` from its typed graph.

    `kind` is one of `archc.spec.search.MOVES`; `what` says it to people; `values` are parameters
    that it sets, where what it changes is one.
    """

    kind: str
    what: str
    edits: tuple[Edit, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def made(self, candidate: Candidate) -> Candidate:
        """The candidate after the move."""
        changed = candidate.with_edits(self.edits) if self.edits else candidate
        return changed.with_values(self.values) if self.values else changed
