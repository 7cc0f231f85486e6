"""What a step reads, as a place for another step; and what is left where a step is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from archc.elaborate.scope import Frame, Scope, Tensor
from archc.ir.types import TensorType
from archc.search.edit import built
from archc.search.moves.draft import Work
from archc.search.moves.names import (
    has_numbers,
    is_used_by_name,
    pins,
    reads_above,
    referred,
    writable,
)
from archc.search.moves.suppose import parsed, type_in
from archc.search.moves.view import Body, Row, Slot, View


@dataclass(eq=False)
class Edge:
    """A value on its way to what reads it: before a step's input, or at the end of a body."""

    view: View
    body: Body
    slot: Slot | None  # None at the end

    @property
    def index(self) -> int:
        return self.slot.row.index if self.slot is not None else len(self.body.rows)

    @property
    def text(self) -> str:
        """How the value is written here."""
        return (self.slot.text if self.slot is not None else None) or "prev"

    @cached_property
    def frames(self) -> list[Frame]:
        """Where a step that is put here would be elaborated."""
        if self.slot is not None:
            return [run[0].frame for run in self.slot.row.runs]
        runs = self.body.rows[-1].runs
        return [run[-1].frame.with_prev(run[-1].item) for run in runs]

    @cached_property
    def values(self) -> list[Tensor] | None:
        """The value in each of these places; None where it is a list, or absent, in one."""
        if self.slot is None:
            found: list[Any] = [frame.prev.first for frame in self.frames]
        else:
            row, slot = self.slot.row, self.slot
            found = [row.given(slot, run[0]) for run in row.runs]
        tensors = [one for one in found if isinstance(one, Tensor)]
        return tensors if len(tensors) == len(found) else None

    @cached_property
    def types(self) -> list[TensorType]:
        return [one.type for one in self.values or ()]

    def opens(self, work: Work) -> bool:
        """Whether a step can be put here: no weight of those after it loses its name."""
        return pins(work, self.body, self.index)

    def needs_name(self, work: Work) -> bool:
        """Whether a step that is put here is referred to, or must not take another's position."""
        by_name = self.slot is not None and not self.slot.reads_prev
        return by_name or has_numbers(self.body) or bool(work.drafts)

    def insert(self, work: Work, step: Any, name: str | None) -> None:
        """Puts a step here, which reads the value as it is called here; `name` is its own."""
        if self.slot is not None and not self.slot.reads_prev:
            assert name is not None
            work.draft(self.slot.row).refer(self.slot, name)
        work.insert(self.body, self.index, step)

    def keeps(self, step: Any) -> bool:
        """Whether the step, as plain data, gives the value's own type in each place."""
        made = parsed(self.view, built(step, self.view.file.place))
        return made is not None and all(
            type_in(self.view, frame, made) == type
            for frame, type in zip(self.frames, self.types, strict=True)
        )


def edges(view: View, bodies: list[Body]) -> Iterator[Edge]:
    """All values that steps of the bodies read, and the ends of blocks and `do`s."""
    for body in bodies:
        if body.names_repeat:
            continue
        for row in body.rows:
            if not row.is_seen:
                continue
            for k, slot in enumerate(row.slots):
                if slot.text is None or "*" in slot.text or (k and row.step.when is not None):
                    continue
                if slot.text != "prev" and (row.reads_prev or slot.reads_prev):
                    continue
                yield Edge(view, body, slot)
        is_model = body.outer is None and body.template.kind == "model"
        if body.rows[-1].is_seen and not is_model and reads_above(body, len(body.rows)):
            yield Edge(view, body, None)


# ---- values that a step could read


@dataclass(frozen=True, slots=True)
class Seen:
    """A value that a step sees by a name; `row` is the step that gives it, None of an input."""

    name: str | None
    row: Row | None


def seen_before(body: Body, index: int) -> Iterator[Seen]:
    """The values that a step at this place of a body could read, nearest first."""
    for row in reversed(body.rows[:index]):
        if row.is_seen and not row.body.names_repeat:
            yield Seen(row.name, row)
    if body.outer is not None:
        yield from seen_before(body.outer.body, body.outer.index)
    else:
        for one in body.template.inputs:
            if not one.rest and one.repeat is None:
                yield Seen(one.name, None)


