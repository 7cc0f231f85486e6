"""Scaled dot-product attention."""

from __future__ import annotations

import numpy as np

from archc.ir.types import TensorType
from archc.ops.attention import LOWEST
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines


def attention(at: At) -> Operand:
    """Products, a softmax, and an added mask; onnxruntime joins scale and transpose to the product.

    What a query may not attend to gets the lowest score. With a boolean mask, where a query may
    attend to nothing, the result is multiplied by 0.
    """
    q, k, v, mask = at["q"], at["k"], at["v"], at.optional("mask")
    wide = "float32" if q.type.dtype == "bfloat16" else q.type.dtype  # few kernels have that type
    q, k, v = (at.cast(value, wide) for value in (q, k, v))
    if mask is not None and mask.type.dtype == "bfloat16":
        mask = at.cast(mask, wide)
    aligned = at.op.causal and q.type.dims[-2] == k.type.dims[-2] and mask is None
    native = at.emitter.target.native and q.type.rank == 4
    bias, allowed = (None, None) if native and aligned else _masks(at, q, k, mask)
    if native:
        y = _single(at, q, k, v, bias, causal=aligned)
    else:
        y = _products(at, q, k, v, bias)
    if allowed is not None:
        y = at.add("Mul", y, _open(at, allowed, q), to=y.type, hint="open")
    return at.cast(y, at.type.dtype)


def _single(
    at: At, q: Operand, k: Operand, v: Operand, bias: Operand | None, *, causal: bool
) -> Operand:
    """ONNX's own operator, whose causality aligns to the first key: ours for equal lengths."""
    at.emitter.need(23)
    lengths = (q.type.dims[-2], k.type.dims[-2])
    if bias is not None and bias.type.dims[-2:] != lengths:  # onnxruntime broadcasts the rest alone
        dims = (*bias.type.dims[:-2], *lengths)
        bias = at.add("Expand", bias, at.emitter.shape(dims), to=bias.type.with_dims(dims))
    return at.add(
        "Attention", q, k, v, bias, to=q.type.with_dims(at.type.dims),
        scale=at.op.scale_of(q.type), is_causal=int(causal),
    )  # fmt: skip


def _products(at: At, q: Operand, k: Operand, v: Operand, bias: Operand | None) -> Operand:
    rank, scale = k.type.rank, at.op.scale_of(q.type)
    turned = at.transpose(k, [*range(rank - 2), rank - 1, rank - 2], "keys")
    type = q.type.with_dims((*q.type.dims[:-1], k.type.dims[-2]))
    # onnxruntime's fusion loses a query that is itself a product with a number where it is the
    # value, too: then the scores are scaled.
    late = q is v
    scaled = q if scale == 1.0 or late else at.binary("Mul", q, at.like(scale, q), "scaled")
    scores = at.add("MatMul", scaled, turned, to=type, hint="scores")
    if scale != 1.0 and late:
        scores = at.binary("Mul", scores, at.like(scale, q), "scaled")
    if bias is not None:
        scores = at.add("Add", scores, bias, to=type, hint="masked")
    weights = at.add("Softmax", scores, hint="weights", axis=-1)
    return at.add("MatMul", weights, v, to=q.type.with_dims(at.type.dims))


def _masks(
    at: At, q: Operand, k: Operand, mask: Operand | None
) -> tuple[Operand | None, Operand | None]:
    """What is added to the scores, and the boolean mask where there is one, causality included."""
    later = _later(at, q, k) if at.op.causal else None
    if mask is None:
        return later, None
    if mask.type.dtype != "bool":
        return (mask if later is None else at.binary("Add", mask, later, "bias")), None
    if later is not None:
        zero, type = at.like(0.0, later), later.type.with_dtype("bool")
        seen = at.emitter.shared("Equal", [later, zero], type, f"{later.wish}/seen")
        mask = at.binary("And", mask, seen, "allowed")
    return _closed(at, mask, q), mask


def _closed(at: At, mask: Operand, q: Operand) -> Operand:
    """0 where the mask is true, else the lowest score; once for each mask."""
    numbers = at.like(0.0, q), at.like(LOWEST[q.type.dtype], q)
    type = mask.type.with_dtype(q.type.dtype)
    return at.emitter.shared("Where", [mask, *numbers], type, f"masks/{at.path}")


def _open(at: At, mask: Operand, q: Operand) -> Operand:
    """1 for a query that may attend to something, else 0; once for each mask."""
    shared, dtype = at.emitter.shared, q.type.dtype
    numbers = at.like(1.0, q), at.like(0.0, q)
    type = mask.type.with_dtype(dtype)
    values = shared("Where", [mask, *numbers], type, f"masks/{at.path}/values")
    axes = at.emitter.integers([mask.type.rank - 1])
    type = type.with_dims((*type.dims[:-1], 1))
    return shared("ReduceMax", [values, axes], type, f"masks/{at.path}/open", keepdims=1)


def _later(at: At, q: Operand, k: Operand) -> Operand | None:
    """`[Tq, Tk]`: the lowest score where a key is later than a query, else 0.

    The last query sees all keys, so query i sees key j where `j <= i + Tk - Tq`; a lone one sees
    all. The file has it once for each pair of lengths.
    """
    queries, keys = q.type.dims[-2], k.type.dims[-2]
    if queries == 1:
        return None
    emitter, dtype = at.emitter, q.type.dtype
    lowest, wish = LOWEST[dtype], f"masks/{queries},{keys}"
    if isinstance(queries, int) and isinstance(keys, int):
        values = np.triu(np.full((queries, keys), lowest, dtype), keys - queries + 1)
        return emitter.constant(values, dtype, wish)
    type = TensorType(dtype, (queries, keys))
    number = at.one(lowest, dtype)
    shape = emitter.shape([queries, keys])
    full = emitter.shared("ConstantOfShape", [shape], type, f"{wish}/lowest", value=number)
    diagonal = emitter.number(keys - queries + 1)
    return emitter.shared("Trilu", [full, diagonal], type, wish, upper=1)


LINES: Lines = {"attention": attention}
