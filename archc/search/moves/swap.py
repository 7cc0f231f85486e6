"""An op in the place of another that takes and gives the same types, or a block of one."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from archc.ir.nodes import CallNode
from archc.search.candidate import Copy
from archc.search.move import Move
from archc.search.moves.draft import Draft
from archc.search.moves.room import may_grow, shuffled
from archc.search.moves.say import at, everywhere, said
from archc.search.moves.suppose import holds
from archc.search.moves.table import ACTIVATIONS, GATES, NORMS, POOLS, RECURRENT
from archc.search.moves.view import Row, View
from archc.spec.ast import Template
from archc.spec.data import Scalar, plain
from archc.spec.load import lookup

FAMILIES: tuple[tuple[str, ...], ...] = (ACTIVATIONS, GATES)
GROUPS = (1, 2, 4, 8, 16, 32)


def found(view: View, random: Random) -> Iterator[Move]:
    rows = (row for body in view.bodies for row in body.rows)
    for row in shuffled(random, (row for row in rows if row.is_seen)):
        choices = [*_ops(row), *_chosen(row), *(_blocks(row) if may_grow(view) else ())]
        for draft, what in shuffled(random, choices):
            step = draft.step()
            if step is not None and holds(view, {row: step}):
                yield Move("swap", what + everywhere(row.body), tuple(draft.edits))


# ---- ops


def _ops(row: Row) -> Iterator[tuple[Draft, str]]:
    """The step with other ops in its place."""
    head = row.head
    if lookup(row.view.file, head) is not None or row.step.tie or row.step.detach is not None:
        return
    if not row.view.weights_are_free(row):
        return
    for other, attributes in _others(row, head):
        draft = Draft(row)
        if row.step.init is not None:
            draft.remove(("init",))
        draft.set_head(other, attributes)
        yield draft, f"{at(row)} becomes {said(other, attributes)}"


def _others(row: Row, head: str) -> Iterator[tuple[str, Any]]:
    for family in FAMILIES:
        if head in family:
            yield from ((other, None) for other in family if other != head)
    written = row.step.value
    for pair in POOLS:
        if head in pair:
            own = {"ceil", "kernel", "stride", "padding"}
            value = plain(written) if written is not None else None
            if not isinstance(value, dict) or value.keys() <= own:
                yield pair[1 - pair.index(head)], value
    if head in RECURRENT and _gives_one(row) and len(row.slots) == 1:
        value = plain(written) if written is not None else None
        if isinstance(value, dict):
            value.pop("nonlinearity", None)
        others = RECURRENT if may_grow(row.view) else RECURRENT[: RECURRENT.index(head)]
        yield from ((other, value) for other in others if other != head)
    for family in NORMS.values():
        if head in family:
            for other in family:
                if other == "group_norm":
                    now = _value(row)
                    yield from ((other, n) for n in GROUPS if (head, n) != (other, now))
                elif other != head:
                    yield other, None


def _value(row: Row) -> Any:
    """The groups of a norm that are written."""
    value = plain(row.step.value) if row.step.value is not None else None
    return value.get("groups") if isinstance(value, dict) else value


def _gives_one(row: Row) -> bool:
    """Whether only the first of the step's outputs is read."""
    for copy, _ in row.nodes():
        graph, id = copy.frame.builder.graph, copy.item.node
        assert id is not None
        if any(port for _, _, port in graph.users(id)):
            return False
        definition = row.view.definitions[id_of(copy)]
        if any(value.node == id and value.port for value in definition.outputs.values()):
            return False
    return True


def id_of(copy: Copy) -> int:
    return id(copy.frame.builder.graph)


# ---- ops that a block, or the file, is told


def _chosen(row: Row) -> Iterator[tuple[Draft, str]]:
    """A call with another op as an argument."""
    template = called(row)
    for parameter in template.parameters if template is not None else ():
        draft = Draft(row)
        data = draft.attribute(parameter.name) or parameter.default
        now = data.value if isinstance(data, Scalar) else None
        for family in FAMILIES:
            for other in family if now in family else ():
                if other == now:
                    continue
                draft = Draft(row)
                draft.set_attribute(parameter.name, other)
                yield draft, f"{at(row)} with {other} for {now}"


def called(row: Row) -> Template | None:
    """The block or model that every copy of the step calls; None of an op, or where they differ."""
    calls = [node for _, node in row.nodes() if isinstance(node, CallNode)]
    if not calls:
        return None
    head: str | None = row.head if isinstance(row.step.head, str) else None
    if head is None and row.step.body is None:
        elaborator = row.view.elaborator
        heads = {elaborator.head(copy.frame, row.step)[0] for copy in row.copies}
        one = next(iter(heads))
        head = str(one) if len(heads) == 1 and isinstance(one, str) else None
    return lookup(row.view.file, head) if head is not None else None


# ---- blocks


def _blocks(row: Row) -> Iterator[tuple[Draft, str]]:
    """A call of another block of the file that has the same inputs."""
    template = called(row)
    if template is None or not isinstance(row.step.head, str) or template.kind != "block":
        return
    if not row.view.weights_are_free(row):
        return
    wanted = [one.name for one in template.inputs]
    for name, other in row.view.file.blocks.items():
        if other is template or [one.name for one in other.inputs] != wanted:
            continue
        if row.body.template.name in _reached(row.view, other):
            continue
        draft = Draft(row)
        draft.set_head(name, plain(row.step.value) if row.step.value is not None else None)
        yield draft, f"{at(row)} becomes {name}"


def _reached(view: View, template: Template) -> set[str]:
    """The blocks that a block may call, by any of the words in it, itself included."""
    found, rest = {template.name}, [template]
    while rest:
        path = view.path_of(rest.pop())
        for name, block in view.file.blocks.items():
            spoken = view.words.mentions.get(name, ())
            if name not in found and any(one.path[: len(path)] == path for one in spoken):
                found.add(name)
                rest.append(block)
    return found
