"""Reductions over axes, and running sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from archc.ir.types import FLOATING, NUMERIC, DType, TensorType, product
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Bool, Int, Optional
from archc.ops.list_kinds import Ints
from archc.ops.site import Site, TypingError

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ops.build import Build, Term

# Sums of narrower whole numbers would be int64 in PyTorch and of their own type in ONNX.
SUMMABLE: frozenset[DType] = FLOATING | {"int64"}


class _Reduction(Op):
    allowed: ClassVar[frozenset[DType]] = FLOATING
    numpy: ClassVar[str | None] = None
    axes = attr(Optional(Ints()), None, "the axes taken together; all if left out", main=True)
    keep = attr(Bool(), False, "keep them with size 1")

    def infer(self, at: Site) -> TensorType:
        x = at.dtype("x", self.allowed)
        axes = self.over(at, x.rank)
        if self.keep:
            return x.with_dims(1 if axis in axes else size for axis, size in enumerate(x.dims))
        return x.with_dims(size for axis, size in enumerate(x.dims) if axis not in axes)

    def over(self, at: Site, rank: int) -> tuple[int, ...]:
        """The axes counted from 0, in order."""
        if self.axes is None:
            return tuple(range(rank))
        if not self.axes:
            raise TypingError("E308", f"{self.name}: no axis is named", about="axes")
        return tuple(sorted(at.axes(self.axes, rank)))

    def evaluate(self, *arrays: Array) -> Array | None:
        if self.numpy is None:
            return None
        import numpy as np

        function: Any = getattr(np, self.numpy)
        return np.asarray(function(arrays[0], axis=self.axes, keepdims=self.keep))


class Sum(_Reduction):
    """The sum over axes, of floating numbers or int64. Shapes: x `[…]`, y without `axes`."""

    keeps_zero = True
    allowed = SUMMABLE
    numpy = "sum"
    examples = (
        example("sum", x="[N, 3, T]"),
        example("sum: {axes: [-1, 0], keep: true}", x="[N, 3, T]"),
        example("sum: 1", x="int64[N, T] 0..9"),
    )


class Mean(_Reduction):
    """The mean over axes. Shapes: x `[…]`, y without `axes`."""

    keeps_zero = True
    numpy = "mean"
    examples = (
        example("mean", x="[N, 3, T]"),
        example("mean: {axes: [2, 3], keep: true}", x="[N, 3, H, W]"),
        example("mean: -1", x="[N, T]"),
    )


class Max(_Reduction):
    """The largest value over axes; `maximum` compares several inputs.

    Shapes: x `[…]`, y without `axes`.
    """

    keeps_zero = True
    allowed = NUMERIC
    numpy = "max"
    examples = (
        example("max", x="[N, 3, T]"),
        example("max: {axes: [1, 2], keep: true}", x="[N, 3, T]"),
        example("max: 1", x="int64[N, T] 0..9"),
    )


class Min(_Reduction):
    """The smallest value over axes; `minimum` compares several inputs.

    Shapes: x `[…]`, y without `axes`.
    """

    keeps_zero = True
    allowed = NUMERIC
    numpy = "min"
    examples = (
        example("min", x="[N, 3, T]"),
        example("min: {axes: [0], keep: true}", x="[N, 3, T]"),
        example("min: -1", x="int64[N, T] 0..9"),
    )


class Prod(_Reduction):
    """The product over axes, of floating numbers or int64. Shapes: x `[…]`, y without `axes`."""

    allowed = SUMMABLE
    numpy = "prod"
    examples = (
        example("prod", x="[N, 3]"),
        example("prod: {axes: [1, 2], keep: true}", x="[N, 3, T]"),
        example("prod: 0", x="int64[T, N] 1..3"),
    )


class LogSumExp(_Reduction):
    """`y = log Σ exp(x)` over axes, as torch.logsumexp. Shapes: x `[…]`, y without `axes`."""

    name = "logsumexp"
    examples = (
        example("logsumexp: -1", x="[N, T]"),
        example("logsumexp: {axes: [0, 2], keep: true}", x="[N, 3, T]"),
    )


class Norm(_Reduction):
    """`y = (Σ |x|^p)^(1/p)` over axes, p 1 or 2, as torch.linalg.vector_norm.

    Shapes: x `[…]`, y without `axes`.
    """

    p = attr(Int(1, 2), 2, "1 for the sum of magnitudes, 2 for the Euclidean length")
    examples = (
        example("norm", x="[N, 3]"),
        example("norm: {axes: [1, 2], keep: true, p: 1}", x="[N, 3, T]"),
    )

    def expand(self, build: Build, *terms: Term) -> Term:
        each = build.op("abs" if self.p == 1 else "square", terms[0])
        total = build.op("sum", each, axes=self.axes, keep=self.keep)
        return total if self.p == 1 else build.op("sqrt", total)

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        each = np.abs(arrays[0]) ** self.p
        total = np.sum(each, axis=self.axes, keepdims=self.keep)
        return np.asarray(total ** (1 / self.p)).astype(arrays[0].dtype)


class _Spread(_Reduction):
    correction = attr(Int(0), 1, "Σ (x - mean)² is divided by n - correction")

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        function = np.var if self.name == "var" else np.std
        result = function(arrays[0], axis=self.axes, keepdims=self.keep, ddof=self.correction)
        return np.asarray(result)


class Var(_Spread):
    """`y = Σ (x - mean)² / (n - correction)` over axes, correction 1 by default, as torch.var.

    Shapes: x `[…]`, y without `axes`.
    """

    examples = (
        example("var", x="[N, 3]"),
        example("var: {axes: [1], keep: true, correction: 0}", x="[N, 3, T]"),
        example("var: -1", x="[N, T]"),
    )

    def expand(self, build: Build, *terms: Term) -> Term:
        (x,) = terms
        axes = tuple(range(x.type.rank)) if self.axes is None else self.axes
        away = build.op("sub", x, build.op("mean", x, axes=axes, keep=True))
        square = build.op("square", away)
        if not self.correction:
            return build.op("mean", square, axes=axes, keep=self.keep)
        total = build.op("sum", square, axes=axes, keep=self.keep)
        n = product(x.type.dims[axis] for axis in axes)
        if isinstance(n, int):
            return build.op("div", total, float(n - self.correction))
        count = build.op("range", start=n - self.correction, length=1)
        count = build.op("reshape", build.op("cast", count, to=x.type.dtype), shape=[])
        return build.op("div", total, count)


class Std(_Spread):
    """The root of `var`, as torch.std. Shapes: x `[…]`, y without `axes`."""

    examples = (
        example("std", x="[N, 3]"),
        example("std: {axes: [1], keep: true, correction: 0}", x="[N, 3, T]"),
    )

    def expand(self, build: Build, *terms: Term) -> Term:
        settings = {"axes": self.axes, "keep": self.keep, "correction": self.correction}
        return build.op("sqrt", build.op("var", terms[0], **settings))


class _Position(Op):
    axis = attr(Int(), -1, "the axis searched; negative ones count from the end", main=True)
    keep = attr(Bool(), False, "keep it with size 1")

    def infer(self, at: Site) -> TensorType:
        x = at.dtype("x", NUMERIC)
        axis = at.axis(self.axis, x.rank)
        dims = (*x.dims[:axis], *((1,) if self.keep else ()), *x.dims[axis + 1 :])
        return TensorType("int64", dims)

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        function: Any = getattr(np, self.name)
        result = function(arrays[0], axis=self.axis, keepdims=self.keep)
        return np.asarray(result, dtype="int64")


class Argmax(_Position):
    """Where the axis is largest, the first place of several.

    Shapes: x `[…]`, y int64 without `axis`.
    """

    examples = (
        example("argmax", x="[N, T]"),
        example("argmax: {axis: 1, keep: true}", x="[N, 3, T]"),
    )


class Argmin(_Position):
    """Where the axis is smallest, the first place of several.

    Shapes: x `[…]`, y int64 without `axis`.
    """

    examples = (
        example("argmin", x="[N, T]"),
        example("argmin: {axis: 1, keep: true}", x="[N, 3, T]"),
    )


class Cumsum(Op):
    """The sum of all values up to each one along an axis, of floating numbers or int64.

    Shapes: x and y `[…]`.
    """

    keeps_zero = True
    axis = attr(Int(), -1, "the axis; negative ones count from the end", main=True)
    examples = (example("cumsum", x="[N, T]"), example("cumsum: 1", x="int64[N, 3, T] 0..9"))

    def infer(self, at: Site) -> TensorType:
        x = at.dtype("x", SUMMABLE)
        at.axis(self.axis, x.rank)
        return x

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        return np.asarray(np.cumsum(arrays[0], axis=self.axis))
