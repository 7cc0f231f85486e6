"""Comparisons, logic, choice and conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from archc.ir.types import DTYPES, DType, TensorType
from archc.ops.attributes import attr
from archc.ops.base import Input, Op, example
from archc.ops.kinds import TypeName
from archc.ops.pointwise import BOOL, Binary, Combining, Pointwise, Variadic, call
from archc.ops.site import Site
from archc.ops.sizes import broadcast

if TYPE_CHECKING:
    from archc.arrays import Array

ANY: frozenset[DType] = frozenset(DTYPES)


class _Comparison(Binary):
    result: ClassVar[DType | None] = "bool"

    def evaluate(self, *arrays: Array) -> Array | None:
        return call(self.numpy, *arrays)


class Equal(_Comparison):
    """Where a is b, boolean, broadcasting. Shapes: a and b `[…]`, y their common shape."""

    allowed = ANY
    numpy = "equal"
    examples = (
        example("equal", a="int64[N, T] 0..2", b="int64[T] 0..2"),
        example("equal", a="bool[N]", b="bool[N]"),
    )


class NotEqual(_Comparison):
    """Where a is not b, boolean, broadcasting. Shapes: a and b `[…]`, y their common shape."""

    allowed = ANY
    numpy = "not_equal"
    examples = (
        example("not_equal", a="int64[N, T] 0..2", b="int64[T] 0..2"),
        example("not_equal", a="bool[N]", b="bool[N]"),
    )


class Less(_Comparison):
    """Where a < b, boolean, broadcasting. Shapes: a and b `[…]`, y their common shape."""

    numpy = "less"
    examples = (
        example("less", a="[N, T]", b="[T]"),
        example("less", a="int64[N, T] 0..2", b="int64[T] 0..2"),
    )


class LessEqual(_Comparison):
    """Where a <= b, boolean, broadcasting. Shapes: a and b `[…]`, y their common shape."""

    numpy = "less_equal"
    examples = (
        example("less_equal", a="[N, T]", b="[T]"),
        example("less_equal", a="int64[N, T] 0..2", b="int64[T] 0..2"),
    )


class Greater(_Comparison):
    """Where a > b, boolean, broadcasting. Shapes: a and b `[…]`, y their common shape."""

    numpy = "greater"
    examples = (
        example("greater", a="[N, T]", b="[T]"),
        example("greater", a="int64[N, T] 0..2", b="int64[T] 0..2"),
    )


class GreaterEqual(_Comparison):
    """Where a >= b, boolean, broadcasting. Shapes: a and b `[…]`, y their common shape."""

    numpy = "greater_equal"
    examples = (
        example("greater_equal", a="[N, T]", b="[T]"),
        example("greater_equal", a="int64[N, T] 0..2", b="int64[T] 0..2"),
    )


class LogicalAnd(Variadic):
    """Where all are true, broadcasting. Shapes: inputs bool `[…]`, y their common shape."""

    allowed = BOOL
    numpy = "logical_and"
    examples = (example("logical_and", inputs="bool[N, T]; bool[T]; bool[N, 1]"),)

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return any(zero)


class LogicalOr(Variadic):
    """Where any is true, broadcasting. Shapes: inputs bool `[…]`, y their common shape."""

    keeps_zero = True
    zero_is_neutral = True
    allowed = BOOL
    numpy = "logical_or"
    examples = (example("logical_or", inputs="bool[N, T]; bool[T]"),)


class LogicalNot(Pointwise):
    """Where x is false. Shapes: x and y bool `[…]`."""

    allowed = BOOL
    numpy = "logical_not"
    examples = (example("logical_not", x="bool[N, T]"),)


class Where(Combining):
    """a where the condition is true, else b, broadcasting.

    Shapes: condition bool `[…]`, a and b `[…]` of any one type, y the common shape of all three.
    """

    keeps_zero = True
    inputs = (Input("condition", matched=False), Input("a"), Input("b"))
    numpy = "where"
    examples = (
        example("where", condition="bool[N, 1, T]", a="[N, 3, T]", b="[3, 1]"),
        example("where", condition="bool[T]", a="int64[N, 1] 0..9", b="int64[] 0..9"),
    )

    def infer(self, at: Site) -> TensorType:
        condition = at.dtype("condition", BOOL)
        dtype = at.matching("a", "b")
        types = [condition, at["a"], at["b"]]
        return TensorType(dtype, broadcast(types, ["condition", "a", "b"], "where"))

    def evaluate(self, *arrays: Array) -> Array:
        return call("where", *arrays)


class Cast(Op):
    """The values as another element type; fractions are cut off towards 0, true is 1.

    Shapes: x and y `[…]`.
    """

    keeps_zero = True
    to = attr(TypeName(), doc="the wanted element type", main=True)
    examples = (
        example("cast: int64", x="[N, 3] -4..4"),
        example("cast: float32", x="bool[N, T]"),
        example("cast: bool", x="int64[N] -1..1"),
        example("cast: {to: float64}", x="float16[N, 2]"),
    )

    def infer(self, at: Site) -> TensorType:
        return at["x"].with_dtype(self.to)

    def evaluate(self, *arrays: Array) -> Array | None:
        return None if self.to == "bfloat16" else arrays[0].astype(self.to)
