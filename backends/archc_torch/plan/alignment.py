"""A definition in the form of a larger one of the same block, of which it lacks some steps."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, ScanNode, WeightNode
from archc.ir.program import Definition


class Variant(NamedTuple):
    """A definition in the form of a larger one, its nodes numbered as that one's."""

    original: Definition
    definition: Definition
    phantoms: frozenset[int]  # nodes of steps that the original leaves out
    paths: dict[int, str]  # the other nodes' paths in the original


def aligned(largest: Definition, other: Definition) -> Variant | None:
    """The other one in the form of the largest, if it is that without some steps."""
    if largest.input_names() != other.input_names() or list(largest.outputs) != list(other.outputs):
        return None
    if largest.grouped != other.grouped or largest.parameters != other.parameters:
        return None
    found = _Alignment(largest, other)
    return found.variant() if found.pair() else None


class _Alignment:
    """Which node of the other definition stands for each of the largest one's."""

    def __init__(self, largest: Definition, other: Definition) -> None:
        self.largest, self.other = largest, other
        self.twins: dict[int, int] = {}

    def pair(self) -> bool:
        ours, theirs = _steps(self.largest), _steps(self.other)
        if ours is None or theirs is None or not theirs.keys() <= ours.keys():
            return False
        self.twins = dict(zip(self.largest.inputs, self.other.inputs, strict=True))
        self.twins.update((ours[key], theirs[key]) for key in theirs)
        a, b = self.largest.graph, self.other.graph
        for id, twin in list(self.twins.items()):
            if not _alike(a.node(id), b.node(twin)):
                return False
            pairs = zip(a.inputs(id), b.inputs(twin), strict=True)
            if not all(self._same(value, other) for value, other in pairs):
                return False
        return all(
            self._same(value, self.other.outputs[name])
            for name, value in self.largest.outputs.items()
        )

    def _same(self, value: Value | None, other: Value | None) -> bool:
        """Whether the other value stands where this one does, with left-out steps bypassed."""
        if value is None or other is None:
            return value is other
        node = self.largest.graph.node(value.node)
        if value.node in self.twins:
            return Value(self.twins[value.node], value.port) == other
        if _literal(node):
            if _literal(self.other.graph.node(other.node)):
                self.twins[value.node] = other.node
                return True
            return False
        if isinstance(node, WeightNode):
            twin = self.other.graph.node(other.node)
            if isinstance(twin, WeightNode) and twin.ref == node.ref:
                self.twins[value.node] = other.node
                return True
            return False
        before = bypass(self.largest.graph, value)
        return before is not None and self._same(before, other)

    def variant(self) -> Variant:
        graph, ids = Graph(), dict[int, int]()
        phantoms: set[int] = set()
        paths: dict[int, str] = {}
        for id, node in self.largest.graph.nodes():
            inputs = [v and Value(ids[v.node], v.port) for v in self.largest.graph.inputs(id)]
            twin = self.twins.get(id)
            own = node if twin is None else _in_form(node, self.other.graph.node(twin))
            ids[id] = graph.add(own, inputs)
            if twin is None:
                phantoms.add(ids[id])
            else:
                paths[ids[id]] = _path(self.other.graph.node(twin))
        outputs = {name: Value(ids[v.node], v.port) for name, v in self.largest.outputs.items()}
        entries = tuple(ids[id] for id in self.largest.inputs)
        definition = replace(self.other, graph=graph, inputs=entries, outputs=outputs)
        return Variant(self.other, definition, frozenset(phantoms), paths)


def bypass(graph: Graph, value: Value) -> Value | None:
    """What stands for a value whose step is left out: the step's first input."""
    return next(iter(graph.present(value.node)), None)


Mark = tuple[str, int, int, int]  # where a step stands in a spec, and which of its copies is meant


def _steps(definition: Definition) -> dict[Mark, int] | None:
    """The nodes by the steps that they were made for; None where one has no step."""
    counts: dict[tuple[str, int, int], int] = {}
    found: dict[Mark, int] = {}
    for id, node in definition.graph.nodes():
        if isinstance(node, InputNode | WeightNode) or _literal(node):
            continue
        if node.step is None:
            return None
        place = (node.step.place.source.name, node.step.place.line, node.step.place.column)
        found[*place, counts.setdefault(place, 0)] = id
        counts[place] += 1
    return found


def _literal(node: Node) -> bool:
    return isinstance(node, OpNode) and node.op.name == "constant" and not node.types[0].rank


def _alike(node: Node, twin: Node) -> bool:
    """Whether one class can hold both: the same kind of node, op and block."""
    if (
        type(node) is not type(twin)
        or node.slots != twin.slots
        or len(node.types) != len(twin.types)
    ):
        return False
    if isinstance(node, ScanNode) and isinstance(twin, ScanNode):
        return node.definition is twin.definition
    if isinstance(node, CallNode) and isinstance(twin, CallNode):
        return (node.definition.source, node.model, node.count) == (
            twin.definition.source,
            twin.model,
            twin.count,
        )
    if isinstance(node, OpNode) and isinstance(twin, OpNode):
        if len(node.weights) != len(twin.weights) or any(
            w.tie is not None for w in (*node.weights, *twin.weights)
        ):
            return False
        return node.op.name == twin.op.name or not (node.weights or twin.weights)
    return True


def _in_form(node: Node, twin: Node) -> Node:
    """The twin at the node's path."""
    if isinstance(node, OpNode) and isinstance(twin, OpNode):
        pairs = zip(twin.weights, node.weights, strict=True)
        return replace(
            twin, path=node.path, weights=tuple(replace(own, path=form.path) for own, form in pairs)
        )
    if isinstance(node, CallNode) and isinstance(twin, CallNode):
        return replace(twin, path=node.path, copies=node.copies)
    return replace(twin, path=node.path)


def _path(node: Node) -> str:
    return node.copies.path(0) if isinstance(node, CallNode) else node.path
