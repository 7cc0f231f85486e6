"""Parts of a value."""

from __future__ import annotations

import numpy as np

from archc.ir.dims import Size
from archc_onnx.draft import Operand
from archc_onnx.line import At, Line, Lines


def slice_(at: At) -> Operand:
    x, op = at["x"], at.op
    axis = op.axis % x.type.rank
    start, stop = op.bounds(x.type.dims[axis])
    if (start, stop, op.step) == (0, x.type.dims[axis], 1):
        return x
    return at.part(x, axis, start, stop, at.type.dims, op.step)


def gather(at: At) -> Operand:
    x, op = at["x"], at.op
    index = at.optional("index")
    if index is None:
        index = at.emitter.constant(np.array(op.at, np.int64), "int64")
    return at.add("Gather", x, index, to=at.type, axis=op.axis % x.type.rank)


def embedding(at: At) -> Operand:
    return at.add("Gather", at.weight("weight"), at["x"], to=at.type, axis=0)


def split(at: At) -> list[Operand]:
    """Parts of known sizes, or of sizes computed while the file runs."""
    x, axis = at["x"], at.op.axis % at["x"].type.rank
    if len(at.types) == 1:
        return [x]
    sizes = [type.dims[axis] for type in at.types]
    return at.several("Split", [x, at.emitter.shape(sizes)], at.types, axis=axis)


def unstack(at: At) -> list[Operand]:
    """A position of the axis each."""
    x, axis = at["x"], at.op.axis % at["x"].type.rank
    return [
        at.add("Gather", x, at.emitter.scalar(k, "int64"), to=at.type, hint=name, axis=axis)
        for k, name in enumerate(at.op.into)
    ]


def center_crop(at: At) -> Operand:
    x, wanted = at["x"], at["like"].type.dims
    cropped = [axis for axis in range(2, x.type.rank) if x.type.dims[axis] != wanted[axis]]
    if not cropped:
        return x
    starts: list[Size] = [(x.type.dims[axis] - wanted[axis]) // 2 for axis in cropped]
    stops = [start + wanted[axis] for start, axis in zip(starts, cropped, strict=True)]
    axes = at.emitter.integers(cropped)
    return at.add("Slice", x, at.emitter.shape(starts), at.emitter.shape(stops), axes, to=at.type)


def triangle(upper: bool) -> Line:
    def line(at: At) -> Operand:
        diagonal = at.emitter.scalar(at.op.diagonal, "int64")
        return at.add("Trilu", at["x"], diagonal, upper=int(upper))

    return line


LINES: Lines = {
    "slice": slice_,
    "gather": gather,
    "embedding": embedding,
    "split": split,
    "unstack": unstack,
    "center_crop": center_crop,
    "tril": triangle(upper=False),
    "triu": triangle(upper=True),
}
