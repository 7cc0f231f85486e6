"""Ops that a backend lacks, in terms of ops that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from archc.errors import InternalError
from archc.ir.graph import Graph, Value
from archc.ir.nodes import OpNode
from archc.ir.program import Definition, Program
from archc.ir.sites import spread
from archc.ir.types import FLOATING, DType, TensorType
from archc.ops.base import Op
from archc.ops.build import Build, Term
from archc.ops.registry import ops
from archc.passes.base import Pass
from archc.passes.dead_code import holder
from archc.passes.rebuild import Rebuild, op_node, rebuilt, slots_for
from archc.passes.specialise import Specialise
from archc.spec.values import Argument


@dataclass(frozen=True)
class Expand(Pass):
    """Takes ops that are not in `supported` apart with `Op.expand`, and what that gives in turn.

    1. An op that has no expansion stays: that it cannot be expressed is for the backend to say.
    2. The new steps are called `path.op` after the step they are part of; its weights keep their
       names, held by `weight` nodes.
    3. An expansion may compute with attributes; where a block's parameter passes through to one,
       the block is specialised first.
    """

    supported: frozenset[str]

    def run(self, program: Program) -> Program:
        lacking = [
            node
            for definition in program.definitions()
            for _, node in definition.graph.nodes()
            if isinstance(node, OpNode) and self.lacks(node.op)
        ]
        if not lacking:
            return program
        if any(isinstance(v, Argument) for node in lacking for v in node.op.values.values()):
            program = Specialise()(program)
        return rebuilt(program, self.definition)

    def lacks(self, op: Op) -> bool:
        return op.name not in self.supported and type(op).expand is not Op.expand

    def definition(self, definition: Definition) -> Definition:
        nodes = list(definition.graph.nodes())
        if not any(isinstance(node, OpNode) and self.lacks(node.op) for _, node in nodes):
            return definition
        rebuild = Rebuild(definition)
        taken = {node.path for _, node in nodes}
        found = False
        for id, node in nodes:
            inputs = rebuild.inputs(id)
            outputs = None
            if isinstance(node, OpNode) and self.lacks(node.op):
                outputs = _Parts(self, rebuild.graph, node, taken).whole(inputs)
            if outputs is None:
                rebuild.put(id, node, inputs)
            else:
                rebuild.made[id] = outputs
                found = True
        return rebuild.finish() if found else definition


@dataclass(frozen=True, slots=True)
class _Term:
    """A value of the graph that grows."""

    value: Value
    graph: Graph

    @property
    def type(self) -> TensorType:
        return self.graph.type(self.value)


Given = Sequence[Term | float | None]


@dataclass(eq=False)
class _Parts:
    """A node of the old graph while it is taken apart."""

    expand: Expand
    graph: Graph
    node: OpNode
    taken: set[str]
    held: dict[str, Term] = field(default_factory=dict)  # its own weights, as values

    def whole(self, inputs: Sequence[Value | None]) -> tuple[Value, ...] | None:
        """What stands for the node's outputs; None where its op has no expansion."""
        op, slots = self.node.op, self.node.slots
        given = [None if value is None else _Term(value, self.graph) for value in inputs]
        where = spread(op, slots) or {}
        own = sum(len(where[port.name]) for port in op.inputs)
        fed = {name: t for name, t in zip(slots[own:], given[own:], strict=True) if t is not None}
        found = self.apart(op, given[:own], fed)
        if found is None:
            return None
        types = tuple([term.type for term in found])
        if types != self.node.types:
            wanted, got = (", ".join(map(str, t)) for t in (self.node.types, types))
            self.fail(f"gives {got}, not {wanted}")
        for weight in self.node.weights:
            if weight.slot not in self.held:
                self.fail(f"loses the weight '{weight.slot}'")
        return tuple([_value(term) for term in found])

    def fail(self, what: str) -> NoReturn:
        message = f"the expansion of {self.node.op.name} {what}"
        raise InternalError.of("E903", message, self.node.place)

    def apart(
        self, op: Op, terms: Sequence[Term | None], fed: Mapping[str, Term]
    ) -> tuple[Term, ...] | None:
        given = list(terms)
        while given and given[-1] is None:
            given.pop()
        found = op.expand(_Build(self, op, fed), *cast("list[Term]", given))
        return found if isinstance(found, tuple) or found is None else (found,)

    def add(
        self, op: Op, terms: Sequence[Term | None], fed: Mapping[str, Term]
    ) -> tuple[Term, ...]:
        """A new op, or what it is taken apart into."""
        if self.expand.lacks(op):
            found = self.apart(op, terms, fed)
            if found is not None:
                return found
        slots = (*slots_for(op, len(terms)), *fed)
        values = [None if term is None else _value(term) for term in (*terms, *fed.values())]
        node = op_node(self.graph, self.node, op, values, slots)
        node.path = self.path(op.name)
        id = self.graph.add(node, values)
        return tuple([_Term(Value(id, port), self.graph) for port in range(len(node.types))])

    def path(self, name: str) -> str:
        base = path = f"{self.node.path}.{name}"
        count = 1
        while path in self.taken:
            count += 1
            path = f"{base}_{count}"
        self.taken.add(path)
        return path

    def weight(self, name: str) -> Term:
        """One of the node's own weights as a value, under the name that it has."""
        if name not in self.held:
            weight = next(w for w in self.node.weights if w.slot == name)
            id = self.graph.add(holder(weight, self.node))
            self.held[name] = _Term(Value(id), self.graph)
        return self.held[name]


def _value(term: Term) -> Value:
    assert isinstance(term, _Term)
    return term.value


@dataclass(frozen=True, slots=True)
class _Build(Build):
    """What one op's expansion is written with."""

    parts: _Parts
    whole: Op
    fed: Mapping[str, Term]

    def op(self, name: str, *inputs: Term | float | None, **attributes: Any) -> Term:
        return self.outputs(name, *inputs, **attributes)[0]

    def outputs(
        self, name: str, *inputs: Term | float | None, **attributes: Any
    ) -> tuple[Term, ...]:
        fed = {key: value for key, value in attributes.items() if isinstance(value, _Term)}
        op = ops()[name].make(**{k: v for k, v in attributes.items() if k not in fed})
        given: list[Term | float | None] = list(inputs)
        if not any(port.variadic for port in op.inputs):
            given += [None] * (len(op.inputs) - len(given))
        terms = [self.number(op, given, value) for value in given]
        order = [key for key in op.weight_names if key in fed]
        if len(order) < len(fed):
            self.parts.fail(f"feeds {name} a weight that it does not have")
        return self.parts.add(op, terms, {key: fed[key] for key in order})

    def weight(self, name: str) -> Term:
        if name in self.fed:
            return self.fed[name]
        if self.whole is not self.parts.node.op:
            self.parts.fail(f"uses {self.whole.name}, which has a weight of its own")
        return self.parts.weight(name)

    def number(self, op: Op, given: Given, value: Term | float | None) -> Term | None:
        """A number as a constant of the type of the operands that it must match."""
        if value is None or not isinstance(value, int | float):
            return value
        matching = {port.name for port in op.inputs if port.matched}
        matched = [
            term.type.dtype
            for slot, term in zip(slots_for(op, len(given)), given, strict=True)
            if isinstance(term, _Term) and slot.partition(".")[0] in matching
        ]
        natural: DType = "bool" if isinstance(value, bool) else "float32"
        dtype = matched[0] if matched else natural
        number = float(value) if dtype in FLOATING else value
        constant = ops()["constant"].make(value=number, dtype=dtype)
        return self.parts.add(constant, [], {})[0]
