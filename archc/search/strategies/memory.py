"""What all strategies remember: which networks were seen, and how good they were."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from archc.search.candidate import Candidate
from archc.search.ranking import Point, point
from archc.search.space import Space
from archc.search.statics import statics
from archc.search.strategies.nearing import Near, excess, nearer
from archc.search.trial import Proposal, Trial

TRIES = 100  # proposals that are thought of for one that is new
MISSES = 10  # beyond a limit in a row, after which the way to the limits is looked for


@dataclass(frozen=True, slots=True)
class Known:
    """A trial with values. `point` has a number for each objective, the less the better.

    Before them stands how far the trial came in rungs, since what was trained longer was chosen
    for it, and its values do not compare with those of others.
    """

    number: int
    candidate: Candidate
    point: Point
    parents: tuple[int, ...] = ()
    change: str = ""

    @property
    def rung(self) -> float:
        return -self.point[0]

    @property
    def values(self) -> Point:
        return self.point[1:]


class Memory(ABC):
    """A strategy that asks for what is new.

    What it asks depends on the seed, the number, what it was told in what order, and what is under
    way, which is not asked again, either. Of a trial that may become no parent any more only its
    digest is kept: a candidate with its graph takes a hundred times as much.
    """

    def __init__(self, space: Space) -> None:
        self.space, self.search = space, space.search
        self.seen: dict[str, bool] = {}  # by digest, whether it has values
        self.misses = 0  # those in a row that were beyond a limit
        self.nearest: Near | None = None  # to the limits, of all that were told
        self.near: Near | None = None  # and of those, too, that are thought of for the next
        self.under_way: list[Candidate] = []
        self.waited: set[str] = set()  # digests of those

    @abstractmethod
    def propose(self, random: Random, attempt: int) -> Proposal:
        """A proposal that may have been seen; `attempt` counts those that were, from 0."""

    @abstractmethod
    def learn(self, known: Known) -> None:
        """Takes in a trial of a network that was not known before."""

    # ---- the protocol

    def ask(self, number: int, under_way: Sequence[Candidate] = ()) -> Proposal:
        random = Random(f"{self.search.seed} {number}")
        self.under_way = [self.space.own(one) for one in under_way]
        self.waited = {self.space.digest(one) for one in self.under_way}
        misses, self.near = self.misses, self.nearest
        proposal = self.new(lambda attempt: self.thought(random, attempt))
        self.misses, self.near = misses, None
        return proposal

    def tell(self, trial: Trial) -> None:
        candidate = self.space.own(trial.candidate)
        digest = self.space.digest(candidate)
        if trial.state not in ("complete", "duplicate") or not trial.values:
            self.seen.setdefault(digest, False)
            if trial.state == "limited":
                self.misses += 1
                # Where the number that has the limit is not finite, no step from there is nearer.
                far = excess(trial.values, self.search.limits) or math.inf
                self.nearest = nearer(self.nearest, Near(far, replace(candidate), trial.number))
        elif not self.seen.get(digest):
            self.seen[digest] = True
            self.misses = 0
            if self.search.limits:  # a copy has no graph
                self.nearest = Near(0.0, replace(candidate), trial.number)
            values = point(trial.values, self.search.objectives)
            known = Known(
                trial.number, candidate, (-float(trial.rung), *values), trial.parents, trial.change
            )
            self.learn(known)

    def thought(self, random: Random, attempt: int) -> Proposal:
        """What the strategy proposes, or, after many beyond a limit, a step nearer to them."""
        if self.near is None or self.misses < MISSES or random.random() < 0.5:
            return self.propose(random, attempt)
        candidate, words = self.space.mutate(self.near.candidate, random)
        said = "; ".join(filter(None, (self.near.change, words)))
        parents = () if self.near.number is None else (self.near.number,)
        return Proposal(candidate, parents, said)

    # ---- for strategies

    def new(self, propose: Callable[[int], Proposal]) -> Proposal:
        """The first proposal that is new and keeps the limits that need no evaluation.

        After TRIES the last one, whatever it is: the search records it, at no cost.
        """
        proposal, avoided = propose(0), 0
        for attempt in range(1, TRIES):
            if self.is_known(proposal.candidate):
                avoided += 1
            elif far := self.beyond(proposal.candidate):
                self.approach(proposal, far)
            else:
                break
            proposal = propose(attempt)
        return replace(proposal, avoided=avoided)

    def is_known(self, candidate: Candidate) -> bool:
        digest = self.space.digest(candidate)
        return digest in self.seen or digest in self.waited

    def is_new(self, candidate: Candidate) -> bool:
        return not self.is_known(candidate) and not self.beyond(candidate)

    def beyond(self, candidate: Candidate) -> float:
        """How far it is beyond the limits that need no evaluation."""
        limits = self.search.limits
        return excess(statics(candidate, self.search), limits) if limits else 0.0

    def approach(self, proposal: Proposal, far: float) -> None:
        """Remembers what is beyond the limits, if nothing before was nearer to them."""
        self.misses += 1
        number = proposal.parents[0] if proposal.parents else None
        near = Near(far, proposal.candidate, number, proposal.change)
        self.near = nearer(self.near, near)

    def drawn(self, random: Random) -> Proposal:
        candidate, words = self.space.drawn(random)
        return Proposal(candidate, change=words)

    def mutant(self, parent: Known, random: Random, steps: int = 1) -> Proposal:
        """The parent after so many changes."""
        candidate, said = parent.candidate, list[str]()
        for _ in range(steps):
            candidate, words = self.space.mutate(candidate, random)
            said += [words] if words else []
        return Proposal(candidate, (parent.number,), "; ".join(said))


def steps_at(attempt: int) -> int:
    """How far to go from a parent: further once its neighbourhood seems to be known."""
    return 1 + attempt // 10
