"""Convolutions and their transposes, and the padding that they share with pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archc.ir.dims import Size
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines


def conv(at: At) -> Operand:
    op, x, weight = at.op, at["x"], at.weight("weight")
    kernel = _kernel(weight)
    attributes = {
        "kernel_shape": list(kernel), "strides": list(op.stride), "dilations": list(op.dilation),
        "group": op.groups,
    }  # fmt: skip
    x, padding = padded(at, x, op.pads(x.type, kernel), 0.0, kernel, op.stride)
    inputs = [x, weight, *([at.weight("bias")] if op.bias else [])]
    return at.add("Conv", *inputs, to=at.type, **attributes, **padding)


def conv_transpose(at: At) -> Operand:
    op, x, weight = at.op, at["x"], at.weight("weight")
    inputs = [x, weight, *([at.weight("bias")] if op.bias else [])]
    return at.add(
        "ConvTranspose", *inputs, to=at.type, kernel_shape=list(_kernel(weight)),
        strides=list(op.stride), dilations=list(op.dilation), group=op.groups,
        pads=[*op.padding, *op.padding], output_padding=list(op.output_padding),
    )  # fmt: skip


def _kernel(weight: Operand) -> tuple[int, ...]:
    return tuple(size for size in weight.type.dims[2:] if isinstance(size, int))


def padded(
    at: At,
    x: Operand,
    pads: Sequence[tuple[Size, Size]],
    value: float,
    kernel: Sequence[int],
    strides: Sequence[int],
) -> tuple[Operand, dict[str, Any]]:
    """The input and the attributes that pad it so, before and after each spatial axis.

    Padding that is known only while the file runs is SAME_UPPER's. With dilation, which onnxruntime
    does not take together with that, and windows that leave gaps, for which it computes less than
    no padding, the input is padded by a node of its own.
    """
    flat = [before for before, _ in pads] + [after for _, after in pads]
    known = [size for size in flat if isinstance(size, int)]
    if len(known) == len(flat):
        return x, {"pads": known}
    gaps = any(stride > size for stride, size in zip(strides, kernel, strict=True))
    if not gaps and all(dilation == 1 for dilation in at.op.dilation):
        return x, {"auto_pad": "SAME_UPPER"}
    return pad(at, x, pads, value), {}


def pad(at: At, x: Operand, pads: Sequence[tuple[Size, Size]], value: float) -> Operand:
    """The value added before and after each spatial axis."""
    sizes = zip(x.type.dims[2:], pads, strict=True)
    dims = [size + before + after for size, (before, after) in sizes]
    before, after = zip(*pads, strict=True)
    amounts = at.emitter.shape([0, 0, *before, 0, 0, *after])
    type = x.type.with_dims((*x.type.dims[:2], *dims))
    return at.add("Pad", x, amounts, at.like(value, x), to=type)


LINES: Lines = {
    **{f"conv{n}d": conv for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": conv_transpose for n in (1, 2, 3)},
}
