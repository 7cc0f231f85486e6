"""New layers that pass on what they read, so that a deeper network computes what it did.

After Net2DeeperNet (Chen et al., 2016): kernels with a one in the middle, matrices with ones on the
diagonal. Where a new branch is added to what it branches off from, as in residual networks, its
last layer begins at zero instead (Goyal et al., 2017), and the others as they would. Behind an
activation that changes what it gave once more, as gelu does, there is no such beginning. A batch
normalisation passes on at inference alone: in training it goes by the batch from the first step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from archc.arrays import Array
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, OpNode, ScanNode, Weight
from archc.ir.program import Definition, Program
from archc.ops.arithmetic import Add
from archc.ops.base import Op
from archc.ops.norm import BatchNorm


def passing(
    program: Program, weights: Mapping[str, Array], new: Collection[str], beside: bool
) -> dict[str, Array]:
    """The weights, with others for new layers; `new` are the full names of theirs.

    `beside` tells that new branches are beside what is passed on, and not in its place.
    """
    walk = _Walk(frozenset(new), dict(weights), beside)
    for name, model in program.models.items():
        walk.instance(model, program.prefix(name))
    return walk.weights


@dataclass
class _Walk:
    new: frozenset[str]
    weights: dict[str, Array]
    beside: bool

    def instance(self, definition: Definition, prefix: str) -> None:
        """From the outputs back to the inputs, but not into new branches."""
        graph, seen = definition.graph, set[int]()
        rest = list(definition.outputs.values())
        while rest:
            id = rest.pop().node
            if id in seen:
                continue
            seen.add(id)
            node, read = graph.node(id), list(graph.present(id))
            if self.beside and isinstance(node, OpNode) and isinstance(node.op, Add):
                branches = [self.ends(definition, prefix, value) for value in read]
                if not all(branches):
                    for names in filter(None, branches):
                        self.silence(names)
                    read = [one for one, names in zip(read, branches, strict=True) if not names]
            elif isinstance(node, OpNode):
                self.open(node, prefix)
            elif isinstance(node, CallNode) and not isinstance(node, ScanNode):
                for inner in copies(node, prefix):
                    self.instance(node.definition, inner)
            rest += read

    def ends(self, definition: Definition, prefix: str, value: Value) -> list[str]:
        """The weights of the new layer that would make the value zero; [] if there is none."""
        graph = definition.graph
        node, read = graph.node(value.node), graph.present(value.node)
        if isinstance(node, OpNode) and node.weights:
            names = [prefix + one.path for one in node.weights if not one.buffer and not one.tie]
            return names if self.new.issuperset(names) else []
        if isinstance(node, OpNode):
            for k, one in enumerate(read):
                if node.op.gives_zero([k == other for other in range(len(read))]):
                    found = self.ends(definition, prefix, one)
                    if found:
                        return found
        if isinstance(node, CallNode) and not isinstance(node, ScanNode):
            output = list(node.definition.outputs.values())[value.port]
            for last in copies(node, prefix)[-1:]:
                return self.ends(node.definition, last, output)
        return []

    def silence(self, names: list[str]) -> None:
        for name in names:
            self.weights[name] = np.zeros_like(self.weights[name])

    def open(self, node: OpNode, prefix: str) -> None:
        """Lets a new layer pass on what it reads, if there are such weights."""
        names = {one.slot: prefix + one.path for one in node.weights}
        if not names or not self.new.issuperset(names.values()):
            return
        for weight in node.weights:
            name = names[weight.slot]
            found = neutral(node.op, weight, self.weights[name])
            if found is not None:
                self.weights[name] = found


def copies(call: CallNode, prefix: str) -> list[str]:
    """What the weights of a call's copies begin with."""
    if call.model is not None:
        return []  # a model's weights are its own, whoever calls it
    paths = [call.copies.path(k) for k in range(call.count)]
    return [f"{prefix}{path}." if path else prefix for path in paths]


def neutral(op: Op, weight: Weight, now: Array) -> Array | None:
    """A weight with which the op gives what it reads; None where it has none."""
    match op.name, weight.slot:
        case ("conv1d" | "conv2d" | "conv3d", "weight"):
            out, inner = now.shape[:2]
            if any(size % 2 == 0 for size in now.shape[2:]):
                return None
            found, middle = np.zeros_like(now), tuple(size // 2 for size in now.shape[2:])
            each = out // getattr(op, "groups", 1)
            for row in range(out):
                if row % each < inner:
                    found[(row, row % each, *middle)] = 1
            return found
        case "linear", "weight":
            return np.eye(*now.shape, dtype=now.dtype)
        case "batch_norm", "weight":
            return np.ones_like(now)
        case "batch_norm", "running_var":
            assert isinstance(op, BatchNorm)
            return np.full_like(now, 1 - op.eps)
        case ("conv1d" | "conv2d" | "conv3d" | "linear" | "batch_norm", "bias" | "running_mean"):
            return np.zeros_like(now)
    return None
