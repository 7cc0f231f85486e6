"""A trial as a study keeps it: plain data, the candidate as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from archc.search.ranking import Point, point, ranks
from archc.search.section import Objective
from archc.search.trial import State

VAIN = {
    "failed": "failed",
    "limited": "beyond a limit",
    "duplicate": "of a network that had been seen",
}
TWIN = re.compile(r"^as trial \d+: ")  # how the reason of a duplicate begins
NUMBER = re.compile(r"-?\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class Step:
    """What one rung gave. `order` counts what was recorded, over the whole study."""

    values: Mapping[str, float]
    cost: float
    order: int


@dataclass(frozen=True, slots=True)
class Record:
    """A trial that is running or told. `told` counts as `order` of its steps does.

    `digest` is the network's; two trials of one `identity` are the same to the search, and `twin`
    is the earlier one, if there is one; `avoided` counts those that its strategy thought of and
    knew before. `evaluated` ones are what a budget counts. A `stopped` one was not among those that
    went on to the next rung. `began` and `ended` are seconds since 1970.
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
    identity: str = ""
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
    """How often a network was met again: as a trial, or before one that was new.

    What was thought of before a trial that is not new either does not count: a search that has seen
    all there is thinks of that very often.
    """
    return sum(one.avoided if one.evaluated else one.twin is not None for one in records)


def most_common(reasons: Iterable[str]) -> str:
    """The reason that is given most often, the first of those that differ in numbers alone."""
    kinds: dict[str, list[str]] = {}
    for one in reasons:
        kinds.setdefault(NUMBER.sub("", TWIN.sub("", one)), []).append(TWIN.sub("", one))
    return max(kinds.values(), key=len)[0] if kinds else ""


def in_vain(records: Sequence[Record]) -> list[str]:
    """What became of trials without a result, counted, each with its most common reason."""
    found = []
    for state, words in VAIN.items():
        reasons = [one.why for one in records if ended(one) == state]
        if reasons:
            reason = most_common(reasons) if state != "duplicate" else ""
            found.append(f"{len(reasons)} {words}{reason and f', most often: {reason}'}")
    return found


def ended(record: Record) -> str:
    """The state; of any that is the same network as an earlier one that it is a duplicate."""
    return record.state if record.twin is None else "duplicate"


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
