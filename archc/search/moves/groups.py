"""The channels of a convolution split otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from random import Random

from archc.elaborate.scope import Tensor
from archc.ir.types import TensorType
from archc.search.move import Move
from archc.search.moves.draft import Draft
from archc.search.moves.room import may_grow, shuffled
from archc.search.moves.say import at, everywhere
from archc.search.moves.suppose import holds
from archc.search.moves.view import Row, View
from archc.search.moves.windows import setting, takes, windowed, write
from archc.spec.data import Mapping, plain

MANY = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


def found(view: View, random: Random) -> Iterator[Move]:
    rows = (row for body in view.bodies for row in body.rows if row.is_seen)
    for row in shuffled(random, (row for row in rows if _is_conv(row))):
        for groups in shuffled(random, _choices(row)):
            draft = _split(row, groups)
            step = draft.step()
            if step is not None and holds(view, {row: step}):
                shown = "by channel" if groups == _channels(row) else f"in groups of {groups}"
                shown = "in one group" if groups == 1 else shown
                what = f"{at(row)} {shown}"
                yield Move("groups", what + everywhere(row.body), tuple(draft.edits))


def _is_conv(row: Row) -> bool:
    return ((row.op or "").startswith("conv") and bool(windowed(row))) or takes(row, "groups")


def _sizes(row: Row) -> list[tuple[int, int]] | None:
    """The channels in and out of each copy."""
    sizes: list[tuple[int, int]] = []
    for run in row.runs:
        if run[0].item.node is None:
            continue
        given, made = row.given(row.slots[0], run[0]), run[-1].item.first
        pair = [_channels_of(one.type) for one in (given, made) if isinstance(one, Tensor)]
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            return None
        sizes.append((pair[0], pair[1]))
    return sizes


def _channels_of(type: TensorType) -> int | None:
    size = type.dims[1] if type.rank > 1 else None
    return size if isinstance(size, int) else None


def _channels(row: Row) -> int | None:
    """The one number of channels that all copies take and give."""
    found = {size for pair in _sizes(row) or () for size in pair}
    return found.pop() if len(found) == 1 else None


def _choices(row: Row) -> list[int]:
    sizes = _sizes(row) if row.slots else None
    if not sizes:
        return []
    common = gcd(*(size for pair in sizes for size in pair))
    now = {op.values["groups"] for op in windowed(row)}
    if not now:
        said = setting(Draft(row), "groups")
        now = {1 if said is None else plain(said)}
    many = {*MANY, *([_channels(row) or 1])}
    least = 1 if may_grow(row.view) else max([n for n in now if isinstance(n, int)], default=1)
    return [n for n in sorted(many) if common % n == 0 and n >= least and now != {n}]


def _split(row: Row, groups: int) -> Draft:
    """The step with so many groups; what begins as the identity still does."""
    draft = Draft(row)
    write(draft, "groups", groups)
    init = row.step.init.get("weight") if row.step.init is not None else None
    if init is not None:
        begins = plain(init)
        if begins == "dirac" or (isinstance(init, Mapping) and "dirac" in init):
            draft.put(("init", "weight"), "dirac" if groups == 1 else {"dirac": groups})
    return draft
