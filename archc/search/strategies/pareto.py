"""Evolution with several objectives: NSGA-II's rank and crowding, with death by age.

After Deb et al. (2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II"): of those
that are drawn the one becomes a parent that the fewest fronts are better than, and of a front the
one with the most room around it, so that the front is found along its whole length. Parents are
crossed where they differ in holes alone, and the child is mutated. Who dies is the oldest, as in
regularised evolution; the front that a search reports is that of all its trials.
"""

from __future__ import annotations

from collections import deque
from random import Random

from archc.search.ranking import best_first
from archc.search.space import Space
from archc.search.strategies.memory import Known, Memory, steps_at
from archc.search.trial import Proposal

FIRST = 20  # candidates that are drawn before there are parents, if the population is not smaller
CROSSED = 0.5  # how often two parents are tried


class Pareto(Memory):
    """Multi-objective evolution; with one objective it is evolution with crossover."""

    def __init__(self, space: Space, population: int = 50, tournament: int | None = None) -> None:
        """The `tournament` is a fifth of the population unless it is said."""
        super().__init__(space)
        self.first = min(FIRST, population)
        self.share = 0.2 if tournament is None else min(1.0, tournament / population)
        self.alive: deque[Known] = deque(maxlen=population)  # the oldest first
        self.order: dict[int, int] = {}  # trial → its place among the living, the best is 0

    def propose(self, random: Random, attempt: int) -> Proposal:
        if len(self.alive) < self.first:
            return self.drawn(random)
        parent = self.parent(random)
        if random.random() < CROSSED:
            other = self.parent(random)
            child = self.space.crossed(parent.candidate, other.candidate, random)
            if other is not parent and child is not None:
                crossed = Known(parent.number, child, parent.point)
                made = self.mutant(crossed, random, steps_at(attempt))
                words = "; ".join(filter(None, ("crossed", made.change)))
                return Proposal(made.candidate, (parent.number, other.number), words)
        return self.mutant(parent, random, steps_at(attempt))

    def parent(self, random: Random) -> Known:
        """The best of a share of those alive, at least of two."""
        count = max(2, round(self.share * len(self.alive)))
        drawn = random.sample(self.alive, min(count, len(self.alive)))
        return min(drawn, key=lambda one: self.order[one.number])

    def learn(self, known: Known) -> None:
        self.alive.append(known)
        order = best_first([one.values for one in self.alive], [one.rung for one in self.alive])
        self.order = {self.alive[k].number: place for place, k in enumerate(order)}
