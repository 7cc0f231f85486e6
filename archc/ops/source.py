"""Values that come from no input: numbers, ranges and weights, and the moving average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archc.init import Init
from archc.ir.types import DType, TensorType, holds
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Bool, Either, Float, Int, Optional, TypeName
from archc.ops.list_kinds import Numbers, SizeKind, Sizes, nested_dims
from archc.ops.site import Site, TypingError
from archc.ops.sizes import whole

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ops.build import Build, Term


def check_numbers(op: str, value: Any, dtype: DType) -> None:
    """Raises TypingError E207 where a number, or one in nested lists, is none of the type."""
    if isinstance(value, list | tuple):
        for item in value:
            check_numbers(op, item, dtype)
    elif isinstance(value, int | float) and not holds(dtype, value):
        raise TypingError("E207", f"{op}: {value} is no {dtype}", about="value")


class Range(Op):
    """`start, start + step, …`: `length` whole numbers, int64. Shapes: y `[length]`."""

    inputs = ()
    length = attr(SizeKind(1), doc="how many numbers", main=True)
    start = attr(SizeKind(), 0, "the first number")
    step = attr(Int(), 1, "the distance between them")
    examples = (
        example("range: 5"),
        example("range: {start: 7, length: 3, step: -2}"),
        example("range: =T"),
        example("range: {start: =2 * T, length: N}"),
    )

    def infer(self, at: Site) -> TensorType:
        return TensorType("int64", (self.length,))

    def evaluate(self, *arrays: Array) -> Array | None:
        import numpy as np

        ends = whole([self.start, self.length])
        if ends is None:
            return None
        return ends[0] + self.step * np.arange(ends[1], dtype="int64")


class Constant(Op):
    """A number or nested lists of numbers. Shapes: y as the lists are nested; `[]` of a number.

    Without `dtype`: float32 where a number has a fraction or a point, bool where all are true or
    false, else int64.
    """

    inputs = ()
    value = attr(Numbers(), doc="the number, or nested lists of numbers", main=True)
    dtype = attr(Optional(TypeName()), None, "the element type")
    examples = (
        example("constant: 2.5"),
        example("constant: {value: [[1, 2, 3], [4, 5, 6]]}"),
        example("constant: {value: [true, false]}"),
        example("constant: {value: [1, 2], dtype: float64}"),
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        # 1, 1.0 and true are equal in Python; the element type tells such constants apart.
        super().__init__({**values, "dtype": values["dtype"] or dtype_of(values["value"])})

    def infer(self, at: Site) -> TensorType:
        assert self.dtype is not None
        check_numbers("constant", self.value, self.dtype)
        return TensorType(self.dtype, nested_dims(self.value))

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return _is_zero(self.value)

    def evaluate(self, *arrays: Array) -> Array | None:
        import numpy as np

        return None if self.dtype == "bfloat16" else np.array(self.value, dtype=self.dtype)


class Full(Op):
    """One number everywhere. Shapes: y `shape`."""

    inputs = ()
    shape = attr(Sizes(1), doc="the sizes")
    value = attr(Either((Bool(), Int(), Float())), 0, "the number")
    dtype = attr(TypeName(), "float32", "the element type")
    examples = (
        example("full: {shape: [N, 3], value: 0.5}"),
        example("full: {shape: [2], value: true, dtype: bool}"),
        example("full: {shape: [], value: 7, dtype: int64}"),
    )

    def infer(self, at: Site) -> TensorType:
        check_numbers("full", self.value, self.dtype)
        return TensorType(self.dtype, self.shape)

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return bool(self.value == 0)

    def evaluate(self, *arrays: Array) -> Array | None:
        import numpy as np

        shape = whole(self.shape)
        if shape is None or self.dtype == "bfloat16":
            return None
        return np.full(shape, self.value, dtype=self.dtype)


class _Filled(Op):
    inputs = ()
    shape = attr(Sizes(1), doc="the sizes")
    dtype = attr(TypeName(), "float32", "the element type")

    def infer(self, at: Site) -> TensorType:
        return TensorType(self.dtype, self.shape)

    def expand(self, build: Build, *terms: Term) -> Term:
        value = 1 if self.name == "ones" else 0
        return build.op("full", shape=self.shape, value=value, dtype=self.dtype)

    def evaluate(self, *arrays: Array) -> Array | None:
        import numpy as np

        shape = whole(self.shape)
        if shape is None or self.dtype == "bfloat16":
            return None
        return np.full(shape, 1 if self.name == "ones" else 0, dtype=self.dtype)


class Zeros(_Filled):
    """Zeros, such as a first state. Shapes: y `shape`."""

    examples = (
        example("zeros: {shape: [N, 3]}"),
        example("zeros: {shape: [2, 2], dtype: int64}"),
    )

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return True


class Ones(_Filled):
    """Ones. Shapes: y `shape`."""

    examples = (
        example("ones: {shape: [N, 3]}"),
        example("ones: {shape: [2, 2], dtype: bool}"),
    )


class Weight(Op):
    """A learned tensor of a shape, or one that begins with given values; frozen, a stored table.

    Shapes: weight and y `shape`, or as `value`'s lists are nested. Without `value` and the step's
    `init` it begins normal with deviation 0.02. An element type that is not floating cannot learn:
    such a step says `freeze: true`.
    """

    inputs = ()
    weights = ("weight",)
    own_path = True
    shape = attr(Optional(Sizes(1)), None, "the sizes")
    value = attr(Optional(Numbers()), None, "the initial values, nested lists of numbers")
    dtype = attr(TypeName(), "float32", "the element type")
    examples = (
        example("weight: {shape: [2, 3]}"),
        example("weight: {value: [[0.5, 1.0], [1.5, 2.0]]}"),
        example("weight: {value: [3, 1, 2], dtype: int64}"),
        example("weight: {shape: []}"),
    )

    def infer(self, at: Site) -> TensorType:
        if self.shape is None and self.value is None:
            raise TypingError(
                "E208", "weight needs 'shape' or 'value'", help="weight: {shape: [8]}"
            )
        if self.value is None:
            return at.weight("weight", self.shape or (), Init("normal", (0.02,)), self.dtype)
        check_numbers("weight", self.value, self.dtype)
        dims = nested_dims(self.value)
        if self.shape not in (None, dims):
            raise TypingError(
                "E207", f"weight: the value has shape {list(dims)}, and 'shape' says otherwise",
                about="value", help="leave 'shape' away",
            )  # fmt: skip
        return at.weight("weight", dims, Init("zeros"), self.dtype, value=self.value)


class MovingAverage(Op):
    """The exponential moving average of the batch means, a buffer that training updates.

    Shapes: x `[N, …]`, average and y `[…]`, zeros at first. While training, first
    `average += rate·(mean(x, axis 0) - average)`; always, y is the average, which passes no
    gradient (Karras et al., 2019, for the truncation of styles).
    """

    training = True
    weights = ("average",)
    rate = attr(Float(0, 1), 0.1, "the share of a new batch", main=True)
    examples = (
        example("moving_average: 0.005", x="[N, 3]"),
        example("moving_average", x="[N, 2, 4]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 1)
        at.floating()
        return at.weight("average", x.dims[1:], Init("zeros"), x.dtype, buffer=True)


def dtype_of(value: object) -> DType:
    """The element type of numbers as written."""
    if isinstance(value, tuple):
        found = {dtype_of(item) for item in value}
        return "float32" if "float32" in found else "int64" if "int64" in found else "bool"
    return "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float32"


def _is_zero(value: object) -> bool:
    """Whether a number, or each of nested lists of them, is 0 or false."""
    return all(map(_is_zero, value)) if isinstance(value, tuple) else value == 0
