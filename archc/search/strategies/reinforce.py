"""REINFORCE: a controller learns which choices were followed by good values.

After Williams (1992) and Zoph and Le (2017, "Neural architecture search with reinforcement
learning"). The controller is a table of logits: a softmax for each hole, one for how many moves are
made, and one for their kinds; a candidate is drawn from them, anew from the origin. After a trial
the logits move along the gradient of its probability, times how much better it was than those
before, and of the controller's entropy, which keeps it from deciding too soon.

What is learned from is a rank among all trials so far, from -1 to 1, so that objectives of any
scale will do; `baseline` is the decay of the mean that it is compared with.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from random import Random
from typing import Any

from archc.search.candidate import Candidate
from archc.search.holes import same
from archc.search.move import Move
from archc.search.space import Space
from archc.search.strategies.memory import Known, Memory
from archc.search.trial import Proposal

GRID = 8  # points of a range that the controller chooses from
MOVES = 4  # at most made of the origin
END, MADE = " and ", ": "  # between kinds of moves, and between those and the moves themselves


class Softmax:
    """Choices with learned odds."""

    def __init__(self, size: int) -> None:
        self.logits = [0.0] * size

    @property
    def odds(self) -> list[float]:
        most = max(self.logits)
        raised = [math.exp(one - most) for one in self.logits]
        whole = sum(raised)
        return [one / whole for one in raised]

    def draw(self, random: Random) -> int:
        return random.choices(range(len(self.logits)), self.odds)[0]

    def climb(self, chosen: int, gain: float, entropy: float) -> None:
        """Moves by `gain` along the gradient of log p(chosen), and by `entropy` along H's."""
        odds = self.odds
        level = sum(p * math.log(p) for p in odds if p > 0)  # -H
        for k, p in enumerate(odds):
            self.logits[k] += gain * ((k == chosen) - p)
            self.logits[k] -= entropy * p * ((math.log(p) if p > 0 else 0.0) - level)


class Reinforce(Memory):
    """A learned controller with one objective."""

    def __init__(
        self, space: Space, rate: float = 0.3, baseline: float = 0.9, entropy: float = 0.03
    ) -> None:
        super().__init__(space)
        self.rate, self.decay, self.entropy = rate, baseline, entropy
        self.grids = {hole.path: hole.domain.grid(GRID) for hole in space.holes}
        self.odds = {path: Softmax(len(values)) for path, values in self.grids.items()}
        moves = space.search.moves
        self.kinds = moves.kinds if moves is not None else ()
        self.count, self.kind = Softmax(MOVES + 1), Softmax(max(1, len(self.kinds)))
        self.points: list[tuple[float, ...]] = []  # of all trials, the best first
        self.mean = 0.0

    # ---- acting

    def propose(self, random: Random, attempt: int) -> Proposal:
        for _ in range(10):
            values = {path: self.grids[path][odds.draw(random)] for path, odds in self.odds.items()}
            candidate = self.space.with_values(self.space.origin, values)
            kinds, made = list[str](), list[str]()
            for _ in range(self.count.draw(random) if self.kinds else 0):
                move = self.move(candidate, random)
                if move is not None:
                    candidate = move.made(candidate)
                    kinds.append(move.kind)
                    made.append(move.what)
            if self.space.compiles(candidate):
                words = f"{END.join(kinds)}{MADE}{'; '.join(made)}" if kinds else "drawn"
                return Proposal(candidate, change=words)
        return self.drawn(random)

    def move(self, candidate: Candidate, random: Random) -> Move | None:
        """A move, its kind by the odds of those that there are."""
        odds = dict(zip(self.kinds, self.kind.odds, strict=True))
        while odds:
            kind = random.choices(list(odds), list(odds.values()))[0]
            move = self.space.move(candidate, random, kind)
            if move is not None:
                return move
            del odds[kind]
        return None

    # ---- learning

    def learn(self, known: Known) -> None:
        equal = bisect_right(self.points, known.point) - bisect_left(self.points, known.point)
        insort(self.points, known.point)
        worse = len(self.points) - bisect_right(self.points, known.point) + equal / 2
        reward = 2 * worse / (len(self.points) - 1) - 1 if len(self.points) > 1 else 0.0
        gain = self.rate * (reward - self.mean)
        self.mean = self.decay * self.mean + (1 - self.decay) * reward
        for hole in self.space.active(known.candidate):
            chosen = place_of(self.grids[hole.path], hole.value(known.candidate.parameters))
            if chosen is not None:
                self.odds[hole.path].climb(chosen, gain, self.entropy)
        if not self.kinds or known.parents:  # then it is not the controller that changed it
            return
        said = known.change.partition(MADE)[0].split(END)
        kinds = [kind for kind in said if kind in self.kinds]
        self.count.climb(min(len(kinds), MOVES), gain, self.entropy)
        for kind in kinds:
            self.kind.climb(self.kinds.index(kind), gain, self.entropy)


def place_of(values: list[Any], value: Any) -> int | None:
    """The place of a value among those that can be chosen."""
    return next((k for k, one in enumerate(values) if same(one, value)), None)
