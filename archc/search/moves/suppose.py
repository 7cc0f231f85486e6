"""What types would follow if steps were written otherwise, found by the elaborator itself.

A step is elaborated again in each place where it stood, into a graph that is thrown away, with the
values that it would then read. Where it gives another type, so are the steps that read it, until
the types are again what they were. What leaves a definition must be what it was: so nothing
outside needs to be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archc.elaborate.builder import Builder
from archc.elaborate.context import StepError, TooMany, Unroll
from archc.elaborate.scope import Frame, Group, Item, Poisoned, Reference, Scope, Tensor
from archc.errors import Findings, SpecError
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, Node
from archc.ir.types import TensorType
from archc.search.candidate import Copy
from archc.search.moves.view import Row, View
from archc.spec.ast import Step
from archc.spec.data import Data
from archc.spec.parse import Parser
from archc.spec.values import NeedsValue

ENOUGH = 1_000_000  # steps: what is supposed spends from no spec's budget
FAILURES = (StepError, Poisoned, SpecError, NeedsValue, Unroll, TooMany)


def parsed(view: View, data: Data) -> Step | None:
    """A step as the parser reads it; None if it cannot."""
    parser = Parser(view.file.source, view.file.path)
    parser.formulas(data)
    step = parser.step(data)
    return None if parser.findings else step


def type_in(view: View, frame: Frame, step: Step) -> TensorType | None:
    """The type that a step would give where another one is elaborated; None if it would fail."""
    made = _elaborated(view, _scratch(view, frame), frame, step, {})
    first = made.first if made is not None else None
    return first.type if isinstance(first, Tensor) else None


def type_of_copy(view: View, last: Copy, bindings: dict[str, Any]) -> TensorType | None:
    """The type that one more copy of a repeated step would give, after the last one."""
    frame = last.frame.with_bindings(bindings).with_prev(last.item)
    fed: dict[int | str, Reference] = {0: last.item.first}
    made = _elaborated(view, _scratch(view, frame), frame, last.step, fed)
    first = made.first if made is not None else None
    return first.type if isinstance(first, Tensor) else None


def holds(view: View, written: Mapping[Row, Step], values: Mapping[str, Any] | None = None) -> bool:
    """Whether every definition would give the types that it gives if steps were written so.

    `values` are other values of the file's parameters; they matter in steps whose formulas name
    them.
    """
    data = {id(row.step.data): step for row, step in written.items()}
    builders: dict[int, list[Copy]] = {}
    for copy in view.copies:
        builders.setdefault(id(copy.frame.builder), []).append(copy)
    for copies in builders.values():
        touched = any(id(copy.step.data) in data for copy in copies)
        if (touched or values) and not _Supposed(view, data, values or {}).keeps(copies):
            return False
    return True


@dataclass(eq=False)
class _Supposed:
    """One definition's steps as they would be."""

    view: View
    written: Mapping[int, Step]
    values: Mapping[str, Any]
    changed: dict[tuple[int, Value], Tensor] = field(default_factory=dict)

    def keeps(self, copies: list[Copy]) -> bool:
        scratch = _scratch(self.view, copies[0].frame)
        for copy in copies:
            step = self.written.get(id(copy.step.data), copy.step)
            names = self.view.names_in(step)
            if step is copy.step and not self._reads_change(copy, names):
                continue
            if step.body is not None:
                if self._is_entered_anew(copy, step):
                    return False
                continue  # what is in it is looked at step by step
            row = self.view.rows.get(id(copy.step.data))
            if row is not None and row.has_weights and not self.view.weights_are_free(row):
                return False
            if not self._again(copy, step, scratch, names):
                return False
        definition = self.view.definitions[id(copies[0].frame.builder.graph)]
        builder = copies[0].frame.builder
        ends = {(id(builder), value) for value in definition.outputs.values()}
        return ends.isdisjoint(self.changed)

    def _again(self, copy: Copy, step: Step, scratch: Builder, names: frozenset[str]) -> bool:
        frame = self._frame(copy.frame, names)
        fed = {name: self._reference(one) for name, one in copy.fed.items()}
        made = _elaborated(self.view, scratch, frame, step, fed)
        if made is None or (made.node is None) != (copy.item.node is None):
            return False
        if made.node is None:
            return True  # left out, as before: it passes on what it was given
        counted = copy.item.counted is not None or _count(copy) > 1
        for name, old in copy.item.outputs.items():
            new = made.outputs.get(name)
            if isinstance(old, Tensor) and isinstance(new, Tensor):
                if old.type == new.type:
                    continue
                if counted or step.detach is not None:
                    return False
                self.changed[id(old.builder), old.value] = new
            elif old is not new and not _alike(old, new):
                return False
        return True

    def _is_entered_anew(self, copy: Copy, step: Step) -> bool:
        """Whether a `do` is a definition of its own, or decides by what would change."""
        node = _node(copy)
        if step.scan is not None or (isinstance(node, CallNode) and node.step is copy.step):
            return True
        row = self.view.rows.get(id(copy.step.data))
        names = row.own_names if row is not None else step.names
        found = self._found(copy.frame, names, "prev" in names).values()
        told = bool(self._values_for(copy.frame)) and not names.isdisjoint(self.values)
        return told or any(map(self._item_changed, found))

    def _values_for(self, frame: Frame) -> Mapping[str, Any]:
        """The other values of parameters, where these are in view: in the file itself."""
        return self.values if frame.space.file is self.view.file else {}

    def _reads_change(self, copy: Copy, names: frozenset[str]) -> bool:
        if self._values_for(copy.frame) and not names.isdisjoint(self.values):
            return True
        if not self.changed:
            return False
        if any(self._has_changed(one) for one in copy.fed.values()):
            return True
        return any(map(self._item_changed, self._found(copy.frame, names).values()))

    def _found(self, frame: Frame, names: frozenset[str], prev: bool = True) -> dict[str, Item]:
        found = {name: item for name in sorted(names) if (item := frame.scope.find(name))}
        return {**found, "prev": frame.prev} if prev else found

    def _item_changed(self, item: Item) -> bool:
        if any(self._has_changed(one) for one in item.outputs.values()):
            return True
        inside = item.inside.items.values() if item.inside is not None else ()
        return any(map(self._item_changed, inside)) or any(
            map(self._item_changed, item.copies or ())
        )

    def _has_changed(self, reference: Reference) -> bool:
        if isinstance(reference, Group):
            return any(map(self._has_changed, reference.items))
        return (
            isinstance(reference, Tensor)
            and (id(reference.builder), reference.value) in self.changed
        )

    def _reference(self, reference: Reference) -> Reference:
        if isinstance(reference, Group):
            return Group(tuple(map(self._reference, reference.items)))
        if isinstance(reference, Tensor):
            return self.changed.get((id(reference.builder), reference.value), reference)
        return reference

    def _item(self, item: Item) -> Item:
        """The item with the values that would be."""
        if not self._item_changed(item):
            return item
        inside = item.inside
        if inside is not None:
            items = {name: self._item(one) for name, one in inside.items.items()}
            inside = Scope(inside.path, inside.parent, items)
        outputs = {name: self._reference(one) for name, one in item.outputs.items()}
        copies = None if item.copies is None else [self._item(one) for one in item.copies]
        return Item(outputs, inside, copies, item.counted, item.node, item.builder, item.path, True)

    def _frame(self, frame: Frame, names: frozenset[str]) -> Frame:
        """The frame with the values and parameters that would be."""
        if self.changed:
            found = self._found(frame, names)
            other = {name: self._item(item) for name, item in found.items()}
            prev = other.pop("prev")
            scope = Scope("", frame.scope, other)
            frame = Frame(frame.builder, frame.space, frame.bindings, scope, prev, frame.frozen)
        return frame.with_bindings(dict(self._values_for(frame)))


