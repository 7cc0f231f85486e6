"""The functions of formulas: one table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from archc.ir.dims import Dim, Size, largest, smallest
from archc.spec.arithmetic import iterable, spoken, truth
from archc.spec.values import ABSENT, Budget, Undecided


def range_of(budget: Budget, *arguments: Any) -> list[int]:
    if not 1 <= len(arguments) <= 3:
        raise TypeError("range takes one to three whole numbers")
    if any(isinstance(value, Dim) for value in arguments):
        raise Undecided("the length of this range")
    if not all(isinstance(value, int) for value in arguments):
        raise TypeError("range takes whole numbers")
    numbers = range(*arguments)
    budget.spend(len(numbers))
    return list(numbers)


def _length(value: Any) -> int:
    return len(iterable(value))


def _largest(*values: Any) -> Any:
    return _extreme(values, largest, max)


def _smallest(*values: Any) -> Any:
    return _extreme(values, smallest, min)


def _extreme(
    values: tuple[Any, ...], exact: Callable[[Any], Size], plainly: Callable[[Any], Any]
) -> Any:
    items = list(iterable(values[0])) if len(values) == 1 else list(values)
    if any(isinstance(item, Dim) for item in items):
        return exact(items)
    return plainly(items)


def _total(values: Any) -> Any:
    result: Any = 0
    for value in iterable(values):
        if not isinstance(value, int | float | Dim):
            raise TypeError(f"{spoken(value)} cannot be added up")
        result = result + value
    return result


def _whole(rounded: Callable[[Any], int]) -> Callable[[Any], Size]:
    def function(value: Any) -> Size:
        return value if isinstance(value, Dim) else rounded(value)

    return function


def _number(value: Any) -> Any:
    if isinstance(value, Dim):
        raise Undecided(f"the number {value}")
    return value


def _float(value: Any) -> float:
    return float(_number(value))


def _string(value: Any) -> str:
    if not isinstance(value, int | float | str | Dim):
        raise TypeError(f"{spoken(value)} has no text")
    return str(value)


def divisible(value: Any, divisor: Any) -> int:
    """The multiple of `divisor` nearest `value`, at least `divisor`, at least 0.9 `value`.

    The rounding of the MobileNet papers' reference code, used by EfficientNet too.
    """
    if not isinstance(divisor, int) or divisor < 1:
        raise TypeError("the divisor is a positive whole number")
    nearest = max(divisor, int(_number(value) + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * value else nearest


def _given(value: Any) -> bool:
    return value is not ABSENT


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": _smallest, "max": _largest, "abs": lambda v: abs(_number(v)),
    "ceil": _whole(math.ceil), "floor": _whole(math.floor),
    "round": _whole(round), "int": _whole(int),
    "float": _float, "str": _string, "bool": truth,
    "len": _length, "range": range_of, "sum": _total,
    "sqrt": lambda v: math.sqrt(_number(v)), "log2": lambda v: math.log2(_number(v)),
    "log": lambda v: math.log(_number(v)), "exp": lambda v: math.exp(_number(v)),
    "sin": lambda v: math.sin(_number(v)), "cos": lambda v: math.cos(_number(v)),
    "given": _given, "divisible": divisible,
}  # fmt: skip
