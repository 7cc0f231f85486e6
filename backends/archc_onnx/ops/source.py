"""Values that come from no input."""

from __future__ import annotations

import numpy as np

from archc import arrays
from archc_onnx.draft import Operand
from archc_onnx.half import limited
from archc_onnx.line import At, Lines
from archc_onnx.ops.single import everywhere


def range_(at: At) -> Operand:
    op = at.op
    ends = [at.emitter.number(op.start), at.emitter.number(op.start + op.step * op.length)]
    return at.add("Range", *ends, at.emitter.scalar(op.step, "int64"), to=at.type)


def constant(at: At) -> Operand:
    if at.type.dtype == "float16":
        values = np.array(limited(at.op.value), np.float16)
    elif (values := at.op.evaluate()) is None:
        values = arrays.to_bfloat16(np.array(at.op.value, np.float32))
    return at.emitter.constant(values, at.type.dtype, at.path)


def weight(at: At) -> Operand:
    """The initialiser itself."""
    return at.weight("weight")


def moving_average(at: At) -> Operand:
    return at.weight("average")


LINES: Lines = {
    "range": range_,
    "constant": constant,
    "full": lambda at: everywhere(at, at.op.value),
    "weight": weight,
    "moving_average": moving_average,
}
