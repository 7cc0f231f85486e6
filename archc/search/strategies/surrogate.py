"""A surrogate: what is evaluated is what a regressor finds the most promising of many candidates.

As in Bayesian optimisation: mutants of the best and random candidates are ranked by how much better
than the best they are expected to be (Jones et al., 1998), by what a regressor learned from the
trials so far, so that both a high expectation and a great uncertainty speak for a candidate.
Candidates under way count as if they had come to what is expected of them.
"""

from __future__ import annotations

from bisect import insort
from random import Random
from statistics import NormalDist

from archc.search.ranking import Point
from archc.search.space import Space
from archc.search.strategies.memory import Known, Memory
from archc.search.strategies.regressor import Regressor, scores
from archc.search.trial import Proposal

DRAWN = 0.5  # the share of the pool that is random
FURTHER = 0.3  # how likely a mutant is to be changed once more


class Surrogate(Memory):
    """Ranks candidates before they are evaluated, by one objective."""

    def __init__(self, space: Space, first: int = 5, pool: int = 100, population: int = 10) -> None:
        super().__init__(space)
        self.first, self.size, self.parents = first, pool, population
        self.points: list[Point] = []  # of all trials, in their order
        self.best: list[Known] = []  # as many as may be parents, the best first
        self.regressor = Regressor()

    def learn(self, known: Known) -> None:
        self.points.append(known.point)
        insort(self.best, known, key=lambda one: (one.point, one.number))
        del self.best[self.parents :]
        self.regressor.add(self.space.encoded(known.candidate))

    def propose(self, random: Random, attempt: int) -> Proposal:
        if len(self.points) < self.first:
            return self.drawn(random)
        pool = self.pool(random) if attempt == 0 else []
        return pool[self.promising(pool)] if pool else self.drawn(random)

    def pool(self, random: Random) -> list[Proposal]:
        """New candidates, each network once: half of them random, the others mutants."""
        found: dict[str, Proposal] = {}
        for _ in range(3 * self.size):
            if random.random() < DRAWN:
                proposal = self.drawn(random)
            else:
                steps = 1
                while random.random() < FURTHER:
                    steps += 1
                proposal = self.mutant(random.choice(self.best), random, steps)
            digest = self.space.digest(proposal.candidate)
            if digest not in found and self.is_new(proposal.candidate):
                found[digest] = proposal
                if len(found) == self.size:
                    break
        return list(found.values())

    def promising(self, pool: list[Proposal]) -> int:
        """The place of the candidate whose expected improvement is the greatest."""
        waiting = [self.space.encoded(one) for one in self.under_way]
        self.regressor.fit(self.points, waiting)
        mean, deviation = self.regressor.predict(
            [self.space.encoded(one.candidate) for one in pool]
        )
        most = float(scores(self.points).max())
        gains = [improvement(m - most, d) for m, d in zip(mean, deviation, strict=True)]
        return max(range(len(pool)), key=lambda k: (gains[k], -k))


def improvement(gap: float, deviation: float) -> float:
    """How much better than the best something is expected to be that is normally distributed.

    Its mean is `gap` above the best.
    """
    if deviation <= 0:
        return max(0.0, gap)
    normal, z = NormalDist(), gap / deviation
    return deviation * (z * normal.cdf(z) + normal.pdf(z))
