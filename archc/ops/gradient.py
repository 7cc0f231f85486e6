"""Where gradients go while training: stopped, or taken as a value of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.ir.types import TensorType
from archc.ops.base import Input, Op, example
from archc.ops.site import Site, TypingError

if TYPE_CHECKING:
    from archc.ops.build import Build, Term


class StopGradient(Op):
    """The value itself, which passes no gradient on; `detach: true` on a step does it, too.

    Shapes: x and y `[…]`.
    """

    keeps_zero = True
    examples = (example("stop_gradient", x="[N, 3]"), example("stop_gradient", x="int64[N]"))

    def infer(self, at: Site) -> TensorType:
        return at["x"]

    def expand(self, build: Build, *terms: Term) -> Term:
        return build.op("identity", *terms)


class Differentiable(Op):
    """The value as one to which `gradient` can be taken: what comes before it gets no gradient.

    Shapes: x and y `[…]`.
    """

    training_only = True
    examples = (example("differentiable", x="[N, 3]"),)

    def infer(self, at: Site) -> TensorType:
        return at.floating()


class Gradient(Op):
    """The gradient of the sum of y with respect to x, itself differentiable.

    x is the value of a `differentiable` step from which y was computed. With y one score for each
    item of a batch it is each item's own gradient (Gulrajani et al., 2017, for the penalty on it).
    Shapes: y `[…]`, x and the gradient `[…]`.
    """

    training_only = True
    inputs = (Input("y"), Input("x"))
    examples = (example("gradient", y="[N, 1]", x="[N, 3]"),)

    def infer(self, at: Site) -> TensorType:
        at.floating("y")
        x = at.floating("x")
        if at["y"].dtype != x.dtype:
            raise TypingError("E303", "gradient: the element types differ", about="y")
        return x
