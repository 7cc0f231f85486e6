"""Mathematical functions of single values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archc.ir.types import NUMERIC, TensorType
from archc.ops.attributes import attr
from archc.ops.base import example
from archc.ops.kinds import Float, Optional
from archc.ops.pointwise import SIGNED, Pointwise
from archc.ops.site import Site, TypingError

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ops.build import Build, Term


class Neg(Pointwise):
    """`y = -x`. Shapes: x and y `[…]`."""

    keeps_zero = True
    allowed = SIGNED
    numpy = "negative"
    examples = (example("neg", x="[N, 3]"), example("neg", x="int64[N] -5..5"))


class Abs(Pointwise):
    """`y = |x|`. Shapes: x and y `[…]`."""

    keeps_zero = True
    allowed = SIGNED
    numpy = "abs"
    examples = (example("abs", x="[N, 3]"), example("abs", x="int64[N] -5..5"))


class Sign(Pointwise):
    """-1, 0 or 1. Shapes: x and y `[…]`."""

    keeps_zero = True
    allowed = SIGNED
    numpy = "sign"
    examples = (example("sign", x="[N, 3]"), example("sign", x="int64[N] -1..1"))


class Square(Pointwise):
    """`y = x²`. Shapes: x and y `[…]`."""

    keeps_zero = True
    allowed = NUMERIC
    numpy = "square"
    examples = (example("square", x="[N, 3]"), example("square", x="int64[N] -5..5"))


class Sqrt(Pointwise):
    """`y = √x`. Shapes: x and y `[…]`."""

    numpy = "sqrt"
    examples = (example("sqrt", x="[N, 3] 0..4"),)


class Rsqrt(Pointwise):
    """`y = 1/√x`. Shapes: x and y `[…]`."""

    examples = (example("rsqrt", x="[N, 3] 0.5..4"),)

    def expand(self, build: Build, *terms: Term) -> Term:
        return build.op("reciprocal", build.op("sqrt", terms[0]))

    def evaluate(self, *arrays: Array) -> Array:
        result: Array = arrays[0] ** -0.5
        return result


class Reciprocal(Pointwise):
    """`y = 1/x`. Shapes: x and y `[…]`."""

    numpy = "reciprocal"
    examples = (example("reciprocal", x="[N, 3] 0.5..4"),)


class Exp(Pointwise):
    """`y = e^x`. Shapes: x and y `[…]`."""

    numpy = "exp"
    examples = (example("exp", x="[N, 3]"),)


class Log(Pointwise):
    """The natural logarithm. Shapes: x and y `[…]`."""

    numpy = "log"
    examples = (example("log", x="[N, 3] 0.5..4"),)


class Sin(Pointwise):
    """The sine of x in radians. Shapes: x and y `[…]`."""

    keeps_zero = True
    numpy = "sin"
    examples = (example("sin", x="[N, 3] -4..4"),)


class Cos(Pointwise):
    """The cosine of x in radians. Shapes: x and y `[…]`."""

    numpy = "cos"
    examples = (example("cos", x="[N, 3] -4..4"),)


class Erf(Pointwise):
    """`y = 2/√π · ∫₀ˣ exp(-t²) dt`. Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("erf", x="[N, 3] -2..2"),)

    def evaluate(self, *arrays: Array) -> Array:
        from math import erf

        import numpy as np

        return np.asarray(np.frompyfunc(erf, 1, 1)(arrays[0])).astype(arrays[0].dtype)


class Floor(Pointwise):
    """The largest whole number not above x. Shapes: x and y `[…]`."""

    keeps_zero = True
    numpy = "floor"
    examples = (example("floor", x="[N, 3] -4..4"),)


class Ceil(Pointwise):
    """The smallest whole number not below x. Shapes: x and y `[…]`."""

    keeps_zero = True
    numpy = "ceil"
    examples = (example("ceil", x="[N, 3] -4..4"),)


class Round(Pointwise):
    """The nearest whole number, of two the even one. Shapes: x and y `[…]`."""

    keeps_zero = True
    numpy = "round"
    examples = (example("round", x="[N, 3] -4..4"),)


class Clamp(Pointwise):
    """`y = min(max(x, min), max)` of floating numbers, as torch.clamp. Shapes: x and y `[…]`.

    Whole numbers are limited with `maximum` and `minimum`.
    """

    min = attr(Optional(Float()), None, "the least value; none if left out")
    max = attr(Optional(Float()), None, "the greatest value; none if left out")
    examples = (
        example("clamp: {min: -0.5, max: 1.0}", x="[N, 3] -2..2"),
        example("clamp: {min: 0}", x="[N, 3]"),
        example("clamp: {max: 0.25}", x="[N, 3]"),
    )

    def infer(self, at: Site) -> TensorType:
        if self.min is None and self.max is None:
            raise TypingError("E208", "clamp needs 'min', 'max' or both", help="clamp: {min: 0}")
        return super().infer(at)

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        within = (self.min is None or self.min <= 0) and (self.max is None or self.max >= 0)
        return within and all(zero)

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        result: Array = np.clip(arrays[0], self.min, self.max)
        return result


class ZerosLike(Pointwise):
    """Zeros of x's shape and type. Shapes: x and y `[…]`."""

    numpy = "zeros_like"
    examples = (example("zeros_like", x="[N, 3, T]"), example("zeros_like", x="bool[N]"))

    def infer(self, at: Site) -> TensorType:
        return at["x"]

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return True


class OnesLike(Pointwise):
    """Ones of x's shape and type. Shapes: x and y `[…]`."""

    numpy = "ones_like"
    examples = (example("ones_like", x="[N, 3, T]"), example("ones_like", x="int64[N] 0..9"))

    def infer(self, at: Site) -> TensorType:
        return at["x"]
