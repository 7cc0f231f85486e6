"""Connections past steps: put in through a gain that begins at 0, or taken away from a sum."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from archc.elaborate.scope import Tensor
from archc.ir.types import FLOATING
from archc.search.move import Move
from archc.search.moves.draft import Work
from archc.search.moves.edges import (
    Edge,
    Seen,
    edges,
    has_other_users,
    name_of,
    seen_before,
    take_out,
    tensors_of,
)
from archc.search.moves.names import is_used_by_name, reads_above, references
from archc.search.moves.room import may_grow, mixed, shuffled
from archc.search.moves.say import at, before, everywhere
from archc.search.moves.view import Row, Slot, View

GATED = "gated_skip"


def found(view: View, random: Random) -> Iterator[Move]:
    return mixed(random, _added(view, random), _dropped(view, random))


# ---- added


def _added(view: View, random: Random) -> Iterator[Move]:
    for edge in shuffled(random, edges(view, view.bodies)):
        values = edge.values
        if values is None or not may_grow(view, edge.body):
            continue
        if any(type.dtype not in FLOATING or not type.rank for type in edge.types):
            continue
        for seen in shuffled(random, seen_before(edge.body, edge.index)):
            if is_other_value(tensors_of(seen, edge.frames), values):
                move = _gated(edge, seen)
                if move is not None:
                    yield move


def is_other_value(others: list[Tensor] | None, values: list[Tensor]) -> bool:
    """Whether these are values of the same types, and not the same ones anywhere."""
    return others is not None and all(
        one.type == other.type and (one.builder, one.value) != (other.builder, other.value)
        for one, other in zip(values, others, strict=True)
    )


def _gated(edge: Edge, seen: Seen) -> Move | None:
    work = Work(edge.view)
    other = name_of(work, seen) if edge.opens(work) else None
    if other is None:
        return None
    name = edge.view.words.fresh("skip")
    step: dict[str | int, Any] = {GATED: [edge.text, other], "name": name}
    edge.insert(work, step, name)
    what = f"{name} adds {other} {before(edge)}"
    return Move("skip", what + everywhere(edge.body), work.edits())


# ---- dropped


def _dropped(view: View, random: Random) -> Iterator[Move]:
    for row in shuffled(random, (row for body in view.bodies for row in body.rows)):
        if row.step.repeat is not None or row.step.when is not None or not row.is_seen:
            continue
        if not (is_used_by_name(row) or reads_above(row.body, row.index + 1)):
            continue
        if row.head == GATED:
            move = _without(row, row.slots[0])
            if move is not None:
                yield move
        elif row.op == "add" and len(row.slots) == 2:
            for slot in shuffled(random, row.slots):
                move = _without(row, slot) if _has_type(row, slot) else None
                if move is not None:
                    yield move


def _without(row: Row, kept: Slot) -> Move | None:
    """The sum replaced by one operand; what made the other goes along if nothing else needs it."""
    also: list[Row] = []
    for slot in row.slots:
        if slot is kept or slot.text is None or has_other_users(row, slot):
            continue
        maker = _maker(row, slot)
        if maker is None:
            return None
        also.append(maker)
    work = Work(row.view)
    if not take_out(work, row, kept, tuple(also)):
        return None
    return Move("skip", f"without {at(row)}" + everywhere(row.body), work.edits())


def _has_type(row: Row, slot: Slot) -> bool:
    """Whether the operand has the sum's own type: it is not broadcast."""
    for run in row.runs:
        given, made = row.given(slot, run[0]), run[-1].item.first
        if not isinstance(given, Tensor) or not isinstance(made, Tensor):
            return False
        if given.type != made.type:
            return False
    return True


def _maker(row: Row, slot: Slot) -> Row | None:
    """The step of the same body that only serves the operand, and whose own input is used more."""
    if slot.text is None or slot.reads_prev:
        maker = row.before
        named = maker is not None and is_used_by_name(maker)
    else:
        maker = next((one for one in row.body.rows if one.name == slot.text), None)
        named = maker is not None and not _is_named_once(maker)
    if maker is None or named or not maker.is_seen or len(maker.slots) != 1:
        return None
    if maker.index != row.index - 1 and reads_above(row.body, maker.index + 1):
        return None
    return maker if _input_is_used(maker) else None


def _is_named_once(maker: Row) -> bool:
    found = references(maker)
    return found is not None and len(found) == 1


def _input_is_used(maker: Row) -> bool:
    """Whether what the step reads has a use beside it in every elaboration."""
    own = {id(row.step.data) for row in _all(maker)}
    for run in maker.runs:
        given = maker.given(maker.slots[0], run[0])
        if not isinstance(given, Tensor) or given.builder is not run[0].frame.builder:
            return False
        graph = given.builder.graph
        readers = (
            graph.node(user).step
            for user, _, port in graph.users(given.value.node)
            if port == given.value.port
        )
        if not any(step is None or id(step.data) not in own for step in readers):
            return False
    return True


def _all(row: Row) -> Iterator[Row]:
    """The step and all that are in it."""
    yield row
    for step in row.step.body or ():
        yield from _all(row.view.rows[id(step.data)])
