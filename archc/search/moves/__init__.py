"""Structural moves: changes of a spec that leave it valid, found from its typed graph.

Every move keeps the types of all that leaves the steps it changes, wherever these are elaborated.
So nothing outside has to be looked at, and nothing is made only to be thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING

from archc.search.move import Move
from archc.search.moves.apart import draw as draw_apart
from archc.search.moves.apart import tidied
from archc.search.moves.duplicate import found as _duplicate
from archc.search.moves.groups import found as _groups
from archc.search.moves.heads import found as _heads
from archc.search.moves.insert import found as _insert
from archc.search.moves.kernel import found as _kernel
from archc.search.moves.remove import found as _remove
from archc.search.moves.repeat import found as _repeat
from archc.search.moves.rewire import found as _rewire
from archc.search.moves.skip import found as _skip
from archc.search.moves.stride import found as _stride
from archc.search.moves.swap import found as _swap
from archc.search.moves.view import View
from archc.search.moves.width import found as _width
from archc.search.section import Moves

if TYPE_CHECKING:
    from archc.search.candidate import Candidate

Finder = Callable[[View, Random], Iterator[Move]]
FINDERS: dict[str, Finder] = {
    "swap": _swap,
    "insert": _insert,
    "remove": _remove,
    "rewire": _rewire,
    "skip": _skip,
    "duplicate": _duplicate,
    "repeat": _repeat,
    "width": _width,
    "kernel": _kernel,
    "stride": _stride,
    "groups": _groups,
    "heads": _heads,
}
APART = 0.1  # how often a block's use gets a copy of its own first, where it has several


class Possible:
    """The moves that a candidate can make, looked for as they are asked for."""

    def __init__(self, candidate: Candidate, chosen: Moves) -> None:
        self.candidate, self.chosen = candidate, chosen

    def draw(self, random: Random, kind: str | None = None) -> Move | None:
        """A possible move, None if there is none.

        If no kind is given each that has any is as likely, then each step, then each of its moves.
        """
        kinds = [kind] if kind is not None else list(self.chosen.kinds)
        random.shuffle(kinds)
        for one in kinds:
            if random.random() < APART:
                found = draw_apart(self.candidate, self.chosen, one, FINDERS[one], random)
                if found is not None:
                    return tidied(self.candidate, found)
            found = next(self.found(one, random), None)
            if found is not None:
                return tidied(self.candidate, found)
        return None

    def found(self, kind: str, random: Random) -> Iterator[Move]:
        """All moves of a kind, in random order, each looked for when it is asked for."""
        return FINDERS[kind](self.candidate.view.within(self.chosen.within), random)

    def all(self, kind: str) -> list[Move]:
        """All moves of a kind."""
        return list(self.found(kind, Random(0)))


def moves(candidate: Candidate, chosen: Moves | None = None) -> Possible:
    """The structural moves of a candidate, of the chosen kinds and inside the chosen scopes."""
    return Possible(candidate, chosen or Moves())


__all__ = ["FINDERS", "Possible", "moves"]
