"""The way to where limits are kept, once most that is thought of is beyond them.

What is drawn lies around the origin, which may be far from there: a few moves take a small part of
a large network away. So the nearest that was met is changed, and what that gives again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archc.search.candidate import Candidate
from archc.search.section import Limit


@dataclass(frozen=True, slots=True)
class Near:
    """A candidate: how far beyond the limits, of which trial it comes, and what was changed."""

    excess: float
    candidate: Candidate
    number: int | None
    change: str = ""


def excess(values: Mapping[str, float], limits: Iterable[Limit]) -> float:
    """By which share of the limits the values are beyond them, added up."""
    total = 0.0
    for limit in limits:
        value = values.get(limit.name)
        if value is None:
            continue
        if limit.most is not None and value > limit.most:
            total += (value - limit.most) / (abs(limit.most) or 1.0)
        if limit.least is not None and value < limit.least:
            total += (limit.least - value) / (abs(limit.least) or 1.0)
    return total


def nearer(one: Near | None, other: Near) -> Near:
    """The nearer of both; the other where they are equal, so that it goes on."""
    return other if one is None or other.excess <= one.excess else one
