"""Comparisons, logic, choice and conversion."""

from __future__ import annotations

from archc_torch.code import Expr
from archc_torch.lines import Line, chained
from archc_torch.use import Use

# What torch.where makes of two plain numbers.
PLAIN = ("float32", "int64", "bool")


def where(use: Use) -> Expr:
    a, b = use.expr("a"), use.expr("b")
    if a.literal is not None and (b.literal is None or use.outs[0].dtype in PLAIN):
        return use.write("torch.where({condition}, {a}, {b})", a=a.literal, b=b.literal or b)
    return use.write("torch.where({condition}, {a}, {b})", b=b.literal or b)


LINES = {
    "equal": Line("{a} == {b}"),
    "not_equal": Line("{a} != {b}"),
    "less": Line("{a} < {b}"),
    "less_equal": Line("{a} <= {b}"),
    "greater": Line("{a} > {b}"),
    "greater_equal": Line("{a} >= {b}"),
    "logical_and": chained("&"),
    "logical_or": chained("|"),
    "logical_not": Line("~{x}"),
    "where": Line(where),
    "cast": Line(lambda use: use.write("{x}.to({to})", to=use.dtype(use.outs[0]))),
}
