"""Scaled dot-product attention."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from archc.ir.dims import Size, lower_bound
from archc.ir.types import TensorType
from archc.ops.attention import LOWEST
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines

BLOCKS: Final = 4
"""Of causal attention. Against all at once, by onnxruntime 1.31 on one core with 12 heads of 64, it
takes 0.55 of the time for 1024 tokens, 0.6 for 256, 0.7 for 128, and 1.35 for 32, 0.06 ms more.
"""

LEAST: Final = 64
"""Queries, where their number is known, from which on blocks are worth it."""


def attention(at: At) -> Operand:
    """Products, a softmax, and an added mask; onnxruntime joins scale and transpose to the product.

    What a query may not attend to gets the lowest score. Where a query may attend to nothing, by
    a boolean mask or since it comes before all keys, the result is multiplied by 0.
    """
    q, k, v, mask = at["q"], at["k"], at["v"], at.optional("mask")
    wide = "float32" if q.type.dtype == "bfloat16" else q.type.dtype  # few kernels have that type
    q, k, v = (at.cast(value, wide) for value in (q, k, v))
    if mask is not None and mask.type.dtype == "bfloat16":
        mask = at.cast(mask, wide)
    aligned = at.op.causal and q.type.dims[-2] == k.type.dims[-2] and mask is None
    native = at.emitter.target.native and q.type.rank == 4
    blocks = aligned and not native and _is_worth_blocks(at, q)
    bias, allowed = (None, None) if blocks or (native and aligned) else _masks(at, q, k, mask)
    if native:
        y = _single(at, q, k, v, bias, causal=aligned)
    elif blocks:
        y = _in_blocks(at, q, k, v)
    else:
        y = _products(at, q, _turned(at, k), v, bias)
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


def _is_worth_blocks(at: At, q: Operand) -> bool:
    """Whether queries may come in such numbers that blocks of them are faster, on a CPU."""
    target, queries = at.emitter.target, q.type.dims[-2]
    if target.device != "cpu" or target.precision != "fp32":
        return False
    return not isinstance(queries, int) or queries >= LEAST


def _in_blocks(at: At, q: Operand, k: Operand, v: Operand) -> Operand:
    """Causal attention a block of queries at a time, each with the keys up to its last query alone.

    Most scores of later keys are never computed. They would cost more than others: what softmax
    takes the exponential of is so low there that the processor leaves its fast path. The keys
    after a query in its own block are masked, as in the whole.
    """
    axis, length = q.type.rank - 2, q.type.dims[-2]
    ends = [length * (k + 1) // BLOCKS for k in range(BLOCKS)]
    sizes = [end - start for start, end in pairwise([0, *ends])]
    types = [q.type.with_dims((*q.type.dims[:-2], size, q.type.dims[-1])) for size in sizes]
    blocks = at.several("Split", [q, at.emitter.shape(sizes)], types, hint="blocks", axis=axis)
    turned = _turned(at, k)
    results = []
    for block, end in zip(blocks, ends, strict=True):
        keys, values = _first(at, turned, axis + 1, end), _first(at, v, axis, end)
        bias = _later(at, block, values)
        results.append(_products(at, block, keys, values, bias, block=True))
    return at.add("Concat", *results, to=q.type.with_dims(at.type.dims), axis=axis)


def _turned(at: At, k: Operand) -> Operand:
    rank = k.type.rank
    return at.transpose(k, [*range(rank - 2), rank - 1, rank - 2], "keys")


def _first(at: At, x: Operand, axis: int, end: Size) -> Operand:
    """The positions before `end`."""
    dims = (*x.type.dims[:axis], end, *x.type.dims[axis + 1 :])
    return x if dims == x.type.dims else at.part(x, axis, 0, end, dims, hint="seen")


def _products(
    at: At, q: Operand, k: Operand, v: Operand, bias: Operand | None, *, block: bool = False
) -> Operand:
    """The rest, of keys whose last two axes are exchanged already."""
    scale = at.op.scale_of(q.type)
    type = q.type.with_dims((*q.type.dims[:-1], k.type.dims[-1]))
    # onnxruntime's fusion loses a query that is itself a product with a number where it is the
    # value, too: then the scores are scaled.
    late = q is v
    scaled = q if scale == 1.0 or late else at.binary("Mul", q, at.like(scale, q), "scaled")
    scores = at.add("MatMul", scaled, k, to=type, hint="scores")
    if scale != 1.0 and late:
        scores = at.binary("Mul", scores, at.like(scale, q), "scaled")
    if bias is not None:
        scores = at.add("Add", scores, bias, to=type, hint="masked")
    weights = at.add("Softmax", scores, hint="weights", axis=-1)
    result = q.type.with_dims((*q.type.dims[:-1], v.type.dims[-1]))
    return at.add("MatMul", weights, v, to=result, hint="block" if block else "")


def _masks(
    at: At, q: Operand, k: Operand, mask: Operand | None
) -> tuple[Operand | None, Operand | None]:
    """What is added to the scores, and the boolean mask where there is one, causality included."""
    later = _later(at, q, k) if at.op.causal else None
    if mask is None:
        least = lower_bound(k.type.dims[-2] - q.type.dims[-2])
        if later is None or (least is not None and least >= 0):
            return later, None
        return later, _seen(at, later)  # there may be queries before all keys
    if mask.type.dtype != "bool":
        return (mask if later is None else at.binary("Add", mask, later, "bias")), None
    if later is not None:
        mask = at.binary("And", mask, _seen(at, later), "allowed")
    return _closed(at, mask, q), mask


def _seen(at: At, later: Operand) -> Operand:
    """Which keys are not later than a query; once for each pair of lengths."""
    zero, type = at.like(0.0, later), later.type.with_dtype("bool")
    return at.emitter.shared("Equal", [later, zero], type, f"{later.wish}/seen")


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
    full = at.filled(lowest, type, f"{wish}/lowest")
    diagonal = emitter.number(keys - queries + 1)
    return emitter.shared("Trilu", [full, diagonal], type, wish, upper=1)


LINES: Lines = {"attention": attention}
