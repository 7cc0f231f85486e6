"""Which of several results are better when there are several objectives.

A point is a tuple of numbers, one an objective, each of them better the less it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archc.arrays import Array
from archc.search.section import Objective

Point = tuple[float, ...]


def point(values: Mapping[str, float], objectives: Sequence[Objective]) -> Point:
    """What was found, as a point: what is to be great with its sign changed."""
    return tuple(-values[one.name] if one.maximize else values[one.name] for one in objectives)


def ranks(points: Sequence[Point]) -> list[int]:
    """Of each point: 0 if no other dominates it, 1 if only points of rank 0 do, and so on.

    A point dominates another if it is nowhere worse and somewhere better (Deb et al. 2002,
    NSGA-II).
    """
    if not points:
        return []
    values = np.asarray(points, dtype=np.float64)
    dominates = _dominates(values)
    left = np.ones(len(points), dtype=bool)
    found = np.zeros(len(points), dtype=int)
    rank = 0
    while left.any():
        front = left & ~dominates[left].any(axis=0)
        found[front] = rank
        left &= ~front
        rank += 1
    return [int(one) for one in found]


def _dominates(values: Array) -> Array:
    """`[i, j]`: whether point i dominates point j."""
    nowhere_worse = np.all(values[:, None] <= values[None], axis=2)
    somewhere_better = np.any(values[:, None] < values[None], axis=2)
    found: Array = np.logical_and(nowhere_worse, somewhere_better)
    return found


def crowding(points: Sequence[Point]) -> list[float]:
    """How much room each point has among the others; infinite at the ends of an objective."""
    values = np.asarray(points, dtype=np.float64)
    room = np.zeros(len(points))
    for column in values.T if len(points) else ():
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        room[order[[0, -1]]] = np.inf
        if span > 0:
            room[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return [float(one) for one in room]


def best_first(points: Sequence[Point]) -> list[int]:
    """The points' places, the best first: by rank, then by room, then by who came earlier."""
    if points and len(points[0]) == 1:
        return sorted(range(len(points)), key=lambda k: (points[k], k))
    found = ranks(points)
    room = [0.0] * len(points)
    for rank in set(found):
        members = [k for k, one in enumerate(found) if one == rank]
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
