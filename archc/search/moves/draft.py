"""Steps as moves rewrite them: a few edits each, beside which all that was written stays."""

from __future__ import annotations

from typing import Any

from archc.ops.registry import ops
from archc.search.edit import Edit, Path, built, edited
from archc.search.moves.suppose import parsed
from archc.search.moves.view import Body, Row, Slot, View
from archc.spec.ast import MODIFIERS, Step
from archc.spec.data import Data, Mapping, Scalar, Sequence, plain
from archc.spec.load import lookup


class Draft:
    """A step while it is rewritten: `data` as it would be, `edits` that make it so."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.data: Data = row.step.data
        self.edits: list[Edit] = []

    def step(self) -> Step | None:
        """The step as it would be; None if the language has no such step."""
        return parsed(self.row.view, self.data)

    def put(self, part: Path, value: Any) -> None:
        """Writes a value at a place below the step, or another step in its place."""
        self._do(Edit("put", part, value))

    def remove(self, part: Path) -> None:
        self._do(Edit("remove", part))

    def _do(self, edit: Edit) -> None:
        if not edit.path:
            self.data = built(edit.value, self.data.place)
        else:
            assert isinstance(self.data, Mapping)
            self.data = edited(self.data, [edit])
        self.edits.append(Edit(edit.action, (*self.row.path, *edit.path), edit.value))

    @property
    def key(self) -> str | int:
        """What is done: the one key that is no modifier."""
        data = self.data
        if isinstance(data, Scalar):
            assert isinstance(data.value, str)
            return data.value
        assert isinstance(data, Mapping)
        return next(key for key in data.entries if key not in MODIFIERS)

    def value(self) -> Data | None:
        """What stands after the op; None where nothing does."""
        found = self.data.get(self.key) if isinstance(self.data, Mapping) else None
        return None if isinstance(found, Scalar) and found.value is None else found

    def attribute(self, name: str) -> Data | None:
        """What is written for an attribute or an argument."""
        value = self.value()
        if isinstance(value, Mapping):
            return value.get(name)
        lone = isinstance(value, Scalar) and name == main_attribute(self.row)
        return value if lone else None

    def set_attribute(self, name: str, value: Any) -> None:
        """Writes an attribute of an op, or an argument of a block."""
        key, now = self.key, self.value()
        if isinstance(self.data, Scalar):
            self.put((), {key: {name: value}})
        elif isinstance(now, Mapping):
            self.put((key, name), value)
        elif isinstance(now, Sequence):  # the inputs: they move to where they stand beside others
            self.put(("in",), plain(now))
            self.put((key,), {name: value})
        elif now is None:
            self.put((key,), {name: value})
        elif main_attribute(self.row) == name:
            self.put((key,), value)
        else:
            self.put((key,), {str(main_attribute(self.row)): plain(now), name: value})

    def drop_attribute(self, name: str) -> None:
        """Leaves an attribute to its default, where one is written."""
        key, now = self.key, self.value()
        if isinstance(now, Mapping) and name in now:
            self.remove((key, name))
        elif now is not None and self.attribute(name) is not None:
            self.put((key,), None)

    def set_modifier(self, name: str, value: Any) -> None:
        if isinstance(self.data, Scalar):
            self.put((), {self.key: None, name: value})
        else:
            self.put((name,), value)

    def refer(self, slot: Slot, text: str) -> None:
        """Lets an input read something else by its name."""
        if not slot.implicit or len(slot.part) == 2:
            self.put(slot.part, text)
        else:
            self.set_modifier("in", text)

    def set_head(self, head: str, value: Any = None) -> None:
        """Another op or block in the step's place, with what stands after it."""
        now, beside = self.data, self.value()
        rest = {} if isinstance(now, Scalar) else plain(now)
        rest.pop(self.key, None)
        if isinstance(beside, Sequence) and not isinstance(value, list):  # the inputs
            rest["in"] = plain(beside)
        if value is None and not rest:
            self.put((), head)
        else:
            self.put((), {head: value, **rest})


def main_attribute(row: Row) -> str | None:
    """What a plain value after the step's op or block sets."""
    head = row.step.head
    if not isinstance(head, str) and row.copies:
        found = row.view.elaborator.head(row.copies[0].frame, row.step)[0]
        head = found if isinstance(found, str) else None
    if not isinstance(head, str):
        return None
    template = lookup(row.view.file, head)
    if template is not None:
        return template.parameters[0].name if template.parameters else None
    return ops()[head].main if head in ops() else None


class Work:
    """A move in the making: steps rewritten, put in and taken out, and what follows from that."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.drafts: dict[int, Draft] = {}
        self.others: list[Edit] = []
        self.moved: list[Edit] = []  # steps put in and taken out, at their places as they are now

    def draft(self, row: Row) -> Draft:
        """The step as this move has rewritten it so far."""
        return self.drafts.setdefault(id(row), Draft(row))

    def insert(self, body: Body, index: int, step: Any) -> None:
        self.moved.append(Edit("insert", (*body.path, index), step))

    def remove(self, row: Row) -> None:
        self.moved.append(Edit("remove", row.path))

    def move(self, row: Row, index: int) -> None:
        """Gives a step another place in its list."""
        self.moved.append(Edit("move", row.path, index))

    def removes(self, row: Row) -> bool:
        return any(edit.action == "remove" and edit.path == row.path for edit in self.moved)

    def edits(self) -> tuple[Edit, ...]:
        """All edits in an order in which none shifts the place of a later one."""
        kept = [draft for draft in self.drafts.values() if not self.removes(draft.row)]
        rewritten = [edit for draft in kept for edit in draft.edits]
        last_first = sorted(self.moved, key=lambda edit: _order(edit.path), reverse=True)
        return (*rewritten, *self.others, *last_first)


def _order(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple((part, 0) if isinstance(part, str) else ("", part) for part in path)
