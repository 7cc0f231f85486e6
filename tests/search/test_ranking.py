"""Better and worse with several objectives, against the definitions written out."""

from __future__ import annotations

import itertools
import time
from random import Random

import pytest

from archc.search.ranking import Point, best_first, crowding, hypervolume, point, ranks
from archc.search.section import Objective


def drawn(count: int, size: int, seed: int) -> list[Point]:
    random = Random(seed)
    return [tuple(float(random.randint(0, 6)) for _ in range(size)) for _ in range(count)]


def dominates(one: Point, other: Point) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_rank_is_how_many_fronts_are_better(size: int) -> None:
    points = drawn(40, size, size)
    left, expected = dict(enumerate(points)), {}
    for rank in itertools.count():
        front = [k for k, p in left.items() if not any(dominates(o, p) for o in left.values())]
        expected |= dict.fromkeys(front, rank)
        left = {k: p for k, p in left.items() if k not in front}
        if not left:
            break
    assert ranks(points) == [expected[k] for k in range(len(points))]


@pytest.mark.parametrize("size", [1, 2])
def test_long_searches_are_ranked_in_a_moment(size: int) -> None:
    """Every one of them another front, or all of them one; the table of a search does it often."""
    ends = [(float(k), *[-float(k)] * (size - 1)) for k in range(5000)]
    before = time.process_time()
    assert ranks(ends) == (list(range(5000)) if size == 1 else [0] * 5000)
    assert ranks([(x[0],) * size for x in ends]) == list(range(5000))
    assert time.process_time() - before < 5


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_hypervolume_is_the_volume_of_what_is_dominated(size: int) -> None:
    """Counted in unit cubes, since all points have whole coordinates."""
    for seed in range(5):
        points, reference = drawn(9, size, seed), (5.0,) * size
        cubes = itertools.product(range(5), repeat=size)
        volume = sum(
            any(all(x <= c for x, c in zip(p, cube, strict=True)) for p in points) for cube in cubes
        )
        assert hypervolume(points, reference) == pytest.approx(volume)


def test_what_is_worse_than_the_reference_adds_nothing() -> None:
    assert hypervolume([(1.0, 9.0), (9.0, 1.0)], (5.0, 5.0)) == 0.0
    assert hypervolume([], (1.0, 1.0)) == 0.0


def test_points_at_the_ends_have_most_room() -> None:
    room = crowding([(0.0, 4.0), (1.0, 3.0), (1.5, 2.5), (4.0, 0.0)])
    assert room[0] == room[3] == float("inf")
    assert room[2] > room[1]


def test_what_is_the_same_for_all_has_no_say() -> None:
    line = [(0.0, 6.0), (1.0, 5.0), (4.0, 4.0), (4.1, 3.9), (4.2, 3.8), (5.0, 1.0), (6.0, 0.0)]
    assert best_first([(0.0, *one) for one in line]) == best_first(line)


def test_the_best_come_first_and_of_equals_the_earlier() -> None:
    assert best_first([(2.0,), (1.0,), (2.0,)]) == [1, 0, 2]
    assert best_first([(2.0, 2.0), (1.0, 1.0), (3.0, 3.0)]) == [1, 0, 2]
    assert best_first([]) == []


def test_there_is_room_among_those_that_came_as_far() -> None:
    """The ends of each rung have most of it; who came further may dominate, not the other way."""
    line = [(0.0, 4.0), (1.0, 3.0), (1.5, 2.5), (4.0, 0.0)]
    better = [(x - 1, y - 1) for x, y in line]
    points, rungs = [*line, *better], [1.0] * 4 + [0.0] * 4
    assert best_first(line)[:2] == [0, 3]
    assert set(best_first(points, rungs)[:4]) == {0, 3, 4, 7}
    assert best_first(points, [0.0] * 4 + [1.0] * 4)[:4] == [4 + k for k in best_first(line)]


def test_a_point_is_better_the_less_it_is() -> None:
    objectives = [Objective("accuracy", True), Objective("latency_ms", False)]
    assert point({"accuracy": 0.9, "latency_ms": 2.0, "params": 7.0}, objectives) == (-0.9, 2.0)