def _scratch(view: View, frame: Frame) -> Builder:
    """A graph that may read the values of the frame's, and that nothing reads."""
    outer = frame.builder
    return Builder(
        view.elaborator.context,
        parent=outer,
        symbols=dict(outer.symbols),
        model_symbols=outer.model_symbols,
        parameters=outer.parameters,
    )


def _elaborated(
    view: View, builder: Builder, frame: Frame, step: Step, fed: dict[int | str, Reference]
) -> Item | None:
    """What one copy of the step gives in a frame; None if it is wrong there."""
    context = view.elaborator.context
    kept = context.findings, context.level, context.steps_left, context.budget.network
    context.findings = findings = Findings()
    context.steps_left = context.budget.network = ENOUGH
    context.budget.steps = context.budget.items = ENOUGH
    scope = Scope("", frame.scope)
    inner = Frame(builder, frame.space, frame.bindings, scope, frame.prev, frame.frozen)
    try:
        item = view.elaborator.once(inner, step, None if step.name is None else "it", fed)
    except FAILURES:
        return None
    finally:
        context.findings, context.level, context.steps_left, context.budget.network = kept
    wrong = item.poisoned or any(one.severity == "error" for one in findings)
    return None if wrong else item


def _alike(old: Reference, new: Reference | None) -> bool:
    """Whether lists of values have the same types; what is absent stays so."""
    if isinstance(old, Group) and isinstance(new, Group):
        pairs = zip(old.items, new.items, strict=False)
        return len(old) == len(new) and all(_alike(a, b) for a, b in pairs)
    if isinstance(old, Tensor) and isinstance(new, Tensor):
        return old.type == new.type
    return type(old) is type(new)


def _count(copy: Copy) -> int:
    node = _node(copy)
    return node.count if isinstance(node, CallNode) else 1


def _node(copy: Copy) -> Node | None:
    id, builder = copy.item.node, copy.item.builder
    return None if id is None or builder is None else builder.graph.node(id)
