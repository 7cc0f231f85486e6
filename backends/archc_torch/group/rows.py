"""Rows of values, one for each instance of a class, and what one row is in terms of others.

(256, 512, 1024) is `4 * planes` where planes is (64, 128, 256)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

from archc.ir.dims import Dim, Size, floor_div

Row = tuple[object, ...]
Sizes = tuple[Size, ...]


class Absent:
    """The value for an instance that leaves the step out: any will do."""


ABSENT = Absent()
MOST = 16  # the largest factor tried


class Meaning(NamedTuple):
    """An expression on names, and the names; `compound` if it needs parentheses within another."""

    text: str
    names: tuple[str, ...]
    compound: bool = True


def plain(value: object) -> bool:
    """Whether the value is a number, a word or a list of whole numbers."""
    return isinstance(value, int | float | str | bool) or (
        isinstance(value, tuple) and all(isinstance(item, int) for item in value)
    )


def constant(row: Row) -> bool:
    """Whether all instances have the same value, of the same type."""
    first = row[0]
    return all(value is ABSENT or (type(value) is type(first) and value == first) for value in row)


def same(a: Row, b: Row) -> bool:
    """Whether two rows are alike; 1 is not True and not 1.0."""
    return all(
        ABSENT in (x, y) or (type(x) is type(y) and x == y) for x, y in zip(a, b, strict=True)
    )


def meaning(row: Row, known: Mapping[str, Row]) -> Meaning | None:
    """The simplest expression on known rows that gives this one, if there is one."""
    return next(meanings(row, known), None)


def meanings(row: Row, known: Mapping[str, Row]) -> Iterator[Meaning]:
    """The row in terms of known ones, simplest first.

    One itself, a multiple or a part of one, two combined, one and a number.
    """
    for name, other in known.items():
        if same(row, other):
            yield Meaning(name, (name,), compound=False)
    there = [place for place, value in enumerate(row) if value is not ABSENT]
    row = tuple(row[place] for place in there)
    known = {name: tuple(other[place] for place in there) for name, other in known.items()}
    if _whole(row):
        sizes = cast(Sizes, row)
        numbers = {name: cast(Sizes, other) for name, other in known.items() if _whole(other)}
        yield from _scaled(sizes, numbers)
        yield from _combined(sizes, numbers)
        yield from _shifted(sizes, numbers)


def _scaled(sizes: Sizes, numbers: Mapping[str, Sizes]) -> Iterator[Meaning]:
    for name, other in numbers.items():
        if sizes == tuple(-value for value in other):
            yield Meaning(f"-{name}", (name,))
    for name, other in numbers.items():
        for factor in range(2, MOST + 1):
            if sizes == tuple(factor * value for value in other):
                yield Meaning(f"{factor} * {name}", (name,))
            if sizes == tuple(floor_div(value, factor) for value in other):
                yield Meaning(f"{name} // {factor}", (name,))


def _combined(sizes: Sizes, numbers: Mapping[str, Sizes]) -> Iterator[Meaning]:
    for name, other in numbers.items():
        for more, third in numbers.items():
            if name < more and sizes == tuple(a * b for a, b in zip(other, third, strict=True)):
                yield Meaning(f"{name} * {more}", (name, more))
            if name != more and _divides(third) and sizes == tuple(map(floor_div, other, third)):
                yield Meaning(f"{name} // {more}", (name, more))


def _shifted(sizes: Sizes, numbers: Mapping[str, Sizes]) -> Iterator[Meaning]:
    for name, other in numbers.items():
        gaps = {a - b for a, b in zip(sizes, other, strict=True)}
        by = gaps.pop() if len(gaps) == 1 else None
        if isinstance(by, int) and by:
            yield Meaning(f"{name} {'+' if by > 0 else '-'} {abs(by)}", (name,))


def _whole(row: Sequence[object]) -> bool:
    return all(isinstance(value, int | Dim) and not isinstance(value, bool) for value in row)


def _divides(row: Sizes) -> bool:
    return all(isinstance(value, int) and value > 0 for value in row)
