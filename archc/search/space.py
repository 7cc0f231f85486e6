"""The space of a search: what its section lets vary, around the spec that it begins with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from random import Random
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from archc.errors import SpecError
from archc.search.candidate import Candidate
from archc.search.features import Features, features
from archc.search.holes import Hole, Path, filled, same, spoken
from archc.search.move import Move
from archc.search.section import Search
from archc.search.statics import identity
from archc.spec.data import plain

WALK = 4  # the most structural moves of a random candidate
TRIES = 50  # that a candidate is drawn anew where the spec is wrong with it
KEPT = 20_000  # candidates of which digests and features are remembered; then it begins anew

T = TypeVar("T")
Step = Callable[[], tuple[Candidate, str]]
"""A change that can be made: gives the changed candidate, and what was changed in words."""


class Space:
    """All candidates that can be reached from the origin, which is mostly one of them.

    What is drawn depends on the generator that is given alone. A candidate is given away only if
    it compiles: choices that do not fit together are drawn anew. `refused` are such choices, the
    parameters with what is wrong.
    """

    def __init__(self, search: Search, origin: Candidate) -> None:
        self.search, self.origin = search, origin
        self.holes: tuple[Hole, ...] = search.holes
        self.refused: dict[str, str] = {}
        self.conditional = [hole for hole in search.holes if hole.when is not True]
        self.at_rest = {hole.path: hole.value(origin.parameters) for hole in search.holes}
        self.unchanged = self.structure(origin)
        self.digests: dict[str, str] = {}  # by `key`: what is known needs no compiling
        self.features: dict[str, Features] = {}
        self._keys: WeakKeyDictionary[Candidate, str] = WeakKeyDictionary()

    # ---- candidates

    def random(self, random: Random) -> Candidate:
        """A candidate as `drawn`."""
        return self.drawn(random)[0]

    def drawn(self, random: Random) -> tuple[Candidate, str]:
        """All holes drawn, and up to WALK structural moves made, which are told in words.

        Where nearly nothing that is drawn compiles, what does may come again and again. Raises
        SpecError where the spec is wrong whatever is drawn.
        """
        return self._right(random) or self.sure

    @cached_property
    def sure(self) -> tuple[Candidate, str]:
        """As `drawn`, the first that the search's seed gives."""
        random = Random(self.search.seed)
        found = self._right(random)
        if found is None:
            found = self._drawn(random)
            _ = found[0].program  # says what is wrong
        return found

    def _right(self, random: Random) -> tuple[Candidate, str] | None:
        """The first of TRIES that compiles."""
        tries = (self._drawn(random) for _ in range(TRIES))
        return next((one for one in tries if self.compiles(one[0])), None)

    def _drawn(self, random: Random) -> tuple[Candidate, str]:
        values = {hole.path: hole.domain.draw(random) for hole in self.holes}
        candidate = self.with_values(self.origin, values)
        held = [(hole.name, hole.value(candidate.parameters)) for hole in self.active(candidate)]
        made = [", ".join(f"{name} {spoken(value)}" for name, value in held)] if held else []
        for _ in range(random.randint(0, WALK) if self.search.moves else 0):
            move = self.move(candidate, random)
            if move is not None:
                candidate, words = _moved(candidate, move)
                made.append(words)
        return candidate, ": ".join(filter(None, ("drawn", "; ".join(made))))

    def mutate(self, candidate: Candidate, random: Random) -> tuple[Candidate, str]:
        """The candidate with one hole changed or one structural move made, and that in words.

        If there are both, each is as likely. What cannot be changed is given back, and no words.
        """
        for _ in range(TRIES):
            changed, words = self._changed(candidate, random)
            if not words or self.compiles(changed):
                return changed, words
        return candidate, ""

    def _changed(self, candidate: Candidate, random: Random) -> tuple[Candidate, str]:
        holes = [hole for hole in self.active(candidate) if hole.domain.size > 1]
        if self.search.moves and (not holes or random.random() < 0.5):
            move = self.move(candidate, random)
            if move is not None:
                return _moved(candidate, move)
        if not holes:
            return candidate, ""
        hole = random.choice(holes)
        old = hole.value(candidate.parameters)
        return self.put(candidate, hole, hole.domain.mutated(old, random))

    def neighbours(self, candidate: Candidate) -> list[Step]:
        """All that is a step away, in order, made when it is called for; some may not compile."""
        found: list[Step] = [
            partial(self.put, candidate, hole, value)
            for hole in self.active(candidate)
            for value in hole.domain.near(hole.value(candidate.parameters))
        ]
        for kind in self.search.moves.kinds if self.search.moves is not None else ():
            found += [partial(_moved, candidate, one) for one in self.moves(candidate, kind)]
        return found

    def crossed(self, one: Candidate, other: Candidate, random: Random) -> Candidate | None:
        """Of each hole the value of either; None if the two differ in more than holes.

        Then a hole need not mean the same in both, and the other's value need not fit.
        """
        if one.file is not other.file and self.structure(one) != self.structure(other):
            return None
        values = {
            hole.path: hole.value((one if random.random() < 0.5 else other).parameters)
            for hole in self.holes
        }
        child = self.with_values(one, values)
        return child if self.compiles(child) else None

    # ---- moves

    def moves(self, candidate: Candidate, kind: str) -> list[Move]:
        """All structural moves of a kind that the section allows."""
        if self.search.moves is None:
            return []
        from archc.search.moves import moves  # most spaces have holes alone

        return moves(candidate, self.search.moves).all(kind)

    def move(self, candidate: Candidate, random: Random, kind: str | None = None) -> Move | None:
        """A move of a kind, or of any, as `Possible.draw` chooses it.

        None of what is no network: moves are found in the typed graph.
        """
        if self.search.moves is None:
            return None
        from archc.search.moves import moves

        try:
            return moves(candidate, self.search.moves).draw(random, kind)
        except SpecError:
            return None

    # ---- holes

    def active(self, candidate: Candidate) -> list[Hole]:
        """The holes that matter in the candidate."""
        return [hole for hole in self.holes if hole.active(candidate.parameters)]

    def holds(self, candidate: Candidate) -> bool:
        """Whether all that matters in the candidate may be as it is; in an origin it need not."""
        return all(
            hole.domain.holds(hole.value(candidate.parameters)) for hole in self.active(candidate)
        )

    def put(self, candidate: Candidate, hole: Hole, value: Any) -> tuple[Candidate, str]:
        """The candidate with another value in one hole, and that in words."""
        old = hole.value(candidate.parameters)
        words = f"{hole.name}: {spoken(old)} → {spoken(value)}"
        return self.with_values(candidate, {hole.path: value}), words

    def with_values(self, candidate: Candidate, values: Mapping[Path, Any]) -> Candidate:
        """The candidate with other values; holes that matter no more hold the origin's."""
        found = candidate.with_values(filled(candidate.parameters, values))
        for _ in self.conditional:  # a hole at rest may put others to rest
            idle = {
                hole.path: self.at_rest[hole.path]
                for hole in self.conditional
                if not hole.active(found.parameters)
                and not same(hole.value(found.parameters), self.at_rest[hole.path])
            }
            if not idle:
                break
            found = found.with_values(filled(found.parameters, idle))
        woken = {  # what it held at rest need not be one of the values that it may have
            hole.path: hole.domain.within(hole.value(found.parameters))
            for hole in self.conditional
            if hole.active(found.parameters) and not hole.domain.holds(hole.value(found.parameters))
        }
        return found.with_values(filled(found.parameters, woken)) if woken else found

    def own(self, candidate: Candidate) -> Candidate:
        """The candidate as the origin with other values, if it is no more than that.

        So a candidate that was read again is known by its values, too.
        """
        if candidate.file is self.origin.file or self.structure(candidate) != self.unchanged:
            return candidate
        values = {hole.path: hole.value(candidate.parameters) for hole in self.holes}
        return self.with_values(self.origin, values)

    def structure(self, candidate: Candidate) -> str:
        """All of the spec but the values in its holes."""
        data = plain(candidate.file.data)
        rest = filled(candidate.parameters, dict.fromkeys(self.at_rest))
        return json.dumps([{**data, "params": {**candidate.parameters, **rest}}], sort_keys=True)

    # ---- facts

    def key(self, candidate: Candidate) -> str | None:
        """What the parameters hold, of a candidate of the origin's own structure."""
        if candidate.file is not self.origin.file:
            return None
        if candidate not in self._keys:
            self._keys[candidate] = json.dumps(candidate.parameters, sort_keys=True)
        return self._keys[candidate]

    def digest(self, candidate: Candidate) -> str:
        """What the candidate is the same by as others. Raises SpecError."""
        key = self.key(candidate)
        if key is None:
            return identity(candidate, self.search)
        found = self.digests.get(key)
        if found is None:
            found = remembered(self.digests, key, identity(candidate, self.search))
        return found

    def compiles(self, candidate: Candidate) -> bool:
        """Whether the spec is right with all that was changed."""
        known = self.key(candidate)
        if known is not None and known in self.refused:
            return False
        try:
            self.digest(candidate)
        except SpecError as error:
            key = known or json.dumps(plain(candidate.file.data) | {"params": candidate.parameters})
            remembered(self.refused, key, error.diagnostics[0].message)
            return False
        return True

    def encoded(self, candidate: Candidate) -> Features:
        """The candidate as numbers: its graph's, and what its holes hold."""
        key = self.key(candidate)
        found = self.features.get(key) if key is not None else None
        if found is None:
            graph = features(candidate.program)
            parameters = candidate.parameters
            holes: dict[str, float] = {}
            for hole in self.holes:
                holes |= hole.encoded(hole.value(parameters))
            found = Features(graph.sizes, {**graph.shapes, **holes})
            if key is not None:
                remembered(self.features, key, found)
        return found


def remembered(kept: dict[str, T], key: str, value: T) -> T:
    """The value, kept: it can be had again, so what is kept need not grow for ever."""
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = value
    return value


def _moved(candidate: Candidate, move: Move) -> tuple[Candidate, str]:
    return move.made(candidate), move.what
