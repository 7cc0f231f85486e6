"""Learned factors as part of the layer before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from archc.ir.dims import Size
from archc.ir.graph import Value
from archc.ir.nodes import Node, OpNode, Weight
from archc.ir.program import Definition, Program
from archc.ops.registry import ops
from archc.passes.base import Pass
from archc.passes.dead_code import holder, is_holder, needed_weights
from archc.passes.fold_batch_norm import CONVOLUTIONS, channel_axis
from archc.passes.rebuild import Rebuild, op_node, rebuilt


@dataclass(frozen=True)
class FoldScale(Pass):
    """`s · (Wx + b)` as `(sW)x + sb`, with a factor s for each output channel.

    Such a factor, a layer scale (Touvron et al., 2021), would else go over every value of the
    result, and now goes over the weights, which runtimes do once, when they read the file.

    1. The layer may be turned before it is multiplied, as long as its channels stay an axis.
    2. Only where nothing else reads the values between, and no weight of the layer is fed, tied, or
       needed elsewhere.
    3. All weights stay under their names: those of the layer become `weight` steps.
    """

    def run(self, program: Program) -> Program:
        needed = needed_weights(program)

        def free(weight: Weight) -> bool:
            return weight.tie is None and weight.derive is None and id(weight) not in needed

        return rebuilt(program, lambda definition: _changed(definition, free))


@dataclass(frozen=True, slots=True)
class _Scaled:
    """A product: the layer's node, what turns its result, last first, and the factor."""

    layer: int
    turns: tuple[int, ...]
    factor: Value


def _changed(definition: Definition, free: Callable[[Weight], bool]) -> Definition:
    found = {
        id: scaled
        for id, node in definition.graph.nodes()
        if (scaled := _scaled(definition, node, id, free)) is not None
    }
    if not found:
        return definition
    rebuild = Rebuild(definition)
    moved = {id for scaled in found.values() for id in (scaled.layer, *scaled.turns)}
    for id, node in definition.graph.nodes():
        if id in found:
            _put(rebuild, id, found[id])
        elif id not in moved:
            rebuild.keep(id, node)
    return rebuild.finish()


def _scaled(
    definition: Definition, node: Node, id: int, free: Callable[[Weight], bool]
) -> _Scaled | None:
    """The product of a layer's result and a factor for each of its channels."""
    graph = definition.graph
    if not isinstance(node, OpNode) or node.op.name != "mul":
        return None
    values = graph.present(id)
    if len(values) != 2:
        return None
    for value, factor in (values, values[::-1]):
        axis = _axis(graph.type(factor).dims, graph.type(value).dims)
        if axis is None or graph.type(value) != node.types[0]:
            continue
        if not is_holder(graph.node(factor.node)):
            continue
        turns: list[int] = []
        while _only_use(definition, value) and (turned := _turned(definition, value, axis)):
            turns.append(value.node)
            value, axis = turned
        layer = graph.node(value.node)
        if _only_use(definition, value) and _is_layer(layer, axis, free):
            return _Scaled(value.node, tuple(turns), factor)
    return None


def _axis(factor: tuple[Size, ...], dims: tuple[Size, ...]) -> int | None:
    """The one axis along which a factor differs."""
    wide = [axis for axis, size in enumerate(factor) if size != 1]
    if len(wide) != 1 or len(factor) > len(dims):
        return None
    axis = wide[0] + len(dims) - len(factor)
    return axis if dims[axis] == factor[wide[0]] else None


def _only_use(definition: Definition, value: Value) -> bool:
    uses = len(definition.graph.users(value.node))
    return uses == 1 and value not in definition.outputs.values()


def _turned(definition: Definition, value: Value, axis: int) -> tuple[Value, int] | None:
    """What a node turns, and where the axis is in it; None if it does anything else."""
    graph = definition.graph
    node = graph.node(value.node)
    if not isinstance(node, OpNode) or node.op.name not in ("transpose", "rearrange"):
        return None
    (before,) = graph.present(value.node)
    dims = graph.type(before).dims
    op: Any = node.op
    if op.name == "transpose":
        return before, op.permutation(len(dims))[axis]
    plan = op.plan(graph.type(before))
    moved = tuple(plan.split[place] for place in plan.order)
    pure = tuple(plan.split) == dims and tuple(plan.merged) == moved
    return (before, plan.order[axis]) if pure else None


def _is_layer(node: Node, axis: int, free: Callable[[Weight], bool]) -> bool:
    """Whether the node is a layer with its channels on the axis, and weights of its own."""
    if not isinstance(node, OpNode) or len(node.slots) != 1 or not all(map(free, node.weights)):
        return False
    if node.op.name == "linear":
        return axis == node.types[0].rank - 1
    return node.op.name in CONVOLUTIONS and axis == 1


def _put(rebuild: Rebuild, id: int, scaled: _Scaled) -> None:
    """The layer with its weights multiplied, and what turned its result, in the product's place."""
    source = rebuild.source.graph
    layer = source.node(scaled.layer)
    assert isinstance(layer, OpNode)
    axis, _ = channel_axis(layer)
    (x,) = rebuild.inputs(scaled.layer)
    fed: list[Value | None] = [x]
    for weight in layer.weights:
        place = axis if weight.slot == "weight" else 0
        fed.append(_product(rebuild, layer, weight, rebuild.value(scaled.factor), place))
    slots = ("x", *(weight.slot for weight in layer.weights))
    rebuild.put(scaled.layer, replace(layer, slots=slots, weights=()), fed)
    last = scaled.layer
    for turn in reversed(scaled.turns):
        rebuild.keep(turn, source.node(turn))
        last = turn
    rebuild.made[id] = rebuild.made[last]


def _product(rebuild: Rebuild, like: OpNode, weight: Weight, factor: Value, axis: int) -> Value:
    """The weight, kept under its name, times the factor along one of its axes."""
    graph, dims = rebuild.graph, weight.type.dims
    kept = Value(graph.add(holder(weight, like)))
    shape = tuple(size if place == axis else 1 for place, size in enumerate(dims))
    if graph.type(factor).dims != shape:
        reshape = op_node(graph, like, ops()["reshape"].make(shape=shape), [factor])
        factor = Value(graph.add(replace(reshape, path=f"{weight.path}.factor"), [factor]))
    product = op_node(graph, like, ops()["mul"].make(), [kept, factor])
    return Value(graph.add(replace(product, path=f"{weight.path}.scaled"), [kept, factor]))
