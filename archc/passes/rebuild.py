"""Programs made anew from old ones: how passes change what they must not touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, Node, OpNode
from archc.ir.program import Definition, Program
from archc.ir.sites import place
from archc.ops.base import Op

Values = Sequence[Value | None]


@dataclass(eq=False)
class Rebuild:
    """A definition's graph while it is made again, node by node in the old order."""

    source: Definition
    graph: Graph = field(default_factory=Graph)
    made: dict[int, tuple[Value, ...]] = field(default_factory=dict)  # what the old outputs became

    def value(self, old: Value) -> Value:
        return self.made[old.node][old.port]

    def inputs(self, id: int) -> tuple[Value | None, ...]:
        """The new values in an old node's slots."""
        return tuple(None if v is None else self.value(v) for v in self.source.graph.inputs(id))

    def put(self, id: int, node: Node, inputs: Values) -> int:
        """Adds a node that stands for an old one, with as many outputs; returns its new id."""
        new = self.graph.add(node, inputs)
        self.made[id] = tuple([Value(new, port) for port in range(len(node.types))])
        return new

    def keep(self, id: int, node: Node) -> int:
        """Adds an old node as it is, its inputs being what became of them."""
        return self.put(id, node, self.inputs(id))

    def finish(self) -> Definition:
        """The new definition, once every input and every output has its value."""
        return replace(
            self.source,
            graph=self.graph,
            inputs=tuple([self.made[id][0].node for id in self.source.inputs]),
            outputs={name: self.value(value) for name, value in self.source.outputs.items()},
        )


def rebuilt(program: Program, change: Callable[[Definition], Definition]) -> Program:
    """The program with each definition changed, callees first; callers call the changed ones.

    `change` gives back the definition itself where there is nothing to do.
    """
    done: dict[Definition, Definition] = {}
    for definition in program.definitions():
        done[definition] = change(relinked(definition, done))
    if all(old is new for old, new in done.items()):
        return program
    return replace(program, models={name: done[model] for name, model in program.models.items()})


def relinked(definition: Definition, done: Mapping[Definition, Definition]) -> Definition:
    """The definition calling what its callees became."""
    if all(done[call.definition] is call.definition for call in definition.calls()):
        return definition
    rebuild = Rebuild(definition)
    for id, node in definition.graph.nodes():
        if isinstance(node, CallNode):
            node = replace(node, definition=done[node.definition])
        rebuild.keep(id, node)
    return rebuild.finish()


def op_node(
    graph: Graph, like: Node, op: Op, inputs: Values, slots: tuple[str, ...] | None = None
) -> OpNode:
    """A node without weights for the op on these values, at the place of `like`, typed anew.

    Without `slots`, the values are the op's inputs in order.
    """
    slots = slots_for(op, len(inputs)) if slots is None else slots
    types = [None if value is None else graph.type(value) for value in inputs]
    inferred = op.infer(place(op, slots, types))
    outputs = inferred if isinstance(inferred, tuple) else (inferred,)
    return OpNode(
        path=like.path, types=outputs, slots=slots, place=like.place, step=like.step, op=op
    )


def slots_for(op: Op, count: int) -> tuple[str, ...]:
    """The slots of so many values given in order, a variadic input taking all it can."""
    slots: list[str] = []
    others = sum(not port.variadic for port in op.inputs)
    for port in op.inputs:
        if port.variadic:
            slots += [f"{port.name}.{k}" for k in range(count - others)]
        else:
            slots.append(port.name)
    return tuple(slots)
