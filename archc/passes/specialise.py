"""Parameters that pass through, replaced by their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from archc.ir.nodes import CallNode, Node, OpNode, Weight
from archc.ir.program import Arguments, Definition, Program, bind
from archc.ops.base import values_of
from archc.passes.base import Pass
from archc.passes.rebuild import Rebuild
from archc.spec.values import Argument


@dataclass(frozen=True)
class Specialise(Pass):
    """Makes a definition for each set of numbers that another is called with.

    Afterwards attributes hold numbers only, and no definition has parameters.
    """

    def run(self, program: Program) -> Program:
        if not any(definition.parameters for definition in program.definitions()):
            return program
        made = _Made({definition.name for definition in program.definitions()})
        models = {name: made.definition(model, {}) for name, model in program.models.items()}
        return replace(program, models=models)

    def ensures(self, before: Program, after: Program) -> str:
        left = [d.name for d in after.definitions() if d.parameters]
        return f"no parameters, and {left[0]} has some" if left else ""


@dataclass(eq=False)
class _Made:
    names: set[str]
    done: dict[object, Definition] = field(default_factory=dict)
    first: set[str] = field(default_factory=set)  # names that a specialised definition has

    def definition(self, source: Definition, arguments: Arguments) -> Definition:
        key = source, tuple(sorted(arguments.items()))
        if key not in self.done:
            self.done[key] = self.make(source, arguments)
        return self.done[key]

    def make(self, source: Definition, arguments: Arguments) -> Definition:
        rebuild, changed = Rebuild(source), bool(source.parameters)
        for id, node in source.graph.nodes():
            new = self.node(node, arguments)
            changed = changed or new is not node
            rebuild.put(id, new, rebuild.inputs(id))
        if not changed:
            self.first.add(source.name)
            return source
        bound = {**source.bound, **arguments}
        name = self.name(source.name)
        return replace(rebuild.finish(), name=name, parameters=(), bound=bound)

    def node(self, node: Node, arguments: Arguments) -> Node:
        if isinstance(node, CallNode):
            callee = self.definition(node.definition, bind(node, arguments))
            same = callee is node.definition
            return node if same else replace(node, definition=callee, arguments={})
        if isinstance(node, OpNode) and arguments:
            passed = any(isinstance(value, Argument) for value in node.op.values.values())
            op = type(node.op)(values_of(node.op, arguments)) if passed else node.op
            weights = tuple([bound_weight(weight, arguments) for weight in node.weights])
            if passed or weights != node.weights:
                return replace(node, op=op, weights=weights)
        return node

    def name(self, base: str) -> str:
        """The definition's own name for its first version, and one with a number for others."""
        name, count = base, 1
        while name in self.first or (name in self.names and name != base):
            count += 1
            name = f"{base}_{count}"
        self.first.add(name)
        return name


def bound_weight(weight: Weight, arguments: Mapping[str, float]) -> Weight:
    """The weight, what it is derived with being numbers."""
    derive = weight.derive
    if derive is None:
        return weight
    values = tuple(
        (name, arguments[value.name] if isinstance(value, Argument) else value)
        for name, value in derive.values
    )
    return replace(weight, derive=replace(derive, values=values))
