"""Sets that are made from a seed: tasks of which one knows exactly what there is to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import numpy as np

from archc.arrays import Array
from archc.errors import InputError
from archc_train.data.pairs import encoded
from archc_train.data.raw import Raw, Request

FIRST, DAYS = date(1900, 1, 1), 73_049  # to the end of 2099
FORMATS: tuple[Callable[[date], str], ...] = (
    lambda day: f"{day.day} {day:%B} {day.year}",
    lambda day: f"{day:%B} {day.day}, {day.year}",
    lambda day: f"{day:%b} {day.day} {day.year}",
    lambda day: f"{day:%A}, {day.day} {day:%b} {day.year}",
    lambda day: f"{day.day}.{day.month}.{day.year}",
    lambda day: f"{day.month}/{day.day}/{day.year}",
    lambda day: f"the {day.day}{ordinal(day.day)} of {day:%B}, {day.year}",
)


def ordinal(number: int) -> str:
    """`st`, `nd`, `rd` or `th`."""
    last = 0 if number // 10 == 1 else number % 10
    return {1: "st", 2: "nd", 3: "rd"}.get(last, "th")


def draws(request: Request) -> np.random.Generator:
    """The source of all that is drawn; the same set for every seed of the training itself."""
    return np.random.Generator(np.random.Philox(request.split.get("seed", 0)))


def dates(request: Request) -> Raw:
    """Days as people write them, in one of seven ways, and as ISO 8601 does: `1987-03-09`.

    Fields as those of `pairs`, of characters. `count` days (12,000) of two centuries, each once, so
    that no day of the test is one of the training.
    """
    picks = draws(request)
    days = picks.permutation(DAYS)[: int(request.options.get("count", 12_000))]
    ways = picks.integers(len(FORMATS), size=len(days))
    found = [FIRST + timedelta(days=int(day)) for day in days]
    texts = {
        "source": [FORMATS[way](day) for day, way in zip(found, ways, strict=True)],
        "target": [day.isoformat() for day in found],
    }
    characters = replace(request, options={**request.options, "tokenizer": "characters"})
    columns = {name: np.array(values, dtype=object) for name, values in texts.items()}
    return Raw({"train": columns}, finish=partial(encoded, characters))


def recall(request: Request) -> Raw:
    """One of eight symbols, then `length` others (50) that mean nothing: which was the first?

    Fields `tokens` `[N, 1 + length]`, symbols 0 to 7 first and 8 to 15 after, and `label`; `count`
    items (12,000). After the long-lag problems of Hochreiter and Schmidhuber, 1997, section 5.
    """
    picks = draws(request)
    count, lag = int(request.options.get("count", 12_000)), int(request.options.get("length", 50))
    label = picks.integers(8, size=count)
    rest = picks.integers(8, 16, size=(count, lag))
    tokens = np.concatenate([label[:, None], rest], axis=1)
    return Raw({"train": {"tokens": tokens, "label": label}})


def sensors(request: Request) -> Raw:
    """Four sensors of a machine that turns; in half of the test windows something is wrong.

    Fields `series` `[N, length, 4]` (64 steps) and `label`, 1 where there is an anomaly: a spike, a
    shifted level, a sensor that stands still, or one that goes its own way. `count` windows (4,000)
    for training, all of them normal, and half as many for testing. Raises InputError E807 for too
    few or too short ones.
    """
    picks = draws(request)
    count, steps = int(request.options.get("count", 4000)), int(request.options.get("length", 64))
    if count < 4 or steps < 8:
        what = f"{request.name}: {count} windows of {steps} steps; at least 4 of 8 are needed"
        raise InputError.of("E807", what)
    normal = turning(picks, count, steps)
    test = turning(picks, count // 2, steps)
    label = np.arange(len(test)) % 2
    test[label == 1] = np.stack([disturbed(picks, row) for row in test[label == 1]])
    return Raw(
        {
            "train": {"series": normal, "label": np.zeros(count, dtype=np.int64)},
            "test": {"series": test, "label": label},
        }
    )


def turning(picks: np.random.Generator, count: int, steps: int) -> Array:
    """Windows of normal turning, float32 `[count, steps, 4]`.

    A speed and a phase for each window; two sensors follow the turn a quarter apart, one follows
    its second harmonic, one the product of the first two, all with a little noise.
    """
    speed = picks.uniform(0.25, 0.6, size=(count, 1))
    angle = speed * np.arange(steps) + picks.uniform(0, 2 * np.pi, size=(count, 1))
    first, second = np.sin(angle), np.cos(angle)
    found = np.stack([first, second, np.sin(2 * angle), first * second + 0.5 * first], axis=2)
    return np.asarray(found + 0.1 * picks.standard_normal(found.shape), dtype=np.float32)


def disturbed(picks: np.random.Generator, window: Array) -> Array:
    """A window `[steps, 4]` with one of the four anomalies in one sensor."""
    found = window.copy()
    steps, sensor = len(found), picks.integers(found.shape[1])
    size = int(picks.integers(steps // 8, steps // 3))
    start = int(picks.integers(steps - size))
    part = slice(start, start + size)
    match int(picks.integers(4)):
        case 0:
            found[start, sensor] += picks.choice([-1.0, 1.0]) * picks.uniform(1.5, 2.5)
        case 1:
            found[part, sensor] += picks.choice([-1.0, 1.0]) * picks.uniform(0.6, 1.2)
        case 2:
            found[part, sensor] = found[start, sensor]
        case _:
            found[part, sensor] = found[part, sensor][::-1]
    return found
