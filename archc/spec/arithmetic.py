"""Arithmetic and comparison of numbers, lists, strings and symbolic sizes: exact, and bounded."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from archc.ir.dims import Dim, Size, differ, lower_bound
from archc.spec.values import ABSENT, Budget, Facts, FormulaError, Undecided

MAX_MAGNITUDE = 2**63 - 1


MAX_TEXT = 10_000


def truth(value: Any) -> bool:
    """The value as a condition; a symbolic size counts as true where it is known not to be 0."""
    if value is ABSENT:
        raise FormulaError("E218", "an input that was not given is used", "ask first: given(name)")
    if isinstance(value, Dim):
        if differ(value, 0):
            return True
        raise Undecided(f"whether {value} is 0")
    return bool(value)


def spoken(value: Any) -> str:
    if value is ABSENT:
        return "an input that was not given"
    if isinstance(value, Facts):
        return "a tensor"
    names: dict[type, str] = {
        dict: "a record",
        list: "a list",
        str: "a string",
        bool: "a bool",
        Dim: "a symbolic size",
    }
    return names.get(type(value)) or (
        f"{value}" if isinstance(value, int | float) else type(value).__name__
    )


def bounded(value: Any) -> Any:
    if isinstance(value, int):
        if abs(value) > MAX_MAGNITUDE:
            raise FormulaError("E216", "a number is beyond 64 bits")
    elif isinstance(value, str) and len(value) > MAX_TEXT:
        raise FormulaError("E216", f"a string is longer than {MAX_TEXT} characters")
    return value


def arithmetic(op: str, a: Any, b: Any, budget: Budget) -> Any:
    """`a op b`, exact for integers and symbolic sizes, bounded in magnitude and length."""
    if type(a) is int and type(b) is int and op in ("+", "-", "*"):  # nearly always
        return bounded(OPERATORS[op](a, b))
    if a is ABSENT or b is ABSENT:
        raise FormulaError("E218", "an input that was not given is used", "ask first: given(name)")
    if op == "+" and alike(a, b, (str, list)):
        budget.spend(len(a) + len(b))
        return bounded(a + b)
    if op == "*" and isinstance(a, list | str) and isinstance(b, int):
        if isinstance(a, str) and len(a) * b > MAX_TEXT:
            raise FormulaError("E216", f"a string is longer than {MAX_TEXT} characters")
        budget.spend(len(a) * max(0, b))
        return a * b
    for value in (a, b):
        if not isinstance(value, int | float | Dim) or isinstance(value, bool):
            raise FormulaError("E214", f"'{op}' does not work on {spoken(a)} and {spoken(b)}")
    if isinstance(a, Dim) or isinstance(b, Dim):
        return _symbolic(op, a, b)
    if (
        op == "**"
        and isinstance(a, int)
        and isinstance(b, int)
        and abs(a) > 1
        and abs(b) * a.bit_length() > 130
    ):
        raise FormulaError("E216", "a number is beyond 64 bits")
    try:
        value = OPERATORS[op](a, b)
    except ZeroDivisionError as error:
        raise FormulaError("E214", "division by zero") from error
    except OverflowError as error:
        raise FormulaError("E216", "a number is too large") from error
    if isinstance(value, complex):
        raise FormulaError("E214", "the root of a negative number")
    return bounded(value)


def _symbolic(op: str, a: Any, b: Any) -> Size:
    if isinstance(a, float) or isinstance(b, float) or op == "/":
        raise FormulaError(
            "E217",
            f"'{op}' makes a fraction of a symbolic size",
            "sizes stay exact with + - * // % and whole numbers",
        )
    if op == "**" and (not isinstance(b, int) or not 0 <= b <= 8):
        raise FormulaError("E217", "a symbolic size is raised to powers from 0 to 8 only")
    try:
        value: Size = OPERATORS[op](a, b)
    except ZeroDivisionError as error:
        raise FormulaError("E214", "division by zero") from error
    return value


def equal(a: Any, b: Any, budget: Budget) -> bool:
    budget.step()
    if type(a) is int and type(b) is int:  # nearly always
        return a == b
    if isinstance(a, Dim | int | float) and isinstance(b, Dim | int | float):
        if (
            (isinstance(a, Dim) or isinstance(b, Dim))
            and not isinstance(a, float)
            and not isinstance(b, float)
        ):
            if a == b:
                return True
            if differ(a, b):
                return False
            raise Undecided(f"whether {a} equals {b}")
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(equal(x, y, budget) for x, y in zip(a, b, strict=True))
    elif isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key], budget) for key in a)
    return bool(a == b)


def below(a: Any, b: Any, budget: Budget) -> bool:
    if type(a) is int and type(b) is int:  # nearly always
        budget.step()
        return a < b
    if isinstance(a, Dim) or isinstance(b, Dim):
        if isinstance(a, int | Dim) and isinstance(b, int | Dim):
            gap, back = lower_bound(b - a), lower_bound(a - b)
            if gap is not None and gap > 0:
                return True
            if back is not None and back >= 0:
                return False
        raise Undecided(f"whether {a} is below {b}")
    budget.step()
    if alike(a, b, (str,)) or (isinstance(a, int | float) and isinstance(b, int | float)):
        return bool(a < b)
    raise FormulaError("E214", f"{spoken(a)} and {spoken(b)} have no order")


def alike(a: Any, b: Any, kinds: tuple[type, ...]) -> bool:
    """Whether both are of the same one of the kinds."""
    return any(isinstance(a, kind) and isinstance(b, kind) for kind in kinds)


def within(a: Any, b: Any, budget: Budget) -> bool:
    if isinstance(b, str):
        if not isinstance(a, str):
            raise FormulaError("E214", f"{spoken(a)} is not looked for in a string")
        budget.step(len(b) // 16)
        return a in b
    return any(equal(a, item, budget) for item in iterable(b))


def iterable(value: Any) -> list[Any] | str:
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list | str):
        return value
    if isinstance(value, tuple):
        return list(value)
    raise FormulaError("E214", f"{spoken(value)} is not a list")


def item_at(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        if key not in value:
            from archc.errors import did_you_mean

            raise FormulaError(
                "E214", f"the record has no '{key}'", did_you_mean(str(key), map(str, value))
            )
        return value[key]
    if isinstance(value, list | tuple | str) and isinstance(key, int) and not isinstance(key, bool):
        if not -len(value) <= key < len(value):
            raise FormulaError("E214", f"there is no item {key} in a list of {len(value)}")
        return value[key]
    raise FormulaError("E214", f"{spoken(value)} has no item {spoken(key)}")


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow,
}  # fmt: skip
