"""Every call inlined: one model with one flat graph, for those who need it.

A call is replaced by what it calls, copy by copy, in time proportional to the nodes of the result.
A scan stays a node, and its body is flattened in itself. In the result

1. paths and weights' names are full, and no name depends on where it stands: `prefixed` is false
   and a reference to a weight names no model;
2. attributes hold numbers, no parameter passes through any more;
3. equal constants are one node, as are the reads of one weight;
4. each weight has one owner, the first node that uses it. A later call of the same model uses the
   same weights: theirs are tied to the owner's, under the same path. So a weight whose tie names
   its own path is that weight used again, and what goes by names counts it once;
5. a weight of another model that is only read or tied to, and whose own op is not called, is held
   by a `weight` node of its name, without users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from archc.ir.graph import Graph, Value
from archc.ir.nodes import (
    CallNode,
    Copies,
    Derivation,
    InputNode,
    Node,
    OpNode,
    ScanNode,
    Weight,
    WeightNode,
    WeightRef,
)
from archc.ir.program import Arguments, Definition, Program, WeightEntry, bind, full_name
from archc.ops.base import Op, values_of
from archc.ops.registry import ops
from archc.spec.values import Argument


def flatten(program: Program, model: str | None = None) -> Program:
    """The program with one model, the main one or another, as a flat graph; KeyError if unknown."""
    name = program.main if model is None else model
    definition = program.models[name]
    owners: set[str] = set()
    flat = _Flat(program, owners, set())
    here = _Scope("", program.prefix(name), {})
    result = flat.definition(definition, here, "model")
    for entry in program.weights(name):
        if entry.name not in owners:
            owners.add(entry.name)
            flat.graph.add(_holder(entry))
    return replace(program, models={name: result}, main=name, prefixed=False)


@dataclass(frozen=True, slots=True)
class _Scope:
    """An instance of a definition: what its paths and weights' names begin with, its numbers."""

    path: str
    weights: str
    arguments: Arguments

    def join(self, path: str) -> str:
        return f"{self.path}.{path}" if self.path and path else self.path or path


