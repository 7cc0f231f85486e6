"""Arithmetic on values that broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archc.ir.types import FLOATING
from archc.ops.base import example
from archc.ops.pointwise import Binary, Variadic

if TYPE_CHECKING:
    from archc.ops.build import Build, Term


class Add(Variadic):
    """The sum of values that broadcast as in NumPy. Shapes: inputs `[…]`, y their common shape."""

    keeps_zero = True
    zero_is_neutral = True
    numpy = "add"
    examples = (
        example("add", inputs="[N, 3, T]; [3, 1]"),
        example("add", inputs="int64[N, 1] 0..9; int64[T] 0..9; int64[N, T] 0..9"),
    )


class Mul(Variadic):
    """The product of values that broadcast as in NumPy.

    Shapes: inputs `[…]`, y their common shape.
    """

    numpy = "multiply"
    examples = (
        example("mul", inputs="[N, 3, T]; [3, 1]"),
        example("mul", inputs="int64[N, 1] 0..9; int64[T] 0..9"),
    )

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return any(zero)


class Maximum(Variadic):
    """The larger of values that broadcast. Shapes: inputs `[…]`, y their common shape."""

    keeps_zero = True
    numpy = "maximum"
    examples = (
        example("maximum", inputs="[N, 3]; [3]"),
        example("maximum", inputs="int64[N, 1] 0..9; int64[T] 0..9"),
    )


class Minimum(Variadic):
    """The smaller of values that broadcast. Shapes: inputs `[…]`, y their common shape."""

    keeps_zero = True
    numpy = "minimum"
    examples = (
        example("minimum", inputs="[N, 3]; [3]; [N, 1]"),
        example("minimum", inputs="int64[N, 1] 0..9; int64[T] 0..9"),
    )


class Sub(Binary):
    """`y = a - b`, broadcasting. Shapes: a and b `[…]`, y their common shape."""

    keeps_zero = True
    numpy = "subtract"
    examples = (
        example("sub", a="[N, 3, T]", b="[3, 1]"),
        example("sub", a="int64[T] 0..9", b="int64[N, 1] 0..9"),
    )


class Div(Binary):
    """`y = a / b` of floating numbers, broadcasting; `floor_div` divides whole numbers.

    Shapes: a and b `[…]`, y their common shape.
    """

    allowed = FLOATING
    numpy = "divide"
    examples = (example("div", a="[N, 3, T]", b="[3, 1] 1..2"),)


class FloorDiv(Binary):
    """`y = ⌊a / b⌋`, broadcasting, as Python's `//`; ONNX's integer Div rounds towards 0.

    Shapes: a and b `[…]`, y their common shape.
    """

    numpy = "floor_divide"
    examples = (
        example("floor_div", a="int64[N, T] -9..9", b="int64[T] 1..4"),
        example("floor_div", a="[N, 3] -9..9", b="[3] 1..4"),
        example("floor_div", a="[N, 3] -9..9", b="[3] -4..-1"),
    )

    def expand(self, build: Build, *terms: Term) -> Term | None:
        a, b = terms
        if a.type.dtype not in FLOATING:
            return None
        return build.op("floor", build.op("div", a, b))


class Mod(Binary):
    """`y = a - ⌊a / b⌋·b`, of b's sign, broadcasting, as Python's `%` and torch.remainder.

    Shapes: a and b `[…]`, y their common shape.
    """

    numpy = "remainder"
    examples = (
        example("mod", a="int64[N, T] -9..9", b="int64[T] 1..4"),
        example("mod", a="[N, 3] -9..9", b="[3] 1..4"),
        example("mod", a="[N, 3] -9..9", b="[3] -4..-1"),
    )

    def expand(self, build: Build, *terms: Term) -> Term:
        a, b = terms
        return build.op("sub", a, build.op("mul", build.op("floor_div", a, b), b))


class Pow(Binary):
    """`y = a^b` of floating numbers, broadcasting. Shapes: a and b `[…]`, y their common shape."""

    allowed = FLOATING
    numpy = "power"
    examples = (example("pow", a="[N, 3] 0.5..2", b="[3] -1..3"),)
