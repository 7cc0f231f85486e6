"""Arithmetic of single values, and matrix products."""

from __future__ import annotations

from archc.ops.product import Einsum
from archc_torch.code import Expr
from archc_torch.lines import Line, chained
from archc_torch.use import Use


def extreme(function: str, limit: str) -> Line:
    """The larger or smaller of several values; a number is a limit."""

    def call(use: Use) -> Expr:
        tensors = [operand for operand in use.exprs("inputs") if operand.literal is None]
        numbers = [
            operand.literal for operand in use.exprs("inputs") if operand.literal is not None
        ]
        if len(tensors) == len(numbers) == 1:
            return use.write(f"{{x}}.clamp({limit}={{number}})", x=tensors[0], number=numbers[0])
        first, *rest = use.exprs("inputs")
        for other in rest:
            first = use.write(f"torch.{function}({{a}}, {{b}})", a=first, b=other)
        return first

    return Line(call)


def einsum(use: Use) -> Expr:
    assert isinstance(use.op, Einsum)
    return use.write("torch.einsum({equation}, {inputs*})", equation=use.op.compact)


LINES = {
    "add": chained("+"),
    "mul": chained("*"),
    "maximum": extreme("maximum", "min"),
    "minimum": extreme("minimum", "max"),
    "sub": Line("{a} - {b}"),
    "div": Line("{a} / {b}"),
    "floor_div": Line("{a} // {b}"),
    "mod": Line("{a} % {b}"),
    "pow": Line("{a} ** {b}"),
    "neg": Line("-{x}"),
    "abs": Line("{x}.abs()"),
    "sign": Line("{x}.sign()"),
    "square": Line("{x}.square()"),
    "sqrt": Line("torch.sqrt({x})"),
    "rsqrt": Line("torch.rsqrt({x})"),
    "reciprocal": Line("{x}.reciprocal()"),
    "exp": Line("torch.exp({x})"),
    "log": Line("torch.log({x})"),
    "sin": Line("torch.sin({x})"),
    "cos": Line("torch.cos({x})"),
    "erf": Line("torch.erf({x})"),
    "floor": Line("torch.floor({x})"),
    "ceil": Line("torch.ceil({x})"),
    "round": Line("torch.round({x})"),
    "clamp": Line("{x}.clamp(min={min|None}, max={max|None})"),
    "zeros_like": Line("torch.zeros_like({x})"),
    "ones_like": Line("torch.ones_like({x})"),
    "matmul": Line("{a} @ {b}"),
    "einsum": Line(einsum),
}
