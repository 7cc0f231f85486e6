"""Batch normalisations as part of the convolution or the linear layer before them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from archc.ir.graph import Value
from archc.ir.nodes import Derivation, OpNode, Weight
from archc.ir.program import Definition, Program
from archc.passes.base import Pass
from archc.passes.dead_code import needed_weights
from archc.passes.rebuild import Rebuild, rebuilt

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
TRANSPOSED = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})


@dataclass(frozen=True)
class FoldBatchNorm(Pass):
    """`scale·(Wx + b - mean)/√(var + eps) + shift` as `W'x + b'`.

    With `s = scale/√(var + eps)` for each output channel, `W' = sW` and `b' = shift + s(b - mean)`
    (Jacob et al., 2018, section 3.2).

    1. Only for inference: the statistics are constants there. `track: false` has none.
    2. Only where nothing else reads the value between, and no weight of the two is fed, tied, or
       needed elsewhere.
    3. The result's weights are `weight_folded` and `bias_folded` beside the old ones, and say how
       they are derived (`archc.ir.derive`): nothing is computed here.
    """

    inference: ClassVar[bool] = True
    keeps_weights: ClassVar[bool] = False

    def run(self, program: Program) -> Program:
        needed = needed_weights(program)

        def free(node: OpNode) -> bool:
            return not any(
                weight.tie is not None or weight.derive is not None or id(weight) in needed
                for weight in node.weights
            )

        def change(definition: Definition) -> Definition:
            graph = definition.graph
            folded: dict[int, OpNode] = {}  # the normalisation → the layer that does both
            for id, node in graph.nodes():
                layer = layer_before(definition, id, node)
                if layer is not None and isinstance(node, OpNode) and free(node) and free(layer):
                    folded[id] = merged(layer, node)
            if not folded:
                return definition
            gone = {value.node for id in folded for value in graph.present(id)}
            rebuild = Rebuild(definition)
            for id, node in graph.nodes():
                if id in folded:
                    (between,) = graph.present(id)
                    rebuild.put(id, folded[id], rebuild.inputs(between.node))
                elif id not in gone:
                    rebuild.keep(id, node)
            return rebuild.finish()

        return rebuilt(program, change)


def layer_before(definition: Definition, id: int, node: object) -> OpNode | None:
    """The layer whose output a batch normalisation alone reads, along the axis of its channels."""
    graph = definition.graph
    if not isinstance(node, OpNode) or node.op.name != "batch_norm" or not node.op.values["track"]:
        return None
    if len(node.slots) != 1:
        return None
    (between,) = graph.present(id)
    layer = graph.node(between.node)
    if not isinstance(layer, OpNode) or len(layer.slots) != 1:
        return None
    read = len(graph.users(between.node)) + list(definition.outputs.values()).count(Value(*between))
    channels_last = layer.op.name == "linear" and layer.types[0].rank == 2
    fits = layer.op.name in CONVOLUTIONS | TRANSPOSED or channels_last
    return layer if fits and read == 1 else None


def merged(layer: OpNode, norm: OpNode) -> OpNode:
    """The layer with the normalisation's work in its weights."""
    ours = {weight.slot: weight for weight in layer.weights}
    theirs = {weight.slot: weight for weight in norm.weights}
    named = {"scale": "weight", "shift": "bias", "mean": "running_mean", "var": "running_var"}
    norms = [(role, theirs[slot]) for role, slot in named.items() if slot in theirs]
    eps = ("eps", norm.op.values["eps"])
    axis, groups = channel_axis(layer)
    weight = folded_weight(
        ours["weight"],
        Derivation(
            "scaled",
            (("weight", ours["weight"]), *(pair for pair in norms if pair[0] in ("scale", "var"))),
            (("axis", axis), ("groups", groups), eps),
        ),
    )
    channels = theirs["running_mean"]
    like = ours.get("bias") or replace(channels, slot="bias", path=f"{layer.path}.bias")
    biases = [("bias", ours["bias"])] if "bias" in ours else []
    bias = folded_weight(
        replace(like, trained=ours["weight"].trained, buffer=ours["weight"].buffer),
        Derivation("shifted", (*biases, *norms), (eps,)),
    )
    op = type(layer.op)({**layer.op.values, "bias": True})
    return replace(layer, op=op, types=norm.types, weights=(weight, bias))


def channel_axis(layer: OpNode) -> tuple[int, int]:
    """The axis of a layer's weight that holds the output channels, and of how many groups."""
    values: Any = layer.op.values
    if layer.op.name in TRANSPOSED:
        return 1, values["groups"]
    return (1 if values.get("layout") == "in_out" else 0), 1


def folded_weight(weight: Weight, derive: Derivation) -> Weight:
    return replace(weight, path=f"{weight.path}_folded", derive=derive, value=None)
