"""Affine maps, matrix products, sums of products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archc.ir.dims import Size
from archc.ir.types import product
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines


def linear(at: At) -> Operand:
    """Gemm on the rows, which takes the weight as it is stored and adds the bias on the way.

    Between two reshapes, which copy nothing, it runs as fast as MatMul and Add with the weight
    turned around; that would have to be done whenever the file is read, or be stored under another
    key. Only a result that leaves the file would be copied by its reshape, and there the weight is
    turned.
    """
    x, weight = at["x"], at.weight("weight")
    turned = at.op.layout == "out_in"
    features, out = weight.type.dims[::-1] if turned else weight.type.dims
    bias = [at.weight("bias")] if at.op.bias else []
    if (x.type.rank > 2 and at.leaving) or not (turned or bias):
        matrix = at.transpose(weight, [1, 0], "turned") if turned else weight
        y = at.add("MatMul", x, matrix, to=at.type)
        return at.binary("Add", y, bias[0]) if bias else y
    rows: Size = product(x.type.dims[:-1])
    flat = at.reshape(x, (rows, features), "rows")
    type = x.type.with_dims((rows, out))
    layout: dict[str, Any] = {"transB": 1} if turned else {}
    y = at.add("Gemm", flat, weight, *bias, to=type, **layout)
    return at.reshape(y, at.type.dims, "back")


def matmul(at: At) -> Operand:
    a, b = at["a"], at["b"]
    if a.type.rank > 1 and b.type.rank == 1:
        # onnxruntime's fusion with a transpose before it takes a vector for something else.
        column = at.reshape(b, (*b.type.dims, 1), "column")
        type = a.type.with_dims((*at.type.dims, 1))
        return at.reshape(at.add("MatMul", a, column, to=type, hint="product"), at.type.dims)
    return at.add("MatMul", a, b, to=at.type)


# ---- einsum


def einsum(at: At) -> Operand:
    """One operand after another joined to the product of those before, each time a MatMul."""
    letters, *rest = at.op.operands
    operands = at.all("inputs")
    result = str(at.op.result)
    value = operands[0]
    if not rest:
        return _ordered(at, *_summed(at, value, letters, result), result)
    for k, (other, named) in enumerate(zip(operands[1:], rest, strict=True)):
        needed = set(result).union(*rest[k + 1 :])
        value, letters = _joined(at, value, letters, other, named, needed)
    return _ordered(at, value, letters, result)


def _summed(at: At, x: Operand, letters: str, kept: str | set[str]) -> tuple[Operand, str]:
    """The value without the axes whose letters are not kept."""
    axes = [axis for axis, letter in enumerate(letters) if letter not in kept]
    if not axes:
        return x, letters
    left = "".join(letter for letter in letters if letter in kept)
    return at.reduce("ReduceSum", x, axes, keep=False), left


def _ordered(at: At, x: Operand, letters: str, order: str) -> Operand:
    return at.transpose(x, [letters.index(letter) for letter in order])


def _joined(
    at: At, a: Operand, first: str, b: Operand, second: str, needed: set[str]
) -> tuple[Operand, str]:
    """The product of two operands, summed over what only they have and nobody needs."""
    a, first = _summed(at, a, first, needed | set(second))
    b, second = _summed(at, b, second, needed | set(first))
    shared = [letter for letter in first if letter in second]
    batch = [letter for letter in shared if letter in needed]
    summed = [letter for letter in shared if letter not in needed]
    rows = [letter for letter in first if letter not in second]
    columns = [letter for letter in second if letter not in first]
    sizes = dict(zip(first + second, a.type.dims + b.type.dims, strict=True))

    def count(letters: Sequence[str]) -> Size:
        return product(sizes[letter] for letter in letters)

    heads = tuple(sizes[letter] for letter in batch)
    left = _ordered(at, a, first, "".join([*batch, *rows, *summed]))
    left = at.reshape(left, (*heads, count(rows), count(summed)), "left")
    right = _ordered(at, b, second, "".join([*batch, *summed, *columns]))
    right = at.reshape(right, (*heads, count(summed), count(columns)), "right")
    op_type = "MatMul" if summed else "Mul"  # without a sum the products are those of broadcasting
    type = a.type.with_dims((*heads, count(rows), count(columns)))
    y = at.add(op_type, left, right, to=type)
    letters = "".join([*batch, *rows, *columns])
    return at.reshape(y, [sizes[letter] for letter in letters], "product"), letters


LINES: Lines = {
    "linear": linear,
    "matmul": matmul,
    "einsum": einsum,
}
