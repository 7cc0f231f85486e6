"""Successive halving: which trials are trained for longer.

Training has rungs of more and more epochs. A trial goes on to the next rung if it is among the best
share of all trials that came to its rung so far, itself included, and is told as it is otherwise.
Nothing waits for others, so workers are never idle, and a trial is decided once (asynchronous
successive halving, Li et al. 2020, in the form that stops). Early trials have few to be compared
with, and go on more easily.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archc.search.ranking import Point, best_first, point
from archc.search.section import Evaluation, Objective


class Halving:
    """Every rung's points, and who goes on."""

    def __init__(self, objectives: Sequence[Objective], evaluation: Evaluation) -> None:
        self.objectives, self.keep = objectives, evaluation.keep
        self.rungs: list[list[Point]] = [[] for _ in evaluation.epochs or (0,)]

    @property
    def last(self) -> int:
        """The rung from which nobody goes on."""
        return len(self.rungs) - 1

    def take(self, rung: int, values: Mapping[str, float]) -> None:
        """What a trial came to on a rung."""
        self.rungs[rung].append(point(values, self.objectives))

    def goes_on(self, rung: int) -> bool:
        """Whether the trial that was taken last on this rung is to climb the next one.

        With several objectives rank decides. Of equal ones the earlier go on.
        """
        if rung >= self.last:
            return False
        points = self.rungs[rung]
        promoted = max(1, int(len(points) * self.keep))
        return len(points) - 1 in best_first(points)[:promoted]