@dataclass(eq=False, slots=True)
class _Flat:
    """A graph that the nodes of all instances go into."""

    program: Program
    owners: set[str]  # the names of weights that have their owner
    names: set[str]  # those of definitions
    graph: Graph = field(default_factory=Graph)
    constants: dict[object, Value] = field(default_factory=dict)
    reads: dict[str, Value] = field(default_factory=dict)

    def definition(self, definition: Definition, here: _Scope, kind: str) -> Definition:
        """The definition with everything that it calls inlined."""
        name, k = definition.name, 1
        while name in self.names:
            k += 1
            name = f"{definition.name}_{k}"
        self.names.add(name)
        inputs = []
        for id in definition.inputs:
            node = definition.input(id)
            path = node.name if kind == "model" else here.join(node.name)
            inputs.append(self.graph.add(replace(node, path=path)))
        outputs = self.inline(definition, [Value(id) for id in inputs], here)
        return replace(
            definition,
            name=name,
            graph=self.graph,
            inputs=tuple(inputs),
            outputs=dict(zip(definition.outputs, outputs, strict=True)),
            parameters=(),
        )

    def inline(self, definition: Definition, inputs: Sequence[Value], here: _Scope) -> list[Value]:
        """Adds an instance's nodes; returns its outputs."""
        graph = definition.graph
        made: dict[int, list[Value]] = {
            id: [value] for id, value in zip(definition.inputs, inputs, strict=True)
        }
        for id, node in graph.nodes():
            if isinstance(node, InputNode):
                continue
            given = [
                None if value is None else made[value.node][value.port]
                for value in graph.inputs(id)
            ]
            if isinstance(node, OpNode):
                made[id] = self.op(node, given, here)
            elif isinstance(node, WeightNode):
                made[id] = [self.read(node, here)]
            elif isinstance(node, ScanNode):
                made[id] = self.scan(node, given, here)
            elif isinstance(node, CallNode):
                made[id] = self.call(node, given, here)
        return [made[value.node][value.port] for value in definition.outputs.values()]

    def op(self, node: OpNode, given: Sequence[Value | None], here: _Scope) -> list[Value]:
        op = _resolved(node.op, here.arguments)
        path = here.join(node.path)
        key = None
        if op.name == "constant":
            key = (repr(op.values["value"]), node.types)  # -0.0 and True are not 0.0 and 1
            if key in self.constants:
                return [self.constants[key]]
            if node.step is None:  # a literal among some inputs: it belongs to no step
                path = f"constant_{len(self.constants)}"
        weights = tuple([self.weight(weight, here) for weight in node.weights])
        id = self.graph.add(
            OpNode(
                path=path, types=node.types, slots=node.slots, place=node.place, step=node.step,
                op=op, weights=weights,
            ),
            given,
        )  # fmt: skip
        values = [Value(id, port) for port in range(len(node.types))]
        if key is not None:
            self.constants[key] = values[0]
        return values

    def weight(self, weight: Weight, here: _Scope) -> Weight:
        """The weight under its full name, the first of that name as its owner."""
        path = here.weights + weight.path
        tie = None
        if path in self.owners:
            tie = WeightRef(path)
        elif weight.tie is not None:
            tie = WeightRef(full_name(weight.tie, here.weights, self.program))
        self.owners.add(path)
        return replace(weight, path=path, tie=tie, derive=_derived(weight.derive, here))

    def read(self, node: WeightNode, here: _Scope) -> Value:
        name = full_name(node.ref, here.weights, self.program)
        if name not in self.reads:
            read = replace(node, path=f"read_{name}", ref=WeightRef(name))
            self.reads[name] = Value(self.graph.add(read))
        return self.reads[name]

    def call(self, node: CallNode, given: Sequence[Value | None], here: _Scope) -> list[Value]:
        """The copies in a row, each with the weights and the paths that are its own."""
        values = [value for value in given if value is not None]
        outputs: list[Value] = []
        for k in range(node.count):
            outputs = self.inline(node.definition, values, self.enter(node, here, k))
            for port, slot in node.feedback:
                values[slot] = outputs[port]
        return outputs

    def enter(self, node: CallNode, here: _Scope, k: int = 0) -> _Scope:
        """The scope of a call's copy. A model's weights are its own, its paths the caller's."""
        path = node.copies.path(k)
        if node.model is not None:
            weights = self.program.prefix(node.model)
        else:
            weights = f"{here.weights}{path}." if path else here.weights
        return _Scope(here.join(path), weights, bind(node, here.arguments))

    def scan(self, node: ScanNode, given: Sequence[Value | None], here: _Scope) -> list[Value]:
        body = _Flat(self.program, self.owners, self.names)
        inner = self.enter(node, here)
        flat = ScanNode(
            path=here.join(node.path), types=node.types, slots=node.slots, place=node.place,
            step=node.step, definition=body.definition(node.definition, inner, "body"),
            copies=Copies(""), outputs=node.outputs, feedback=node.feedback, scanned=node.scanned,
        )  # fmt: skip
        id = self.graph.add(flat, given)
        return [Value(id, port) for port in range(len(node.types))]


def _derived(derive: Derivation | None, here: _Scope) -> Derivation | None:
    """What a weight is computed from, under full names and with the instance's numbers."""
    if derive is None:
        return None
    sources = tuple(
        (
            role,
            replace(
                weight,
                path=here.weights + weight.path,
                derive=_derived(weight.derive, here),
            ),
        )
        for role, weight in derive.sources
    )
    values = tuple(
        (name, here.arguments[value.name] if isinstance(value, Argument) else value)
        for name, value in derive.values
    )
    return replace(derive, sources=sources, values=values)


def _resolved(op: Op, arguments: Arguments) -> Op:
    """The op with the instance's numbers in place of parameters that pass through."""
    if any(isinstance(value, Argument) for value in op.values.values()):
        return type(op)(values_of(op, arguments))
    return op


def _holder(entry: WeightEntry) -> Node:
    """A node that holds a weight whose own op is not called."""
    type, weight = entry.type, entry.weight
    begins = {"shape": type.dims} if weight.value is None else {"value": weight.value}
    op = ops()["weight"].make(**begins, dtype=type.dtype)
    tie = None if entry.owner is None else WeightRef(entry.owner)
    held = replace(weight, slot="weight", path=entry.name, tie=tie)
    return OpNode(path=entry.name, types=(type,), op=op, weights=(held,))
