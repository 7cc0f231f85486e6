"""A step, a block or a group once more before itself, or one that is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from archc.elaborate.scope import Tensor
from archc.ir.nodes import CallNode, OpNode
from archc.ir.program import count, is_learnable
from archc.search.move import Move
from archc.search.moves.draft import Work
from archc.search.moves.edges import Edge, has_other_users
from archc.search.moves.names import is_used_by_name, reads_above, stem
from archc.search.moves.remove import removed
from archc.search.moves.room import may_grow, mixed, shuffled
from archc.search.moves.say import everywhere, within
from archc.search.moves.view import Row, View
from archc.spec.data import plain


def found(view: View, random: Random) -> Iterator[Move]:
    return mixed(random, _doubled(view, random), _dropped(view, random))


def _doubled(view: View, random: Random) -> Iterator[Move]:
    for row in shuffled(random, (row for body in view.bodies for row in body.rows)):
        if not row.keeps_type or not _is_a_part(row) or not may_grow(view, row.body, _weights(row)):
            continue
        move = _twice(row)
        if move is not None:
            yield move


def _is_a_part(row: Row) -> bool:
    """Whether the step is a layer, a block or a group, by itself."""
    step = row.step
    if any(one is not None for one in (step.repeat, step.scan, step.tie, step.detach)):
        return False
    if step.body is not None:
        return step.name is None or row.name is not None
    return row.has_weights and (step.name is None or row.name is not None)


def _twice(row: Row) -> Move | None:
    """The move that puts a copy before the step, which then reads the copy."""
    view, slot = row.view, row.slots[0]
    if slot.text is None or "*" in slot.text or row.body.names_repeat:
        return None
    if slot.text != "prev" and row.reads_prev:
        return None
    if _speaks_of_itself(row):
        return None
    if row.step.body is not None and row.step.name is None and _has_names(row):
        return None
    edge = Edge(view, row.body, slot)
    written: Any = plain(row.step.data)
    name = view.words.fresh(_base(row))
    written = {written: None} if isinstance(written, str) else written
    written = {**written, "name": name}
    work = Work(view)
    if not edge.opens(work):
        return None
    edge.insert(work, written, name)
    what = f"{name}, a copy of {row.says()}, before it{within(row.body)}"
    return Move("duplicate", what + everywhere(row.body), work.edits())


def _base(row: Row) -> str:
    """The name without the number that an earlier copy got."""
    name = row.name
    if name is None or name.isdigit():
        return "group" if row.step.body is not None else stem(row.head)
    head, _, last = name.rpartition("_")
    return head if head and last.isdigit() else name


def _speaks_of_itself(row: Row) -> bool:
    """Whether what is in the step refers to it by its name."""
    if row.name is None:
        return False
    template = row.view.path_of(row.body.template)
    mentions = row.view.words.of_name(row.name, template)
    return any(one.path[: len(row.path)] == row.path for one in mentions)


def _has_names(row: Row) -> bool:
    for step in row.step.body or ():
        inner = row.view.rows[id(step.data)]
        if step.name is not None or _has_names(inner):
            return True
    return False


def _weights(row: Row) -> int:
    """How many numbers the weights of one more step hold."""
    total = 0
    for _, node in row.nodes():
        if isinstance(node, CallNode):
            total = max(total, count(node.definition, is_learnable, {}))
        elif isinstance(node, OpNode):
            sizes = (weight.type.elements for weight in node.weights)
            total = max(total, sum(one for one in sizes if isinstance(one, int)))
    return total


def _dropped(view: View, random: Random) -> Iterator[Move]:
    for row in shuffled(random, (row for body in view.bodies for row in body.rows)):
        step = row.step
        if row.op is not None or not row.keeps_type or step.repeat is not None:
            continue
        if step.scan is not None or step.detach is not None or row.head == "gated_skip":
            continue
        if not (is_used_by_name(row) or reads_above(row.body, row.index + 1)):
            continue
        if not any(True for _ in row.nodes()) and step.body is None:
            continue
        if all(_is_spare(row, k) for k in range(1, len(row.slots))):
            move = removed(row, "duplicate")
            if move is not None:
                yield move


def _is_spare(row: Row, k: int) -> bool:
    """Whether an input is absent, a number, or used by others, too."""
    slot = row.slots[k]
    given = [row.given(slot, run[0]) for run in row.runs if slot.text is not None]
    return not any(isinstance(one, Tensor) for one in given) or has_other_users(row, slot)
