"""A node's op with the types it stands among: what inference and cost are asked with."""

from __future__ import annotations

from collections.abc import Callable

from archc.ir.graph import Graph
from archc.ir.nodes import OpNode
from archc.ir.types import TensorType
from archc.ops.base import Op
from archc.ops.site import Site


def spread(op: Op, slots: tuple[str, ...]) -> dict[str, list[int]] | None:
    """Which slots belong to which input of the op, or to which weight that is fed.

    Slots are the op's inputs in order, a variadic one's as `name.0`, `name.1` …, then the fed
    weights by name. None if they are not of that form.
    """
    found: dict[str, list[int]] = {}
    at = 0
    for port in op.inputs:
        found[port.name] = []
        if port.variadic:
            while at < len(slots) and slots[at] == f"{port.name}.{len(found[port.name])}":
                found[port.name].append(at)
                at += 1
        elif at < len(slots) and slots[at] == port.name:
            found[port.name].append(at)
            at += 1
        else:
            return None
    for name in slots[at:]:
        if name not in op.weight_names or name in found:
            return None
        found[name] = [at]
        at += 1
    return found


def site(
    graph: Graph,
    id: int,
    node: OpNode,
    seen: Callable[[TensorType], TensorType] | None = None,
) -> Site:
    """The op at its place in the graph; `seen` changes the types, to give symbols numbers.

    The slots are those of the op (`spread` says whether they are).
    """
    types = [None if value is None else graph.type(value) for value in graph.inputs(id)]
    if seen is not None:
        types = [None if type is None else seen(type) for type in types]
    return place(node.op, node.slots, types)


def place(op: Op, slots: tuple[str, ...], types: list[TensorType | None]) -> Site:
    """The op among inputs of these types, one for each slot; None where it is absent."""
    if len(op.inputs) == len(slots) == 1 and slots[0] == op.inputs[0].name:  # nearly always
        return Site(op, {slots[0]: types[0]})
    where = spread(op, slots)
    assert where is not None, f"{op.name} has no slots {slots}"
    inputs: dict[str, TensorType | tuple[TensorType, ...] | None] = {}
    for port in op.inputs:
        given = [types[slot] for slot in where.pop(port.name)]
        inputs[port.name] = tuple(t for t in given if t is not None) if port.variadic else given[0]
    fed = {name: type for name, [slot] in where.items() if (type := types[slot]) is not None}
    return Site(op, inputs, fed)
