"""Numbers that are none: what no schema of a section can say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import isfinite

from archc.errors import Diagnostic
from archc.spec.data import Data, Mapping, Scalar, Sequence


def endless(data: Data, but: Collection[str] = ()) -> Iterator[Diagnostic]:
    """E202 for each number that is infinite or not a number, except below these keys."""
    match data:
        case Scalar(value=float() as value) if not isfinite(value):
            yield Diagnostic("E202", f"a finite number is wanted, found {value}", data.place)
        case Sequence(items):
            for item in items:
                yield from endless(item, but)
        case Mapping(entries):
            for key, entry in entries.items():
                if key not in but:
                    yield from endless(entry.value, but)
