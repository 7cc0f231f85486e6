"""Where choices come from: Hypothesis, which shrinks them, or a seeded generator, which is fast.

Every choice is made so that 0, the first option and "no" are the simplest: Hypothesis shrinks
towards them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Source(Protocol):
    """Makes the generator's choices."""

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        ...


class Choices:
    """Choices of a few kinds, all made of whole numbers."""

    def __init__(self, source: Source) -> None:
        self.integer = source.integer

    def chance(self, percent: int) -> bool:
        """Whether something unusual happens."""
        return self.integer(0, 99) >= 100 - percent

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, of which the first is the simplest."""
        return options[self.integer(0, len(options) - 1)]

    def number(self, *options: float) -> float:
        return self.pick(options)

    def weighted(self, options: Sequence[tuple[int, T]]) -> T:
        """One of the options, each as often as its weight says."""
        place = self.integer(0, sum(weight for weight, _ in options) - 1)
        for weight, option in options:
            if place < weight:
                return option
            place -= weight
        raise AssertionError("weights are positive")

    def some(self, options: Sequence[T], least: int, most: int) -> list[T]:
        """Several of the options, none twice, in an order of their own."""
        rest = list(options)
        count = self.integer(min(least, len(rest)), min(most, len(rest)))
        return [rest.pop(self.integer(0, len(rest) - 1)) for _ in range(count)]


class Seeded:
    """Choices that a number determines, the same on every machine and Python."""

    def __init__(self, seed: int, number: int) -> None:
        self._random = random.Random(f"archc fuzz {seed} {number}")

    def integer(self, low: int, high: int) -> int:
        # Bits are promised to stay what they are; randrange and choice are not.
        return low + self._random.getrandbits(40) % (high - low + 1)


class Drawn:
    """Choices that Hypothesis makes."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))


def from_number(seed: int, number: int) -> Choices:
    return Choices(Seeded(seed, number))


def from_hypothesis(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Choices:
    return Choices(Drawn(draw))
