"""Local search: from a random candidate to a better neighbour, until there is none; then anew.

White et al. (2021, "Exploring the loss landscape in neural architecture search") find it hard to
beat where evaluations are not noisy. The first better neighbour is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from archc.search.space import Space, Step
from archc.search.strategies.memory import Known, Memory
from archc.search.trial import Proposal


class Local(Memory):
    """Local search with restarts, after `restart` neighbours in vain, or when all are known."""

    def __init__(self, space: Space, restart: int | None = None) -> None:
        super().__init__(space)
        self.restart = restart
        self.here: Known | None = None  # where the climb has come to
        self.vain = 0
        self.around: Sequence[Step] = ()  # the ways from there to its neighbours
        self.met: dict[str, Known] = {}  # by digest, where there are no moves: see `stand`

    def propose(self, random: Random, attempt: int) -> Proposal:
        return self.step(random) or self.drawn(random)

    def step(self, random: Random) -> Proposal | None:
        """A neighbour that is new; None if there is none, or it is time to begin anew."""
        here = self.here
        if here is None or (self.restart is not None and self.vain >= self.restart):
            return None
        for k in random.sample(range(len(self.around)), len(self.around)):
            candidate, words = self.around[k]()
            if self.space.compiles(candidate) and self.is_new(candidate):
                return Proposal(candidate, (here.number,), words)
        return None

    def learn(self, known: Known) -> None:
        if self.search.moves is None:
            light = replace(known.candidate)  # without its graph, which is made anew if need be
            self.met[self.space.digest(known.candidate)] = replace(known, candidate=light)
        if self.here is None or known.point < self.here.point:
            self.stand(known)
        elif known.parents:
            self.vain += 1
        elif self.step(Random(known.number)) is None:  # drawn since the climb was at its end
            self.stand(known)

    def stand(self, known: Known) -> None:
        """Goes on from here, and at once to a better neighbour if one is known.

        Not where there are moves: looking for one would compile them all.
        """
        better: Known | None = known
        while better is not None:
            here = self.here = better
            self.vain = 0
            self.around = self.space.neighbours(here.candidate)
            around = self.around if self.search.moves is None else ()
            candidates = (step()[0] for step in around)
            met = (
                self.met.get(self.space.digest(one))
                for one in candidates
                if self.space.compiles(one)
            )
            better = next((one for one in met if one and one.point < here.point), None)
