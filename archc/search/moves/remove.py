"""A step taken out whose output has the type of its input."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from archc.ir.nodes import OpNode
from archc.search.move import Move
from archc.search.moves.draft import Work
from archc.search.moves.edges import take_out
from archc.search.moves.names import is_used_by_name, reads_above
from archc.search.moves.room import shuffled
from archc.search.moves.say import at, everywhere
from archc.search.moves.view import Row, View
from archc.spec.values import Argument


def found(view: View, random: Random) -> Iterator[Move]:
    for row in shuffled(random, (row for body in view.bodies for row in body.rows)):
        if row.op is not None and row.step.repeat is None and is_removable(row):
            move = removed(row, "remove")
            if move is not None:
                yield move


def removed(row: Row, kind: str) -> Move | None:
    """The move that takes a step out; None where something needs it."""
    work = Work(row.view)
    if not take_out(work, row, row.slots[0]):
        return None
    return Move(kind, f"without {at(row)}" + everywhere(row.body), work.edits())


def is_removable(row: Row) -> bool:
    """Whether the step has one input of its output's type, and does something that is used."""
    if not row.keeps_type or row.step.scan is not None or row.step.detach is not None:
        return False
    if len(row.slots) != 1 or _does_nothing(row):
        return False
    if row.step.name is None and not row.view.weights_are_free(row):
        return False
    return is_used_by_name(row) or reads_above(row.body, row.index + 1)


def _does_nothing(row: Row) -> bool:
    """Whether the network would be the same without it, as its digest sees it."""
    for _, node in row.nodes():
        if not isinstance(node, OpNode):
            return False
        rate = node.op.values.get("rate") if node.op.random else None
        number = rate.value if isinstance(rate, Argument) else rate
        if node.op.name != "identity" and number != 0:
            return False
    return True
