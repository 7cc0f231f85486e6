"""Normalisation. A batch norm stays a node of its own: onnxruntime puts it into a convolution."""

from __future__ import annotations

from archc.ir.types import TensorType
from archc_onnx.draft import Operand
from archc_onnx.line import At, Declines, Lines


def batch_norm(at: At) -> Operand:
    """With the running statistics; without them the op is taken apart before it comes here."""
    x = at["x"]
    channels = x.type.with_dims(x.type.dims[1:2])
    return at.add(
        "BatchNormalization", x, *_affine(at, channels), at.weight("running_mean"),
        at.weight("running_var"), epsilon=at.op.eps,
    )  # fmt: skip


def _affine(at: At, type: TensorType) -> tuple[Operand, Operand]:
    """The scale and the shift, ones and zeros where the op has none."""
    weight = at.weight("weight") if at.has("weight") else at.filled(1.0, type)
    bias = at.weight("bias") if at.has("bias") else at.filled(0.0, type)
    return weight, bias


def layer_norm(at: At) -> Operand:
    x, count = at["x"], len(at.op.axes)
    type = x.type.with_dims(x.type.dims[-count:])
    weight = at.weight("weight") if at.has("weight") else at.filled(1.0, type)
    inputs = [x, weight, *([at.weight("bias")] if at.has("bias") else [])]
    return at.add("LayerNormalization", *inputs, axis=-count, epsilon=at.op.eps)


def rms_norm(at: At) -> Operand:
    """In the words in which onnxruntime finds it again and has a kernel for it."""
    x, count = at["x"], len(at.op.axes)
    if at.emitter.target.native:
        weight = at.weight("weight") if at.has("weight") else at.filled(1.0, _last(x, count))
        at.emitter.need(23)
        return at.add("RMSNormalization", x, weight, axis=-count, epsilon=at.op.eps)
    axes = range(x.type.rank - count, x.type.rank)
    mean = at.reduce("ReduceMean", at.binary("Pow", x, at.like(2.0, x)), axes, keep=True)
    root = at.add("Sqrt", at.binary("Add", mean, at.like(at.op.eps, x)))
    y = at.binary("Div", x, root)
    return at.binary("Mul", y, at.weight("weight")) if at.has("weight") else y


def _last(x: Operand, count: int) -> TensorType:
    return x.type.with_dims(x.type.dims[-count:])


def instance_norm(at: At) -> Operand:
    x = at["x"]
    channels = x.type.with_dims(x.type.dims[1:2])
    return at.add("InstanceNormalization", x, *_affine(at, channels), epsilon=at.op.eps)


def group_norm(at: At) -> Operand:
    """Each group as one channel: onnxruntime takes GroupNormalization apart into slower nodes."""
    x, groups = at["x"], at.op.groups
    batch, channels, *rest = x.type.dims
    size = channels // groups
    for one in rest:
        size = size * one
    one_channel = at.reshape(x, (batch, groups, size), "grouped")
    type = x.type.with_dims((groups,))
    y = at.add(
        "InstanceNormalization", one_channel, at.filled(1.0, type), at.filled(0.0, type),
        epsilon=at.op.eps,
    )  # fmt: skip
    y = at.reshape(y, x.type.dims, "apart")
    if not at.has("weight"):
        return y
    shape = (channels, *(1,) * len(rest))
    weight = at.reshape(at.weight("weight"), shape, "weight")
    bias = at.reshape(at.weight("bias"), shape, "bias")
    return at.binary("Add", at.binary("Mul", y, weight), bias)


def local_response_norm(at: At) -> Operand:
    """As mean squares over channels: LRN differs for even sizes and is run for rank 4 alone."""
    x, op = at["x"], at.op
    if op.size % 2 and x.type.rank == 4 and x.type.dtype != "float64":
        return at.add("LRN", x, size=op.size, alpha=op.alpha, beta=op.beta, bias=op.k)
    batch, channels, *rest = x.type.dims
    size = rest[0]
    for one in rest[1:]:
        size = size * one
    square = at.reshape(at.binary("Mul", x, x), (batch, 1, channels, size), "picture")
    mean = at.add(
        "AveragePool", square, kernel_shape=[op.size, 1], count_include_pad=1,
        pads=[op.size // 2, 0, (op.size - 1) // 2, 0],
    )  # fmt: skip
    mean = at.reshape(mean, x.type.dims, "mean")
    scaled = at.binary("Mul", mean, at.like(op.alpha, x))
    whole = at.binary("Add", scaled, at.like(op.k, x))
    return at.binary("Div", x, at.binary("Pow", whole, at.like(op.beta, x)))


DECLINES: Declines = {"batch_norm": lambda op: not op.values["track"]}

LINES: Lines = {
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "instance_norm": instance_norm,
    "group_norm": group_norm,
    "local_response_norm": local_response_norm,
}
