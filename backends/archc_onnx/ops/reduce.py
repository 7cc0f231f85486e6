"""Reductions, positions of extremes, running sums."""

from __future__ import annotations

from collections.abc import Sequence

from archc_onnx.draft import Operand
from archc_onnx.line import At, Line, Lines


def over(at: At) -> list[int]:
    """The axes that are taken together, counted from 0."""
    rank = at["x"].type.rank
    return list(range(rank)) if at.op.axes is None else sorted(a % rank for a in at.op.axes)


def reduction(op_type: str, pooling: str = "") -> Line:
    """The reduction; `pooling` is the operator for all spatial axes of a picture.

    onnxruntime keeps a picture in its convolutions' own layout up to a global pooling, and would
    bring it back into rows for a reduction.
    """

    def line(at: At) -> Operand:
        x, axes = at["x"], over(at)
        if pooling and _is_picture(x, axes):
            y = at.add(pooling, x, to=x.type.with_dims((*x.type.dims[:2], *(1,) * len(axes))))
            return y if at.op.keep else at.reshape(y, at.type.dims, "flat")
        return at.reduce(op_type, x, axes, at.op.keep)

    return line


def _is_picture(x: Operand, axes: Sequence[int]) -> bool:
    rank, dtype = x.type.rank, x.type.dtype
    return rank in (4, 5) and list(axes) == list(range(2, rank)) and dtype in ("float32", "float16")


def global_pool(op_type: str, pooling: str) -> Line:
    """The pooling as a value `[N, C]`."""

    def line(at: At) -> Operand:
        x = at["x"]
        axes = range(2, x.type.rank)
        if not _is_picture(x, axes):
            return at.reduce(op_type, x, axes, keep=False)
        y = at.add(pooling, x, to=x.type.with_dims((*x.type.dims[:2], *(1,) * len(axes))))
        return at.reshape(y, at.type.dims, "flat")

    return line


def norm(at: At) -> Operand:
    return at.reduce(f"ReduceL{at.op.p}", at["x"], over(at), at.op.keep)


def position(op_type: str) -> Line:
    """Of several extremes the first."""

    def line(at: At) -> Operand:
        axis = at.op.axis % at["x"].type.rank
        return at.add(op_type, at["x"], to=at.type, axis=axis, keepdims=int(at.op.keep))

    return line


def cumsum(at: At) -> Operand:
    axis = at.emitter.scalar(at.op.axis % at.type.rank, "int64")
    return at.add("CumSum", at["x"], axis)


LINES: Lines = {
    "sum": reduction("ReduceSum"),
    "mean": reduction("ReduceMean", "GlobalAveragePool"),
    "max": reduction("ReduceMax", "GlobalMaxPool"),
    "min": reduction("ReduceMin"),
    "prod": reduction("ReduceProd"),
    "logsumexp": reduction("ReduceLogSumExp"),
    "norm": norm,
    "argmax": position("ArgMax"),
    "argmin": position("ArgMin"),
    "cumsum": cumsum,
    "global_avg_pool": global_pool("ReduceMean", "GlobalAveragePool"),
    "global_max_pool": global_pool("ReduceMax", "GlobalMaxPool"),
}
