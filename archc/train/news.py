"""What a training tells while it runs, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Begun:
    """A phase begins, or goes on."""

    run: Path
    network: str
    params: int
    data: str
    items: Mapping[str, int]  # of each part
    device: str
    precision: str
    batch: int
    turns: int
    per_epoch: int
    turn: int  # where it goes on
    phase: int
    phases: int
    measures: tuple[str, ...]  # the names of what evaluations will tell
    chosen: tuple[str, bool] | None  # by which the best is chosen, and whether more is better


@dataclass(frozen=True, slots=True)
class News:
    """Turns that are done, and what was measured lately."""

    turn: int
    turns: int
    epoch: float
    measured: Mapping[str, float]
    seconds: float  # of training, since it began or went on
    evaluation: bool = False
    best: bool = False  # whether this evaluation is the best so far


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run measures on some items; a number that is not finite is None.

    Of several processes that measure together all have the numbers, and one is the `main` one.
    """

    data: str
    part: str
    items: int
    numbers: Mapping[str, float | None]
    main: bool = True


Tell = Callable[[Begun | News], None]


def silence(news: Begun | News) -> None:
    """Tells nobody."""
