"""A spec's `search:` section as values: what may change, what is sought, how, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archc.search.holes import Hole
from archc.spec.search import MOVES


@dataclass(frozen=True, slots=True)
class Objective:
    """A number that is sought high or low, by the name that an evaluation gives it."""

    name: str
    maximize: bool

    def better(self, one: float, other: float) -> bool:
        return one > other if self.maximize else one < other


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of a number that every candidate keeps."""

    name: str
    least: float | None = None
    most: float | None = None

    def holds(self, value: float) -> bool:
        low = self.least is None or value >= self.least
        return low and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Moves:
    """Which kinds of structural moves, and inside which blocks, models or named steps (all: ())."""

    kinds: tuple[str, ...] = MOVES
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a candidate is scored: epochs of each rung, the share promoted, and the rest.

    `epochs` are the spec's own where they are not said. `timeout` is in seconds.
    """

    epochs: tuple[float, ...] = ()
    keep: float = 1 / 3
    inherit: bool = False
    timeout: float | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Search:
    """The whole section. `trials` and `seconds` are the budget; at least one of them is there."""

    holes: tuple[Hole, ...]
    moves: Moves | None
    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...] = ()
    strategy: str = "evolution"
    options: Mapping[str, Any] = field(default_factory=dict)  # the strategy's
    trials: int | None = None
    seconds: float | None = None
    evaluation: Evaluation = Evaluation()
    seed: int = 0

    @property
    def asked(self) -> frozenset[str]:
        """The numbers that objectives and limits are about."""
        objectives, limits = self.objectives, self.limits
        return frozenset([*(one.name for one in objectives), *(one.name for one in limits)])
