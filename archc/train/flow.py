"""Where gradients reach: whether a loss depends on a model's weights, told from its graph alone."""

from __future__ import annotations

from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, WeightNode, WeightRef
from archc.ir.program import Definition, Program
from archc.ir.types import FLOATING

STOPS = ("stop_gradient", "differentiable", "image_pool")  # ops that pass no gradient on


def unreached(program: Program, update: str, terms: tuple[str, ...], model: str) -> bool:
    """Whether none of an update's terms depends on a trained weight of the model or its callees."""
    targets = frozenset(program.called(model))
    definition = program.models[update]
    found = _Flow(targets).outputs(definition, None, frozenset())
    return found.isdisjoint(definition.outputs[term] for term in terms)


class _Flow:
    """The values of definitions that depend on trained weights of some models."""

    def __init__(self, targets: frozenset[str]) -> None:
        self.targets = targets
        self.done: dict[tuple[int, str | None, frozenset[int]], frozenset[Value]] = {}

    def outputs(
        self, definition: Definition, owner: str | None, live: frozenset[int]
    ) -> frozenset[Value]:
        """The definition's values that do; `live` are the inputs that do, `owner` its model."""
        key = (id(definition), owner, live)
        if key not in self.done:
            self.done[key] = self.walk(definition, owner, live)
        return self.done[key]

    def walk(
        self, definition: Definition, owner: str | None, live: frozenset[int]
    ) -> frozenset[Value]:
        found: set[Value] = set()
        places = {id: k for k, id in enumerate(definition.inputs)}
        for id, node in definition.graph.nodes():
            if isinstance(node, InputNode):
                ports = [0] if places[id] in live else []
            elif isinstance(node, CallNode):
                ports = self.call(definition.graph, id, node, owner, found)
            else:
                ports = self.op(definition.graph, id, node, owner, found)
            found |= {Value(id, port) for port in ports if node.types[port].dtype in FLOATING}
        return frozenset(found)

    def op(
        self, graph: Graph, id: int, node: Node, owner: str | None, found: set[Value]
    ) -> list[int]:
        everything = list(range(len(node.types)))
        if isinstance(node, WeightNode):
            return everything if self.owned(node.ref, owner) else []
        assert isinstance(node, OpNode)
        if node.op.name in STOPS:
            return []
        own = any(weight.trained and self.owned(weight.tie, owner) for weight in node.weights)
        return everything if own or not found.isdisjoint(graph.present(id)) else []

    def owned(self, ref: WeightRef | None, owner: str | None) -> bool:
        """Whether a weight, or the one it is tied to, is of these models."""
        return (owner if ref is None or ref.model is None else ref.model) in self.targets

    def call(
        self, graph: Graph, id: int, node: CallNode, owner: str | None, found: set[Value]
    ) -> list[int]:
        inner = node.definition
        live = {k for k, value in enumerate(graph.inputs(id)) if value in found}
        while True:
            values = self.outputs(inner, node.model or owner, frozenset(live))
            ports = [k for k, value in enumerate(inner.outputs.values()) if value in values]
            fed_back = {slot for port, slot in node.feedback if port in ports}
            if fed_back <= live:  # a copy's outputs are the next copy's inputs
                return ports
            live |= fed_back
