"""Reductions over axes, and running sums."""

from __future__ import annotations

from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use


def reduction(template: str) -> Line:
    """A reduction over the named axes, or all; `{dim|None}` and `{keep|False}` say which."""

    def call(use: Use) -> Expr:
        named = use.op.values["axes"]
        every = range(use.type("x").rank)
        keep = use.op.values["keep"]
        return use.write(
            template, dim=use.axes(every if named is None else named) if keep or named else None
        )

    return Line(call)


def over_all(template: str) -> Line:
    """As `reduction`, for a function that must be told the axes."""

    def call(use: Use) -> Expr:
        named = use.op.values["axes"]
        return use.write(
            template, dim=use.axes(range(use.type("x").rank) if named is None else named)
        )

    return Line(call)


def prod(use: Use) -> Expr:
    """One axis after the other, the last first: torch.prod takes one."""
    named, rank, keep = use.op.values["axes"], use.type("x").rank, use.op.values["keep"]
    if named is None and not keep:
        return use.write("{x}.prod()")
    y = use.expr("x")
    for axis in sorted(
        (axis % rank for axis in (range(rank) if named is None else named)), reverse=True
    ):
        y = use.write("{y}.prod(dim={axis}, keepdim={keep|False})", y=y, axis=axis)
    return y


LINES = {
    "sum": reduction("{x}.sum(dim={dim|None}, keepdim={keep|False})"),
    "mean": reduction("{x}.mean(dim={dim|None}, keepdim={keep|False})"),
    "max": reduction("{x}.amax(dim={dim|None}, keepdim={keep|False})"),
    "min": reduction("{x}.amin(dim={dim|None}, keepdim={keep|False})"),
    "prod": Line(prod),
    "logsumexp": over_all("torch.logsumexp({x}, dim={dim}, keepdim={keep|False})"),
    "norm": reduction(
        "torch.linalg.vector_norm({x}, ord={p|2}, dim={dim|None}, keepdim={keep|False})"
    ),
    "var": reduction("{x}.var(dim={dim|None}, correction={correction|1}, keepdim={keep|False})"),
    "std": reduction("{x}.std(dim={dim|None}, correction={correction|1}, keepdim={keep|False})"),
    "argmax": Line("{x}.argmax(dim={axis}, keepdim={keep|False})"),
    "argmin": Line("{x}.argmin(dim={axis}, keepdim={keep|False})"),
    "cumsum": Line("{x}.cumsum(dim={axis})"),
}
