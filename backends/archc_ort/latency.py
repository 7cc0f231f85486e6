"""Latency: runs of several callables interleaved, each against the first, with an interval.

These measurements wander with the machine, so every round runs all candidates, in a random order,
and the ratio to the first is taken round by round; its median and a bootstrap interval are what is
reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one candidate.

    The median and the quartiles over rounds, and the ratio to the first.
    """

    name: str
    median: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    rounds: int


def compare(
    candidates: Mapping[str, Callable[[], object]],
    *,
    seconds: float = 3.0,
    least_rounds: int = 11,
    warmup: int = 3,
) -> list[Timing]:
    """Times the candidates for about `seconds` in all.

    Ratios are to the first, with a 95 % interval.
    """
    for run in candidates.values():
        for _ in range(warmup):
            run()
    rounds: list[list[float]] = []
    started = time.perf_counter()
    names = list(candidates)
    rng = np.random.default_rng(0)  # no candidate always follows the same other
    while len(rounds) < least_rounds or time.perf_counter() - started < seconds:
        times = {names[k]: _time(candidates[names[k]]) for k in rng.permutation(len(names))}
        rounds.append([times[name] for name in names])
        if time.perf_counter() - started > 20 * seconds:
            break
    table = np.array(rounds)
    return [_timing(name, table, column) for column, name in enumerate(names)]


def _time(run: Callable[[], object]) -> float:
    before = time.perf_counter()
    run()
    return time.perf_counter() - before


def _timing(name: str, table: np.ndarray[Any, Any], column: int) -> Timing:
    own = table[:, column]
    low, median, high = np.quantile(own, [0.25, 0.5, 0.75])
    ratios = own / table[:, 0]
    ratio_low, ratio_high = interval(ratios)
    return Timing(
        name,
        float(median),
        float(low),
        float(high),
        float(np.median(ratios)),
        ratio_low,
        ratio_high,
        len(table),
    )


def interval(values: np.ndarray[Any, Any], draws: int = 2000) -> tuple[float, float]:
    """The 95 % bootstrap interval of the median (Efron, 1979)."""
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(values), (draws, len(values)))
    low, high = np.quantile(np.median(values[picks], axis=1), [0.025, 0.975])
    return float(low), float(high)
