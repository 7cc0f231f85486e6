"""Regularised evolution: the best of a few that are drawn becomes a parent, the oldest dies.

After Real et al. (2019, "Regularized evolution for image classifier architecture search"). Dying of
age keeps a lucky evaluation from being a parent for ever. Networks that were seen are not evaluated
again, so that the whole budget goes into new ones; and the population is evolved as soon as there
are FIRST, and grows by children, so that a small budget is not spent on drawing at random.
"""

from __future__ import annotations

from collections import deque
from random import Random

from archc.search.space import Space
from archc.search.strategies.memory import Known, Memory, steps_at
from archc.search.trial import Proposal

FIRST = 20  # candidates that are drawn before there are parents, if the population is not smaller


class Evolution(Memory):
    """Regularised evolution with one objective."""

    def __init__(self, space: Space, population: int = 100, tournament: int | None = None) -> None:
        """The `tournament` is half of the population unless it is said."""
        super().__init__(space)
        self.first = min(FIRST, population)
        self.share = 0.5 if tournament is None else min(1.0, tournament / population)
        self.alive: deque[Known] = deque(maxlen=population)  # the oldest first

    def propose(self, random: Random, attempt: int) -> Proposal:
        if len(self.alive) < self.first:
            return self.drawn(random)
        return self.mutant(self.parent(random), random, steps_at(attempt))

    def parent(self, random: Random) -> Known:
        """The best of a share of those alive, at least of two."""
        count = max(2, round(self.share * len(self.alive)))
        drawn = random.sample(self.alive, min(count, len(self.alive)))
        return min(drawn, key=lambda one: (one.point, one.number))

    def learn(self, known: Known) -> None:
        self.alive.append(known)
