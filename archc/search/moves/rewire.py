"""Another value read: by one input, or two neighbours in the other order."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from archc.elaborate.scope import Tensor
from archc.search.move import Move
from archc.search.moves.draft import Work
from archc.search.moves.edges import Seen, has_other_users, name_of, seen_before, tensors_of
from archc.search.moves.names import has_numbers, is_used_by_name, pin, reads_above, referred
from archc.search.moves.room import mixed, shuffled
from archc.search.moves.say import at, everywhere
from archc.search.moves.skip import is_other_value
from archc.search.moves.view import Row, Slot, View
from archc.spec.data import plain


def found(view: View, random: Random) -> Iterator[Move]:
    return mixed(random, _reading(view, random), _exchanged(view, random))


# ---- one input reads another value


def _reading(view: View, random: Random) -> Iterator[Move]:
    for row in shuffled(random, (row for body in view.bodies for row in body.rows)):
        if row.step.body is not None or row.step.when is not None or not row.is_seen:
            continue
        if row.step.repeat is not None or row.step.scan is not None:
            continue
        for slot in shuffled(random, row.slots):
            if slot.text is None or "*" in slot.text or not has_other_users(row, slot):
                continue
            if slot.reads_prev and "prev" in row.own_names:
                continue
            for seen in shuffled(random, seen_before(row.body, row.index)):
                move = _read_by(row, slot, seen)
                if move is not None:
                    yield move


def _read_by(row: Row, slot: Slot, seen: Seen) -> Move | None:
    frames = [run[0].frame for run in row.runs]
    now = [row.given(slot, run[0]) for run in row.runs]
    values = [one for one in now if isinstance(one, Tensor)]
    others = tensors_of(seen, frames)
    if len(values) < len(now) or others is None or not is_other_value(others, values):
        return None
    for beside in row.slots:  # what it reads already would only stand in another place
        given = [row.given(beside, run[0]) for run in row.runs]
        if beside is not slot and any(a == b for a, b in zip(others, given, strict=True)):
            return None
    work = Work(row.view)
    name = name_of(work, seen)
    if name is None:
        return None
    work.draft(row).refer(slot, name)
    what = f"{at(row)} reads {name} instead of {_shown(slot)}"
    return Move("rewire", what + everywhere(row.body), work.edits())


def _shown(slot: Slot) -> str:
    before = slot.row.before
    if slot.text == "prev":
        return before.says() if before is not None else "what is given"
    return slot.text or ""


# ---- two neighbours change places


def _exchanged(view: View, random: Random) -> Iterator[Move]:
    rows = (row for body in view.bodies for row in body.rows)
    for row in shuffled(random, (row for row in rows if row.after is not None)):
        move = _after_the_next(row)
        if move is not None:
            yield move


def _after_the_next(row: Row) -> Move | None:
    """The move that puts the step after the one that follows it; None where they cannot."""
    after, body = row.after, row.body
    if after is None or not _is_link(row) or not _is_link(after) or body.names_repeat:
        return None
    if _without_name(row) == _without_name(after):
        return None
    if is_used_by_name(row) or not _is_needed(after):
        return None
    work = Work(row.view)
    if is_used_by_name(after) and (row.name is None or not referred(work, after, row.name)):
        return None
    if has_numbers(body) or any(one.has_weights and one.step.name is None for one in (row, after)):
        unnamed = [one for one in (row, after) if one.step.name is None]
        if not all(pin(work, one) for one in unnamed):
            return None
    work.move(after, row.index)
    what = f"{after.says()} moved before {at(row)}"
    return Move("rewire", what + everywhere(body), work.edits())


def _is_link(row: Row) -> bool:
    """Whether the step reads the value above alone and gives one of its type."""
    step = row.step
    if any(one is not None for one in (step.repeat, step.scan, step.detach, step.tie)):
        return False
    if step.name is not None and row.name is None:
        return False
    slots = row.slots
    return row.keeps_type and len(slots) == 1 and slots[0].text == "prev" and slots[0].implicit


def _without_name(row: Row) -> Any:
    """What the step does, without what it is called and how its weights begin."""
    data = plain(row.step.data)
    if not isinstance(data, dict):
        return {data: None}
    return {key: value for key, value in data.items() if key not in ("name", "init")}


def _is_needed(row: Row) -> bool:
    return is_used_by_name(row) or reads_above(row.body, row.index + 1)
