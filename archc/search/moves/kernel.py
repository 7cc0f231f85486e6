"""A window two larger or smaller, with the padding that keeps what comes out as large as it was."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from archc.search.move import Move
from archc.search.moves.draft import Draft
from archc.search.moves.room import may_grow, shuffled
from archc.search.moves.say import at, everywhere
from archc.search.moves.suppose import holds
from archc.search.moves.view import Row, View
from archc.search.moves.windows import is_pool, literal, setting, short, takes, windowed

MOST = 11


def found(view: View, random: Random) -> Iterator[Move]:
    rows = (row for body in view.bodies for row in body.rows if row.is_seen)
    for row in shuffled(random, rows):
        for change in shuffled(random, (2, -2) if may_grow(view) else (-2,)):
            draft = _resized(row, change)
            step = draft.step() if draft is not None else None
            if draft is not None and step is not None and holds(view, {row: step}):
                size = draft.attribute("kernel")
                what = f"{at(row)} with a kernel of {literal(size)}"
                yield Move("kernel", what + everywhere(row.body), tuple(draft.edits))


def _resized(row: Row, change: int) -> Draft | None:
    """The step with another kernel; None where that is not written as a number."""
    draft = Draft(row)
    ops = windowed(row)
    if takes(row, "kernel"):
        now = literal(setting(draft, "kernel"))
        if not isinstance(now, int) or not 1 <= now + change <= MOST:
            return None
        draft.set_attribute("kernel", now + change)
        return draft
    now = literal(draft.attribute("kernel"))
    if not ops or now is None:
        return None
    sizes = [now] * ops[0].spatial if isinstance(now, int) else list(now)
    sizes = [size + change for size in sizes]
    if len(sizes) != ops[0].spatial or not all(1 <= size <= MOST for size in sizes):
        return None
    if is_pool(row) and draft.attribute("stride") is None:
        strides = {op.values["kernel"] for op in ops}
        draft.set_attribute("stride", short(list(strides.pop())))
    pads = _pads(ops, change)
    if pads is None:
        return None
    draft.set_attribute("kernel", short(sizes))
    _pad(draft, pads)
    return draft


def _pads(ops: list[Any], change: int) -> list[int] | str | None:
    """The padding that keeps the output's size; None where there is none."""
    found = {(op.values["padding"], op.values.get("dilation", (1,) * op.spatial)) for op in ops}
    if len(found) != 1:
        return None
    padding, dilation = found.pop()
    if padding == "same":
        return "same"
    padding = tuple(padding) * (ops[0].spatial if len(padding) == 1 else 1)
    dilation = tuple(dilation) * (ops[0].spatial if len(dilation) == 1 else 1)
    pads = [p + d * change // 2 for p, d in zip(padding, dilation, strict=True)]
    return pads if all(one >= 0 for one in pads) else None


def _pad(draft: Draft, pads: list[int] | str) -> None:
    if pads == "same":
        return
    assert isinstance(pads, list)
    if any(pads):
        draft.set_attribute("padding", short(pads))
    else:
        draft.drop_attribute("padding")
