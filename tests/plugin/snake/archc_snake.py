"""The Snake activation as an op of archc."""

from __future__ import annotations

from archc.init import Init
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.build import Build, Term
from archc.ops.kinds import Float
from archc.ops.site import Site


class Snake(Op):
    """`y = x + sin(alpha·x)² / alpha`, for what repeats (Ziyin, Hartwig and Ueda, 2020).

    Shapes: x and y `[…, C]`, alpha a weight `[C]` that starts at the attribute.
    """

    weights = ("alpha",)
    start = attr(Float(shaping=True), 1.0, "where each frequency starts", main=True)
    examples = (example("snake", x="[N, T, 3]"), example("snake: 0.5", x="[N, 4]"))

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 1)
        at.floating()
        at.weight("alpha", x.dims[-1:], Init("constant", (self.start,)), x.dtype)
        return x

    def expand(self, build: Build, *terms: Term) -> Term:
        (x,) = terms
        alpha = build.weight("alpha")
        wave = build.op("square", build.op("sin", build.op("mul", x, alpha)))
        return build.op("add", x, build.op("div", wave, alpha))
