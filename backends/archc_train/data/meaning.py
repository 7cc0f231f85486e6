"""What a training's graphs do with the data's fields: which numbers choose among how many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archc.ir.graph import Value
from archc.ir.nodes import CallNode, OpNode
from archc.ir.program import Definition
from archc.ops.cross_entropy import CrossEntropy, class_axis
from archc.place import Place
from archc.train import Graphs

# Ops whose result holds nothing but values of their first input.
PASSING = frozenset({
    "identity", "cast", "reshape", "flatten", "transpose", "squeeze", "unsqueeze", "expand",
    "rearrange", "slice", "gather", "split", "unstack", "concat", "stack", "tile", "roll", "flip",
    "detach",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choosing:
    """A use of whole numbers that must lie from 0 to below `count`, but for `ignore`.

    `what` is who is chosen from: `classes` of logits, `rows` of an embedding.
    """

    field: str
    what: str
    count: int
    ignore: int | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A field read by an op: which of its inputs it is, in which graph."""

    field: str
    node: OpNode
    slot: int
    inputs: tuple[Value | None, ...]
    definition: Definition


def uses(graphs: Graphs) -> Iterator[Use]:
    """Every op that reads a field of the data, through calls and changes of form."""
    for update, model in graphs.models.items():
        definition = graphs.program.models[model]
        fed = graphs.inputs[update]
        for node in definition.inputs:
            yield from _uses(definition, node, fed[definition.input(node).name], set())


def _uses(
    definition: Definition, number: int, field: str, seen: set[tuple[int, int]]
) -> Iterator[Use]:
    here = (id(definition), number)
    if here in seen:
        return
    seen.add(here)
    graph = definition.graph
    for user, slot, _ in graph.users(number):
        node = graph.node(user)
        if isinstance(node, CallNode):
            inner = node.definition
            if slot < len(inner.inputs):
                yield from _uses(inner, inner.inputs[slot], field, seen)
        elif isinstance(node, OpNode):
            if node.op.name in PASSING and (slot == 0 or node.op.name in ("concat", "stack")):
                yield from _uses(definition, user, field, seen)
            else:
                yield Use(field, node, slot, graph.inputs(user), definition)


def choices(graphs: Graphs) -> dict[Choosing, None]:
    """The fields whose numbers choose classes, rows of an embedding or places of a one-hot code."""
    found: dict[Choosing, None] = {}
    for use in uses(graphs):
        op, place = use.node.op, use.node.place
        if isinstance(op, CrossEntropy) and use.slot == 1:
            if (count := classes(use)) is not None:
                found[Choosing(use.field, "classes", count, op.ignore, place)] = None
        elif op.name == "embedding" and use.slot == 0 and isinstance(op.values.get("num"), int):
            found[Choosing(use.field, "rows", op.values["num"], None, place)] = None
        elif op.name == "one_hot" and use.slot == 0:
            found[Choosing(use.field, "places", op.values["num"], None, place)] = None
    return found


def classes(use: Use) -> int | None:
    """How many classes a cross-entropy's logits have, where the target is class numbers."""
    op = use.node.op
    assert isinstance(op, CrossEntropy)
    logits, target = (use.definition.graph.type(v) for v in use.inputs[:2] if v is not None)
    if target.rank == logits.rank:
        return None
    axis = class_axis(logits, target) if op.axis is None else op.axis % logits.rank
    count = logits.dims[axis]
    return count if isinstance(count, int) else None
