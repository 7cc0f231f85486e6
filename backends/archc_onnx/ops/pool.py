"""Pooling. A window that runs over the end is PyTorch's: what is behind the padding never counts.

onnxruntime 1.20 counts it, and puts windows behind the input, where `ceil_mode` says that windows
may run over; later ones do not. So that mode is used only where both do the same, and else the
padding says how far the last window reaches.
"""

from __future__ import annotations

from math import inf, prod
from typing import Any

import numpy as np

from archc.ir.dims import Size, largest
from archc.ir.types import TensorType
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines
from archc_onnx.ops.conv import pad, padded

Pads = list[tuple[Size, Size]]


def max_pool(at: At) -> Operand:
    op, x = at.op, _apart(at)
    pads: Pads = list(op.pads(x.type))
    over = op.ceil and op.padding != "same"
    ceil = over and _agreed(at)
    if over and not ceil:
        pads = _reach(at)
    wide = any(
        isinstance(size, int) and size >= kernel  # more than onnxruntime takes
        for pair, kernel in zip(pads, op.kernel, strict=True)
        for size in pair
    )
    padding: dict[str, Any] = {}
    if wide or (over and not ceil and not _numbers(pads)):
        x = pad(at, x, pads, -inf)
    else:
        x, padding = padded(at, x, pads, -inf, op.kernel, op.strides)
    return at.add(
        "MaxPool", x, to=at.type, kernel_shape=list(op.kernel), strides=list(op.strides),
        dilations=list(op.dilation), ceil_mode=int(ceil), **padding,
    )  # fmt: skip


def avg_pool(at: At) -> Operand:
    op, x = at.op, _apart(at)
    pads, ceil = list(op.pads(x.type)), False
    if op.ceil:
        reach = _reach(at)
        ceil = _agreed(at) and not op.count_padding
        if not ceil and (not _numbers(reach) or _is_cut(at, reach)):
            return _measured(at, x, pads, reach)
        pads = pads if ceil else reach
    flat = [before for before, _ in pads] + [after for _, after in pads]
    y = at.add(
        "AveragePool", x, to=at.type, kernel_shape=list(op.kernel), strides=list(op.strides),
        pads=[size for size in flat if isinstance(size, int)], ceil_mode=int(ceil),
        count_include_pad=int(op.count_padding and any(flat)),
    )  # fmt: skip
    if op.ceil and op.count_padding:
        return _corrected(at, y, pads)
    return y


def _apart(at: At) -> Operand:
    """The input, which stays apart where it is padded with zeros.

    onnxruntime makes such a padding the pooling's own: the largest value is another then, and a
    padding as wide as the window is refused. It leaves -0 alone.
    """
    x = at["x"]
    pad = x.maker
    if pad is not None and pad.op_type == "Pad" and len(pad.inputs) == 2:
        pad.inputs = [*pad.inputs, at.like(-0.0, x)]
    return x


def _numbers(pads: Pads) -> bool:
    return all(isinstance(size, int) for pair in pads for size in pair)


def _agreed(at: At) -> bool:
    """Whether the last window begins inside for every size, so that all runtimes count alike."""
    op = at.op
    sides = zip(op.strides, op.padding, op.spans, strict=True)
    symbolic = not _numbers(_reach(at))
    return symbolic and all(stride + padding <= span for stride, padding, span in sides)


def _reach(at: At) -> Pads:
    """The padding that windows reach over: before as it is, after as far as the last one goes."""
    op = at.op
    result: Pads = []
    for axis, (stride, span, padding) in enumerate(
        zip(op.strides, op.spans, op.padding, strict=True)
    ):
        size, places = at["x"].type.dims[axis + 2], at.type.dims[axis + 2]
        result.append((padding, largest([(places - 1) * stride + span - size - padding, 0])))
    return result


def _is_cut(at: At, reach: Pads) -> bool:
    """Whether the last window of an axis of unknown size covers less than others do."""
    op = at.op
    axes = zip(at["x"].type.dims[2:], op.padding, reach, strict=True)
    return op.count_padding and any(
        not isinstance(size, int) and after != padding for size, padding, (_, after) in axes
    )


def _corrected(at: At, y: Operand, pads: Pads) -> Operand:
    """Means over whole windows as means over what counts of them."""
    op, factors = at.op, []
    for axis, (stride, span, padding) in enumerate(
        zip(op.strides, op.spans, op.padding, strict=True)
    ):
        size, places = at["x"].type.dims[axis + 2], at.type.dims[axis + 2]
        if not isinstance(size, int) or not isinstance(places, int):
            continue  # its windows are whole
        starts = np.arange(places) * stride
        counted = np.minimum(starts + span, size + 2 * padding) - starts
        shape = [1] * y.type.rank
        shape[axis + 2] = places
        factors.append((span / counted).reshape(shape))
    factor = prod(factors, start=np.ones([1] * y.type.rank))
    if np.all(factor == 1.0):
        return y
    dtype = y.type.dtype
    values = factor.astype(np.float32 if dtype == "bfloat16" else dtype)
    operand = at.emitter.constant(values, "float32" if dtype == "bfloat16" else dtype, "share")
    return at.binary("Mul", y, at.cast(operand, dtype), "whole")


def _measured(at: At, x: Operand, pads: Pads, reach: Pads) -> Operand:
    """Where sizes are known only later: the mean of the values over that of ones that count."""
    op = at.op
    settings: dict[str, Any] = {"kernel_shape": list(op.kernel), "strides": list(op.strides)}
    mean = at.add("AveragePool", pad(at, x, reach, 0.0), to=at.type, **settings)
    inside = pads if op.count_padding else [(0, 0)] * len(pads)
    sizes = zip(x.type.dims[2:], inside, strict=True)
    dims = (1, 1, *(size + before + after for size, (before, after) in sizes))
    ones = at.filled(1.0, TensorType(x.type.dtype, dims))
    rest: Pads = [
        (all_before - before, all_after - after)
        for (all_before, all_after), (before, after) in zip(reach, inside, strict=True)
    ]
    counted = at.add(
        "AveragePool", pad(at, ones, rest, 0.0), to=at.type.with_dims((1, 1, *at.type.dims[2:])),
        **settings,
    )  # fmt: skip
    return at.binary("Div", mean, counted)


LINES: Lines = {
    **{f"max_pool{n}d": max_pool for n in (1, 2, 3)},
    **{f"avg_pool{n}d": avg_pool for n in (1, 2, 3)},
}
