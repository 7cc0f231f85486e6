"""A stride that goes to another step of the same chain, at whose end all is as large as it was."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from archc.search.move import Move
from archc.search.moves.draft import Draft
from archc.search.moves.room import shuffled
from archc.search.moves.say import at, everywhere
from archc.search.moves.suppose import holds
from archc.search.moves.view import Row, View
from archc.search.moves.windows import is_pool, setting, takes, windowed, write
from archc.spec.data import Data, Scalar, plain
from archc.spec.formula import Formula

FAR = 8  # steps between the two, at most


def found(view: View, random: Random) -> Iterator[Move]:
    pairs = [
        (one, other)
        for body in view.bodies
        for k, one in enumerate(body.rows)
        for other in body.rows[k + 1 : k + 1 + FAR]
        if _has_stride(one) and _has_stride(other)
    ]
    for one, other in shuffled(random, pairs):
        a, b = Draft(one), Draft(other)
        first, second = setting(a, "stride"), setting(b, "stride")
        if _plain(first) == _plain(second) or not (_moves(a) and _moves(b)):
            continue
        _set(a, second)
        _set(b, first)
        steps = a.step(), b.step()
        if steps[0] is None or steps[1] is None:
            continue
        if holds(view, {one: steps[0], other: steps[1]}):
            what = f"the strides of {one.says()} and {at(other)} exchanged"
            yield Move("stride", what + everywhere(one.body), (*a.edits, *b.edits))


def _has_stride(row: Row) -> bool:
    """Whether the step says, or could say, its stride."""
    if not row.is_seen or row.step.repeat is not None or row.step.scan is not None:
        return False
    if is_pool(row) and Draft(row).attribute("stride") is None:
        return False
    return bool(windowed(row)) or takes(row, "stride")


def _plain(data: Data | None) -> object:
    return 1 if data is None else plain(data)


def _moves(draft: Draft) -> bool:
    """Whether the stride means the same at another step of the body."""
    data = setting(draft, "stride")
    formula = data.formula if isinstance(data, Scalar) else None
    if not isinstance(formula, Formula):
        return True
    return draft.attribute("stride") is not None and "prev" not in formula.names


def _set(draft: Draft, stride: Data | None) -> None:
    if is_pool(draft.row):  # which goes by its kernel where none is written
        draft.set_attribute("stride", _plain(stride))
    else:
        write(draft, "stride", _plain(stride))
