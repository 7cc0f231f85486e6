"""Lines of one node, made from a word or two."""

from __future__ import annotations

from typing import Any, Final

from archc_onnx.draft import Operand
from archc_onnx.line import At, Line

FEW: Final = 64  # numbers that a file rather holds than makes


def node(op_type: str, **attributes: str) -> Line:
    """One node of that operator, whose attributes are the op's of these names."""

    def line(at: At) -> Operand:
        values: dict[str, Any] = {name: getattr(at.op, own) for name, own in attributes.items()}
        return at.add(op_type, at["x"], **values)

    return line


def fixed(op_type: str, **attributes: Any) -> Line:
    """One node of that operator with fixed attributes."""
    return lambda at: at.add(op_type, at["x"], **attributes)


def clip(at: At, low: float | None, high: float | None) -> Operand:
    """`min(max(x, low), high)`, what is None left out."""
    x = at["x"]
    bounds = [None if bound is None else at.like(bound, x) for bound in (low, high)]
    return at.add("Clip", x, *bounds)


def everywhere(at: At, value: float) -> Operand:
    """One number in the result's shape: few as an initialiser, else made while the file runs."""
    elements = at.type.elements
    if isinstance(elements, int) and elements <= FEW:
        return at.filled(value, at.type)
    made = at.type.with_dtype("float32") if at.type.dtype == "bfloat16" else at.type  # it lacks it
    shape, number = at.emitter.shape(at.type.dims), at.one(value, made.dtype)
    return at.cast(at.add("ConstantOfShape", shape, to=made, value=number), at.type.dtype)
