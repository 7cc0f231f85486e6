"""Activation functions along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Int
from archc.ops.site import Site
from archc.ops.sizes import divide

if TYPE_CHECKING:
    from archc.ops.build import Build, Term


class _Along(Op):
    axis = attr(Int(), -1, "the axis; negative ones count from the end", main=True)

    def infer(self, at: Site) -> TensorType:
        x = at.floating()
        at.axis(self.axis, x.rank)
        return x


class Softmax(_Along):
    """`y = exp(x) / Σ exp(x)` along an axis. Shapes: x and y `[…]`."""

    examples = (example("softmax", x="[N, T]"), example("softmax: 1", x="[N, 3, T]"))


class LogSoftmax(_Along):
    """`y = x - log Σ exp(x)` along an axis. Shapes: x and y `[…]`."""

    examples = (example("log_softmax", x="[N, T]"), example("log_softmax: 1", x="[N, 3, T]"))


class Glu(_Along):
    """`y = a·sigmoid(b)`, a and b the halves of x along an axis (Dauphin et al., 2017).

    Shapes: x `[…, 2·C, …]`, y `[…, C, …]`.
    """

    examples = (example("glu", x="[N, T, 6]"), example("glu: 1", x="[N, 4, T]"))

    def infer(self, at: Site) -> TensorType:
        x = super().infer(at)
        dims, axis = list(x.dims), at.axis(self.axis, x.rank)
        dims[axis] = divide(dims[axis], 2, f"glu: axis {axis} by 2", "axis")
        return x.with_dims(dims)

    def expand(self, build: Build, *terms: Term) -> Term:
        a, b = build.outputs("split", terms[0], into=["a", "b"], axis=self.axis)
        return build.op("mul", a, build.op("sigmoid", b))
