"""What the generator knows about a value in scope: its type, its bounds and its rough magnitude."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isinf
from typing import Any

from archc.ir.dims import Size
from archc.ir.substitution import substitute
from archc.ir.types import FLOATING, INTEGRAL, TensorType

NOMINAL = 8  # every program has sizes of at least 1 where each symbol is this
TAME = 30.0  # values of a larger magnitude are made smaller before anything else is done with them
MAX_ELEMENTS = 12_000  # of one value where each symbol is NOMINAL


@dataclass(frozen=True)
class Val:
    """A value: how it is referred to, its type, bounds of its elements, and their rough magnitude.

    An `exact` value is computed without rounding by every backend, so that comparing or rounding it
    cannot turn a difference in the last bit into another number. `few` says that it may be the same
    everywhere, which makes a dull output.
    """

    ref: str
    type: TensorType
    low: float = -inf
    high: float = inf
    scale: float = 1.0
    exact: bool = False
    few: bool = False

    @property
    def rank(self) -> int:
        return self.type.rank

    @property
    def dims(self) -> tuple[Size, ...]:
        return self.type.dims

    @property
    def floating(self) -> bool:
        return self.type.dtype in FLOATING

    @property
    def whole(self) -> bool:
        return self.type.dtype in INTEGRAL

    @property
    def boolean(self) -> bool:
        return self.type.dtype == "bool"

    @property
    def bounded(self) -> bool:
        return not isinf(self.low) and not isinf(self.high)


@dataclass
class Use:
    """A use of an op that the generator proposes, and what is known of the result.

    Inputs stand in the op's order; those of a variadic input follow one another; numbers are
    literals, None an absent optional input. Sizes among the attributes may be symbolic.
    """

    op: str
    inputs: Sequence[Val | float | None] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    low: float = -inf
    high: float = inf
    scale: float = 1.0
    exact: bool = False
    few: bool = False
    fed: dict[str, Val] = field(default_factory=dict)
    chains: bool = False  # its bounds hold for a chain of copies, too


Test = Callable[[Val], bool]


def number(size: Size, at: int = NOMINAL) -> int:
    """The size where every symbol is `at`."""
    if isinstance(size, int):
        return size
    from archc.ir.dims import symbols

    result = substitute(size, dict.fromkeys(symbols(size), at))
    assert isinstance(result, int)
    return result


def least(size: Size) -> int:
    """The smallest the size can be: symbols are at least 2 when a program is tried."""
    return max(1, number(size, 2))


def elements(type: TensorType) -> int:
    total = 1
    for size in type.dims:
        total *= number(size)
    return total


def handful(type: TensorType) -> bool:
    """Whether there may be so few elements that a comparison is likely to say the same of all."""
    total = 1
    for size in type.dims:
        total *= least(size)
    return total < 8


def feasible(type: TensorType) -> bool:
    """Whether the value has a size of at least 1 everywhere, and not too many elements."""
    return all(number(size) >= 1 for size in type.dims) and elements(type) <= MAX_ELEMENTS


def plus(a: Val | float, b: Val | float) -> tuple[float, float]:
    """Bounds of a sum."""
    (al, ah), (bl, bh) = ends(a), ends(b)
    return al + bl, ah + bh


def times(a: Val | float, b: Val | float) -> tuple[float, float]:
    """Bounds of a product."""
    products = [0.0 if 0 in (x, y) else x * y for x in ends(a) for y in ends(b)]
    return min(products), max(products)


def ends(value: Val | float) -> tuple[float, float]:
    return (value.low, value.high) if isinstance(value, Val) else (value, value)


def scale_of(value: Val | float) -> float:
    return value.scale if isinstance(value, Val) else abs(value)


def is_exact(value: Val | float) -> bool:
    return value.exact if isinstance(value, Val) else float(value * 64).is_integer()
