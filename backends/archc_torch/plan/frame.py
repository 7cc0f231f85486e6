"""A graph that is being written: the definition's own, or that of a loop's body within it."""

from __future__ import annotations

from dataclasses import dataclass, field

from archc.ir.graph import Value
from archc.ir.nodes import OpNode
from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc_torch.code import Val
from archc_torch.plan.chains import Chain


@dataclass(eq=False, slots=True)
class Frame:
    """A graph, and what is known of its nodes. The definition's own has the number 0."""

    number: int
    definition: Definition
    prefix: str  # where its modules and weights are
    live: set[int]  # nodes that the outputs depend on
    chains: dict[int, Chain] = field(default_factory=dict)  # by their last node
    inside: set[int] = field(default_factory=set)  # nodes that are parts of chains
    paths: dict[int, str] = field(default_factory=dict)  # where a node's module or weights are

    def val(self, value: Value) -> Val:
        return (self.number, value.node, value.port)

    def output(self, id: int, port: int = 0) -> Val:
        """A value that a node gives."""
        return (self.number, id, port)

    def outputs(self, id: int) -> list[Val]:
        """All values that a node gives."""
        return [
            (self.number, id, port) for port in range(len(self.definition.graph.node(id).types))
        ]

    def inputs(self, id: int) -> dict[str, Val]:
        """The values that a node reads, by slot."""
        return {slot: self.val(value) for slot, value in self._given(id).items()}

    def types(self, id: int) -> dict[str, TensorType]:
        """The types of what a node reads, by slot."""
        graph = self.definition.graph
        return {slot: graph.type(value) for slot, value in self._given(id).items()}

    def _given(self, id: int) -> dict[str, Value]:
        graph = self.definition.graph
        pairs = zip(graph.node(id).slots, graph.inputs(id), strict=True)
        return {slot: value for slot, value in pairs if value is not None}

    def path(self, path: str) -> str:
        """A path of the graph as one of the definition."""
        return ".".join(part for part in (self.prefix, path) if part)

    def fed(self, id: int) -> bool:
        """Whether a value is fed in the place of one of an op's weights."""
        node = self.definition.graph.node(id)
        assert isinstance(node, OpNode)
        own = {port.name for port in node.op.inputs}
        return any(slot.partition(".")[0] not in own for slot in node.slots)


def live(definition: Definition) -> set[int]:
    """The nodes that the outputs depend on."""
    stack = [value.node for value in definition.outputs.values()]
    found: set[int] = set()
    while stack:
        id = stack.pop()
        if id not in found:
            found.add(id)
            stack += [value.node for value in definition.graph.present(id)]
    return found
