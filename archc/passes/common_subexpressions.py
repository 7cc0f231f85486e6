"""Steps that compute the same of the same values."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from archc.ir.nodes import CallNode, Node, OpNode, ScanNode, Weight, WeightNode
from archc.ir.prepared import is_pure
from archc.ir.program import Definition, Program
from archc.passes.base import Pass
from archc.passes.dead_code import Keeping
from archc.passes.rebuild import Rebuild, Values, rebuilt


@dataclass(frozen=True)
class CommonSubexpressions(Pass):
    """Lets equal steps of one definition be one.

    1. Ops without weights of their own, with equal attributes and values; the order of a
       commutative op's operands means nothing.
    2. Ops whose weights are another node's under the same names, as flattening leaves them where
       a model is called twice.
    3. Reads of one weight; calls of one definition that brings no weights, or is a model.

    What draws numbers or keeps statistics while training stays, as do weights with names of their
    own.
    """

    def run(self, program: Program) -> Program:
        purity = _Purity()

        def change(definition: Definition) -> Definition:
            rebuild = Rebuild(definition)
            known: dict[Hashable, int] = {}
            found = False
            for id, node in definition.graph.nodes():
                inputs = rebuild.inputs(id)
                key = purity.key(node, inputs)
                if key is not None and key in known and _may_go(node):
                    rebuild.made[id] = rebuild.made[known[key]]
                    found = True
                    continue
                rebuild.put(id, node, inputs)
                if key is not None:
                    known[key] = id
            return rebuild.finish() if found else definition

        return rebuilt(program, change)


@dataclass(eq=False)
class _Purity:
    """What makes two nodes equal; None for a node that is equal to no other."""

    pure: dict[Definition, bool] = field(default_factory=dict)
    weights: Keeping = field(default_factory=Keeping)

    def key(self, node: Node, inputs: Values) -> Hashable:
        match node:
            case OpNode():
                return self.op(node, inputs)
            case WeightNode():
                return "read", node.ref
            case CallNode():
                return self.call(node, inputs)
        return None

    def op(self, node: OpNode, inputs: Values) -> Hashable:
        if not is_pure(node, node.op.values):
            return None
        names = tuple([weight_name(weight) for weight in node.weights])
        if None in names:
            return None
        single = len(node.op.inputs) == 1 and node.op.inputs[0].variadic
        alike = node.op.commutative and single and len(node.slots) == len(inputs)
        given = tuple(sorted(value for value in inputs if value)) if alike else tuple(inputs)
        # -0.0 equals 0.0 and 1 equals true, but not as constants.
        exact = repr(node.op.values) if node.op.name in ("constant", "full") else ""
        return "op", node.op, exact, node.slots, given, node.types, names

    def call(self, node: CallNode, inputs: Values) -> Hashable:
        if self.weights.brings(node) or not self.all_pure(node.definition):
            return None
        kind = (node.scanned,) if isinstance(node, ScanNode) else ()
        arguments = tuple(sorted((name, repr(value)) for name, value in node.arguments.items()))
        return (
            "call", node.definition, arguments, node.count, node.feedback, node.model, kind,
            tuple(inputs),
        )  # fmt: skip

    def all_pure(self, definition: Definition) -> bool:
        if definition not in self.pure:
            self.pure[definition] = all(
                is_pure(node, node.op.values) if isinstance(node, OpNode)
                else self.all_pure(node.definition) if isinstance(node, CallNode) else True
                for _, node in definition.graph.nodes()
            )  # fmt: skip
        return self.pure[definition]


def weight_name(weight: Weight) -> str | None:
    """The name that tells the weight apart; None where it is a name for another weight."""
    tie = weight.tie
    same = tie is None or (tie.model is None and tie.path == weight.path)
    return weight.path if same else None


def _may_go(node: Node) -> bool:
    """Whether all the node's weights are owned by another node, under the same names."""
    return not isinstance(node, OpNode) or all(weight.tie is not None for weight in node.weights)
