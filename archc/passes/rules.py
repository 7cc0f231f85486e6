"""The rewriting rules of `Canonicalise`: which ops they look at, and what they put in their place.

A rule is a function of a `Match`, a node whose inputs are rewritten already. It gives a value that
is there, a node with its inputs, or None where it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archc.ir.graph import Graph, Value
from archc.ir.nodes import OpNode
from archc.ir.types import DType, TensorType
from archc.ops.base import Op
from archc.ops.rearrange import Rearrange
from archc.ops.registry import ops
from archc.ops.shape import Transpose
from archc.ops.site import TypingError
from archc.passes.rebuild import Values, op_node
from archc.spec.values import Argument

Rewrite = Value | tuple[OpNode, Values] | None


@dataclass(frozen=True, slots=True)
class Match:
    """An op's node, its new inputs, and the graph they are in, with how often each node is used."""

    graph: Graph
    node: OpNode
    inputs: Values
    uses: Mapping[int, int]

    @property
    def op(self) -> Op:
        return self.node.op

    def get(self, name: str) -> Any:
        """An attribute; a parameter that passes through equals nothing."""
        return self.op.values[name]

    @property
    def first(self) -> Value:
        """The first input, which is there."""
        value = self.inputs[0]
        assert value is not None
        return value

    @property
    def type(self) -> TensorType:
        return self.node.types[0]

    @property
    def keeps_type(self) -> bool:
        """Whether the one output has the first input's type."""
        return len(self.node.types) == 1 and self.graph.type(self.first) == self.type

    def source(self, value: Value | None, *names: str) -> OpNode | None:
        """The node that gives the value, if it is one of these ops with a single output."""
        node = None if value is None else self.graph.node(value.node)
        if isinstance(node, OpNode) and node.op.name in names and len(node.types) == 1:
            return node
        return None

    def above(self, value: Value) -> Value:
        """The first input of the node that gives the value."""
        found = self.graph.inputs(value.node)[0]
        assert found is not None
        return found

    def number(self, value: Value | None) -> float | None:
        """The number that a constant without dimensions is."""
        node = self.source(value, "constant")
        found = None if node is None else node.op.values["value"]
        return None if isinstance(found, tuple | Argument) else found

    def build(self, name: str, *inputs: Value, **values: Any) -> Rewrite:
        """An op without weights on these values; None where it has not the type of the node."""
        try:
            node = op_node(self.graph, self.node, ops()[name].make(**values), inputs)
        except TypingError:
            return None
        return (node, inputs) if node.types == self.node.types else None


Rule = Callable[[Match], Rewrite]


def through(m: Match) -> Rewrite:
    """f(x) = x: an op that does nothing."""
    return m.first


def at_zero(m: Match) -> Rewrite:
    """f(x, rate 0) = x."""
    return m.first if m.get("rate") == 0 else None


def same_type(m: Match) -> Rewrite:
    """An op that only changes the type, and does not."""
    return m.first if m.keeps_type else None


def alone(m: Match) -> Rewrite:
    """One operand, put together with nothing."""
    return m.first if len(m.inputs) == 1 and m.keeps_type else None


def nested(m: Match) -> Rewrite:
    """f(f(a, b), c) = f(a, b, c), exactly: sums are added from the left."""
    return _nested(m, 1)


def nested_anywhere(m: Match) -> Rewrite:
    """f(a, f(b, c)) = f(a, b, c), where no rounding depends on the order."""
    return _nested(m, len(m.inputs))


def _nested(m: Match, upto: int) -> Rewrite:
    operands: list[Value] = []
    for place, value in enumerate(m.inputs):
        assert value is not None
        inner = m.source(value, m.op.name) if place < upto else None
        single = m.uses.get(value.node) == 1
        operands += m.graph.present(value.node) if inner is not None and single else [value]
    return m.build(m.op.name, *operands) if len(operands) > len(m.inputs) else None


def neutral_operand(number: float) -> Rule:
    """A constant that makes no difference: x + 0 = x, x · 1 = x."""

    def rule(m: Match) -> Rewrite:
        rest = [v for v in m.inputs if v is not None and m.number(v) != number]
        if not rest or len(rest) == len(m.inputs):
            return None
        if len(rest) == 1:
            return rest[0] if m.graph.type(rest[0]) == m.type else None
        return m.build(m.op.name, *rest)

    return rule


def neutral_second(number: float) -> Rule:
    """A second operand that makes no difference: x - 0 = x, x / 1 = x, x¹ = x."""

    def rule(m: Match) -> Rewrite:
        return m.first if m.number(m.inputs[1]) == number and m.keeps_type else None

    return rule


