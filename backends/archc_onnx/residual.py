"""Sums before a layer norm, said so that onnxruntime leaves the two apart.

Where the sum of two values of rank 3 goes into a LayerNormalization and nowhere else, onnxruntime
makes SkipLayerNormalization of both. On a CPU that kernel was no faster than the two in 1.20 and
is five times slower in 1.31: BERT as a whole takes 7 % longer (one core, T = 128). The fusion looks
for Add; Sum of two values is the same loop under another name. Other devices want the fusion.
"""

from __future__ import annotations

from collections import Counter

from archc_onnx.draft import Body, Draft, Operand
from archc_onnx.target import Target

FUSED_RANK = 3


def keep_sums_apart(body: Body, target: Target) -> None:
    """Renames those sums, in the graph and in the graphs inside its nodes."""
    if target.device != "cpu" or target.precision != "fp32":
        return
    uses = Counter(id(value) for value in body.outputs)
    uses.update(id(value) for draft in body.nodes for value in draft.inputs if value is not None)
    for draft in body.nodes:
        for inner in draft.bodies():
            keep_sums_apart(inner, target)
        if draft.op_type == "LayerNormalization":
            x = draft.inputs[0]
            if x is not None and uses[id(x)] == 1 and _is_fused(x.maker, x):
                assert x.maker is not None
                x.maker.op_type = "Sum"


def _is_fused(maker: Draft | None, x: Operand) -> bool:
    """Whether onnxruntime would see a sum of two values of the normalised one's shape."""
    return (
        maker is not None
        and maker.op_type == "Add"
        and x.type.dtype == "float32"
        and x.type.rank == FUSED_RANK
        and all(value is not None and value.type == x.type for value in maker.inputs)
    )