def tensors_of(seen: Seen, frames: list[Frame]) -> list[Tensor] | None:
    """The value in each frame; None if it is not one value everywhere."""
    found: list[Tensor] = []
    for frame in frames:
        if seen.row is None:
            item = frame.scope.find(seen.name or "")
            first = item.first if item is not None else None
        else:
            first = _given_by(seen.row, frame)
            item = frame.scope.find(seen.name) if seen.name is not None else None
            if item is not None and item.first != first:  # another step nearer by has the name
                return None
        if not isinstance(first, Tensor):
            return None
        found.append(first)
    return found


def _given_by(row: Row, frame: Frame) -> Any:
    """What a step gave in the same elaboration of its body as the frame's, or one around it."""
    scope: Scope | None = frame.scope
    while scope is not None:
        if id(scope) in row.body.scopes:
            runs = (run for run in row.runs if run[0].frame.scope is scope)
            run = next(runs, None)
            return run[-1].item.first if run is not None else None
        scope = scope.parent
    return None


def name_of(work: Work, seen: Seen) -> str | None:
    """How the value is written where it is read; its step may get a name for that."""
    return seen.name if seen.row is None else writable(work, seen.row)


# ---- taking out


def has_other_users(row: Row, slot: Slot) -> bool:
    """Whether what the slot reads is read by something else, too, wherever the step is."""
    for run in row.runs:
        copy = run[0]
        given = row.given(slot, copy)
        if not isinstance(given, Tensor) or given.builder is not copy.frame.builder:
            return False
        users = {user for user in _users(given) if user != copy.item.node}
        if not users:
            return False
    return True


def _users(tensor: Tensor) -> Iterator[int]:
    """The nodes that read a value."""
    graph, value = tensor.builder.graph, tensor.value
    for user, _, port in graph.users(value.node):
        if port == value.port:
            yield user


def take_out(work: Work, row: Row, slot: Slot, also: tuple[Row, ...] = ()) -> bool:
    """Takes a step out, so that what one of its inputs reads is read in its place.

    `also` are steps of the body that go with it, since nothing else reads them. Whether it can.
    """
    body, gone = row.body, (row, *also)
    if slot.text is None or len(body.rows) <= len(gone) or body.names_repeat:
        return False
    if not pins(work, body, min(one.index for one in gone)):
        return False
    left = [one for one in body.rows if one not in gone]
    if is_used_by_name(row):
        text = _standing_for(work, row, slot)
        if text is None or not referred(work, row, text):
            return False
    if not _reads_on(work, row, slot, left):
        return False
    for one in gone:
        work.remove(one)
    return True


def _reads_on(work: Work, row: Row, slot: Slot, left: list[Row]) -> bool:
    """Lets what comes after the step as `prev` be what its input was."""
    before = next((one for one in reversed(left) if one.index < row.index), None)
    reader = next((one for one in left if one.index > row.index), None)
    is_above = slot.text == "prev" and (
        before.index == row.index - 1 if before is not None else row.index == 0
    )
    if is_above or (before is not None and before.name is not None and before.name == slot.text):
        return True
    if reader is None:
        return not reads_above(row.body, len(row.body.rows))
    if not reader.reads_prev:
        return True
    readers = [one for one in reader.slots if one.reads_prev]
    if "prev" in reader.own_names or slot.reads_prev or any(one.text != "prev" for one in readers):
        return False
    for one in readers:
        work.draft(reader).refer(one, slot.text or "")
    return True


def _standing_for(work: Work, row: Row, slot: Slot) -> str | None:
    """What is written in place of the step's name once it is gone; None if there is nothing."""
    if not slot.reads_prev:
        return slot.text
    if slot.text != "prev":
        return None
    if row.before is not None:
        return writable(work, row.before)
    inputs = row.body.template.inputs
    return inputs[0].name if row.body.outer is None and inputs else None