def twice_is_none(m: Match) -> Rewrite:
    """f(f(x)) = x."""
    return None if m.source(m.first, m.op.name) is None else m.above(m.first)


def twice_is_once(m: Match) -> Rewrite:
    """f(f(x)) = f(x)."""
    return None if m.source(m.first, m.op.name) is None else m.first


def transposes(m: Match) -> Rewrite:
    """A permutation that moves nothing, and two in a row."""
    op = m.op
    assert isinstance(op, Transpose)
    order = op.permutation(m.type.rank)
    if order == tuple(range(m.type.rank)):
        return m.first
    inner = m.source(m.first, "transpose")
    if inner is None or not isinstance(inner.op, Transpose):
        return None
    before = inner.op.permutation(m.type.rank)
    return m.build("transpose", m.above(m.first), order=[before[axis] for axis in order])


def rearranges_nothing(m: Match) -> Rewrite:
    """A pattern that moves no axis and leaves the shape."""
    op = m.op
    assert isinstance(op, Rearrange)
    order = op.plan(m.graph.type(m.first)).order
    return m.first if m.keeps_type and order == tuple(range(len(order))) else None


RESHAPING = ("reshape", "flatten", "squeeze", "unsqueeze")


def back_again(m: Match) -> Rewrite:
    """Reshaped, and back to the shape of before; only the last of two reshapes counts."""
    value = m.first
    while m.source(value, *RESHAPING) is not None:
        value = m.above(value)
        if m.graph.type(value) == m.type:
            return value
    if m.op.name == "reshape" and value != m.first:
        return m.build("reshape", value, shape=m.get("shape"))
    return None


# What each type's values lose nothing in.
WIDER: dict[DType, frozenset[DType]] = {
    "float16": frozenset({"float32", "float64"}),
    "bfloat16": frozenset({"float32", "float64"}),
    "float32": frozenset({"float64"}),
    "uint8": frozenset({"int16", "int32", "int64", "float32", "float64"}),
    "int8": frozenset({"int16", "int32", "int64", "float32", "float64"}),
    "int16": frozenset({"int32", "int64", "float32", "float64"}),
    "int32": frozenset({"int64", "float64"}),
}


def casts(m: Match) -> Rewrite:
    """A cast of a cast that lost nothing."""
    if m.source(m.first, "cast") is None:
        return None
    value = m.above(m.first)
    if m.graph.type(m.first).dtype not in WIDER.get(m.graph.type(value).dtype, frozenset()):
        return None
    return value if m.graph.type(value) == m.type else m.build("cast", value, to=m.get("to"))


def whole_slice(m: Match) -> Rewrite:
    """Every position of an axis, in order."""
    return m.first if m.get("step") == 1 and m.keeps_type else None


def rolls_nothing(m: Match) -> Rewrite:
    return m.first if not any(m.get("by")) else None


def scale_of_one(m: Match) -> Rewrite:
    """A picture resampled to its own size, pixel for pixel."""
    scale = m.get("scale")
    return m.first if m.keeps_type and (scale is None or set(scale) == {1.0}) else None


RULES: dict[str, tuple[Rule, ...]] = {
    "identity": (through,),
    "dropout": (at_zero,),
    "drop_path": (at_zero,),
    "add": (alone, neutral_operand(0), nested),
    "mul": (alone, neutral_operand(1), nested),
    "sub": (neutral_second(0),),
    "div": (neutral_second(1),),
    "pow": (neutral_second(1),),
    "maximum": (alone, nested_anywhere),
    "minimum": (alone, nested_anywhere),
    "logical_and": (alone, neutral_operand(True), nested_anywhere),
    "logical_or": (alone, neutral_operand(False), nested_anywhere),
    "neg": (twice_is_none,),
    "logical_not": (twice_is_none,),
    "relu": (twice_is_once,),
    "relu6": (twice_is_once,),
    "abs": (twice_is_once,),
    "floor": (twice_is_once,),
    "ceil": (twice_is_once,),
    "round": (twice_is_once,),
    "sign": (twice_is_once,),
    "transpose": (transposes,),
    "rearrange": (rearranges_nothing,),
    "reshape": (same_type, back_again),
    "flatten": (same_type, back_again),
    "squeeze": (same_type, back_again),
    "unsqueeze": (same_type, back_again),
    "expand": (same_type,),
    "cast": (same_type, casts),
    "concat": (alone,),
    "split": (same_type,),
    "slice": (whole_slice,),
    "tile": (same_type,),
    "pad": (same_type,),
    "roll": (rolls_nothing,),
    "resize": (scale_of_one,),
}
