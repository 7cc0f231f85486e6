"""Which of several results are better when there are several objectives.

A point is a tuple of numbers, one an objective, each of them better the less it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import partial
from operator import gt

import numpy as np

from archc.search.section import Objective

Point = tuple[float, ...]


def point(values: Mapping[str, float], objectives: Sequence[Objective]) -> Point:
    """What was found, as a point: what is to be great with its sign changed."""
    return tuple(-values[one.name] if one.maximize else values[one.name] for one in objectives)


def ranks(points: Sequence[Point]) -> list[int]:
    """Of each point: 0 if no other dominates it, 1 if only points of rank 0 do, and so on.

    A point dominates another if it is nowhere worse and somewhere better (Deb et al. 2002,
    NSGA-II). They are taken in order, so that a point is dominated by earlier ones alone, and each
    goes to the first front that does not dominate it, found by bisection (Zhang et al. 2015, ENS).
    """
    found = [0] * len(points)
    fronts: list[list[Point]] = []
    for k in sorted(range(len(points)), key=points.__getitem__):
        free = bisect_left(fronts, True, key=partial(_spares, points[k]))
        fronts += [[]] if free == len(fronts) else []
        fronts[free].append(points[k])
        found[k] = free
    return found


def _spares(point: Point, front: Sequence[Point]) -> bool:
    """Whether none of a front dominates a point that comes after them.

    With two objectives the last one would if any does: in the second none of them is better.
    """
    asked = front[-1:] if len(point) < 3 else reversed(front)
    return all(one == point or any(map(gt, one, point)) for one in asked)


def crowding(points: Sequence[Point]) -> list[float]:
    """How much room each point has among the others; infinite at the ends of an objective."""
    values = np.asarray(points, dtype=np.float64)
    room = np.zeros(len(points))
    for column in values.T if len(points) else ():
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        if span > 0:  # else nobody is at an end: what is the same for all has no say
            room[order[[0, -1]]] = np.inf
            room[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return [float(one) for one in room]


def best_first(points: Sequence[Point], rungs: Sequence[float] | None = None) -> list[int]:
    """The points' places, the best first: by rank, then by room, then by who came earlier.

    With `rungs` a point is dominated by those alone that came as far as it did or further, and has
    its room among those that came as far.
    """
    if rungs is None and points and len(points[0]) == 1:
        return sorted(range(len(points)), key=lambda k: (points[k], k))
    came = [0.0] * len(points) if rungs is None else rungs
    compared = points if rungs is None else [(-r, *p) for r, p in zip(came, points, strict=True)]
    found = ranks(compared)
    room = [0.0] * len(points)
    company: dict[tuple[int, float], list[int]] = {}
    for k, same in enumerate(zip(found, came, strict=True)):
        company.setdefault(same, []).append(k)
    for members in company.values():
        for k, space in zip(members, crowding([points[k] for k in members]), strict=True):
            room[k] = space
    return sorted(range(len(points)), key=lambda k: (found[k], -room[k], k))


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The volume of what the points dominate, up to the reference, exactly.

    In two dimensions a sweep; in more, each point adds what it dominates and those after it do not
    (While et al. 2012, WFG).
    """
    inside = [p for p in points if all(x < r for x, r in zip(p, reference, strict=True))]
    front = sorted({p for p, rank in zip(inside, ranks(inside), strict=True) if rank == 0})
    if not front:
        return 0.0
    if len(reference) == 1:
        return reference[0] - front[0][0]
    if len(reference) == 2:
        ends = [y for _, y in front]
        tops = [reference[1], *ends[:-1]]
        return sum((reference[0] - x) * (top - y) for (x, y), top in zip(front, tops, strict=True))
    total = 0.0
    for k, one in enumerate(front):
        box = 1.0
        for x, r in zip(one, reference, strict=True):
            box *= r - x
        shared = [tuple(map(max, one, other)) for other in front[k + 1 :]]
        total += box - hypervolume(shared, reference)
    return total
