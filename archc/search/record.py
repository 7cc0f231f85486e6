"""A trial as a study keeps it: plain data, the candidate as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from archc.search.ranking import Point, point, ranks
from archc.search.section import Objective
from archc.search.trial import State


@dataclass(frozen=True, slots=True)
class Step:
    """What one rung gave. `order` counts what was recorded, over the whole study."""

    values: Mapping[str, float]
    cost: float
    order: int


@dataclass(frozen=True, slots=True)
class Record:
    """A trial that is running or told. `told` counts as `order` of its steps does.

    `twin` is the earlier trial of the same network, if there is one; `avoided` counts those that
    its strategy thought of and knew before. `evaluated` ones are what a budget counts. A `stopped`
    one was not among those that went on to the next rung. `began` and `ended` are seconds since
    1970.
    """

    number: int
    text: str
    digest: str
    parents: tuple[int, ...] = ()
    change: str = ""
    state: State | Literal["running"] = "running"
    values: Mapping[str, float] = field(default_factory=dict)
    cost: float = 0.0
    why: str = ""
    rung: int = 0
    stopped: bool = False
    steps: tuple[Step, ...] = ()
    twin: int | None = None
    evaluated: bool = False
    avoided: int = 0
    told: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    began: float = 0.0
    ended: float | None = None

    @property
    def spent(self) -> float:
        """Seconds of evaluation that are recorded."""
        return self.cost if self.told is not None else sum(step.cost for step in self.steps)


def duplicates(records: Sequence[Record]) -> int:
    """How often a network was met again: as a trial, or before it became one."""
    return sum(one.avoided + (one.twin is not None) for one in records)


def finished(records: Sequence[Record]) -> list[Record]:
    """The complete trials that came as far as any: whose values can be compared.

    A trial that came further and was beyond a limit then counts, too: others have not been there.
    """
    last = max((one.rung for one in records if one.state in ("complete", "limited")), default=0)
    return [one for one in records if one.state == "complete" and one.rung == last]


def front(records: Sequence[Record], objectives: Sequence[Objective]) -> list[Record]:
    """The finished trials that no other dominates, the best of the first objective first.

    Of several with the same values the earliest.
    """
    candidates = finished(records)
    points: list[Point] = [point(one.values, objectives) for one in candidates]
    found: dict[Point, Record] = {}
    for one, place, rank in zip(candidates, points, ranks(points), strict=True):
        if rank == 0:
            found.setdefault(place, one)
    return [found[place] for place in sorted(found)]


def best(records: Sequence[Record], objectives: Sequence[Objective]) -> Record | None:
    """The first of the front: the best trial by the first objective."""
    found = front(records, objectives)
    return found[0] if found else None
