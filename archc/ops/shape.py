"""Other shapes for the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.ir.dims import Size
from archc.ir.types import TensorType, product
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Int, Optional
from archc.ops.list_kinds import Ints, Sizes
from archc.ops.site import Site, TypingError
from archc.ops.sizes import whole

if TYPE_CHECKING:
    from archc.arrays import Array


class Reshape(Op):
    """The values in row-major order under another shape, one of whose sizes may be -1: the rest.

    Shapes: x `[…]`, y `shape`, with provably as many elements.
    """

    keeps_zero = True
    shape = attr(Sizes(-1), doc="the new sizes; one may be -1")
    examples = (
        example("reshape: {shape: [N, 2, 6]}", x="[N, 3, 4]"),
        example("reshape: {shape: [-1, 4]}", x="[N, T, 4]"),
        example("reshape: {shape: [N, -1]}", x="[N, T, 2, 2]"),
        example("reshape: {shape: []}", x="[1, 1]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        return x.with_dims(self.sizes(x))

    def sizes(self, x: TensorType) -> tuple[Size, ...]:
        """The new shape with -1 worked out. Raises TypingError E309."""
        if 0 in self.shape or self.shape.count(-1) > 1:
            self._fail("the sizes are positive, and one at most is -1", x)
        # What is on both sides cancels, since a product is not always divided by a sum of symbols.
        left, known = list(x.dims), []
        for size in self.shape:
            if size in left:
                left.remove(size)
            elif size != -1:
                known.append(size)
        total, wanted = product(left), product(known)
        if -1 not in self.shape:
            if total != wanted:
                self._fail(f"{x.elements} values do not fit", x)
            return self.shape
        if total % wanted != 0:
            self._fail(f"{total} is not divisible by {wanted}", x)
        return tuple(total // wanted if size == -1 else size for size in self.shape)

    def _fail(self, message: str, x: TensorType) -> None:
        wanted = f"[{', '.join(map(str, self.shape))}]"
        raise TypingError(
            "E309", f"reshape: {message}", about="shape", label=f"{x.shape_text} to {wanted}"
        )

    def evaluate(self, *arrays: Array) -> Array | None:
        shape = whole(self.shape)
        return None if shape is None else arrays[0].reshape(shape)


class Flatten(Op):
    """The axes `start` to `end`, both included, as one; as torch.nn.Flatten.

    Shapes: x `[N, a, b, …]`, y `[N, a·b·…]`.
    """

    keeps_zero = True
    start = attr(Int(), 1, "the first axis taken together", main=True)
    end = attr(Int(), -1, "the last axis taken together")
    examples = (
        example("flatten", x="[N, 3, H, W]"),
        example("flatten: {start: 0, end: 1}", x="[N, T, 3]"),
        example("flatten: -2", x="[N, T, 3, 2]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        start, end = at.axis(self.start, x.rank, "start"), at.axis(self.end, x.rank, "end")
        if start > end:
            raise TypingError("E308", f"flatten: axis {start} is after axis {end}", about="start")
        dims = x.dims
        return x.with_dims((*dims[:start], product(dims[start : end + 1]), *dims[end + 1 :]))

    def evaluate(self, *arrays: Array) -> Array:
        (x,) = arrays
        start, end = self.start % x.ndim, self.end % x.ndim
        shape = x.shape
        merged = 1
        for size in shape[start : end + 1]:
            merged *= size
        return x.reshape(*shape[:start], merged, *shape[end + 1 :])


class Transpose(Op):
    """The axes in another order; without one, the last two change places.

    Shapes: axis i of y is axis `order[i]` of x, as in numpy.transpose and ONNX.
    """

    keeps_zero = True
    order = attr(Optional(Ints()), None, "which axis of x comes where, each once")
    examples = (
        example("transpose", x="[N, T, 3]"),
        example("transpose: {order: [2, 0, 1]}", x="[N, 3, T]"),
        example("transpose: {order: [0, 2, -1, 1]}", x="[N, 3, H, W]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 2 if self.order is None else 0)
        if self.order is not None and len(self.order) != x.rank:
            raise TypingError(
                "E308", f"transpose: the order names {len(self.order)} axes of {x.rank}",
                about="order",
            )  # fmt: skip
        at.axes(self.order or (), x.rank, "order")
        return x.with_dims(x.dims[axis] for axis in self.permutation(x.rank))

    def permutation(self, rank: int) -> tuple[int, ...]:
        """The order, counted from 0."""
        if self.order is None:
            return (*range(rank - 2), rank - 1, rank - 2)
        return tuple(axis % rank for axis in self.order)

    def evaluate(self, *arrays: Array) -> Array:
        return arrays[0].transpose(self.permutation(arrays[0].ndim))


class Squeeze(Op):
    """The value without the named axes, which have size 1. Shapes: x `[…, 1, …]`, y `[…]`."""

    keeps_zero = True
    axes = attr(Ints(), doc="the axes left away", main=True)
    examples = (
        example("squeeze: 1", x="[N, 1, T]"),
        example("squeeze: {axes: [-1, 0]}", x="[1, N, 3, 1]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        axes = at.axes(self.axes, x.rank)
        for axis in axes:
            if x.dims[axis] != 1:
                raise TypingError(
                    "E309", f"squeeze: axis {axis} of {x.shape_text} is not 1", about="axes"
                )
        return x.with_dims(size for axis, size in enumerate(x.dims) if axis not in axes)

    def evaluate(self, *arrays: Array) -> Array:
        return arrays[0].squeeze(self.axes)


class Unsqueeze(Op):
    """The value with new axes of size 1 at these places of the result.

    Shapes: x `[…]`, y `[…, 1, …]`.
    """

    keeps_zero = True
    axes = attr(Ints(), doc="the new axes, as counted in the result", main=True)
    examples = (
        example("unsqueeze: 1", x="[N, T]"),
        example("unsqueeze: {axes: [-1, 0]}", x="[N, T]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        rank = x.rank + len(self.axes)
        new, old = at.axes(self.axes, rank), iter(x.dims)
        return x.with_dims(1 if axis in new else next(old) for axis in range(rank))

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        return np.expand_dims(arrays[0], self.axes)


class Expand(Op):
    """The value repeated along axes of size 1, and along new leading ones, as torch.Tensor.expand.

    Shapes: x `[…]`, y `shape`, where -1 keeps an axis as it is.
    """

    keeps_zero = True
    shape = attr(Sizes(-1), doc="the wanted sizes; -1 keeps an axis")
    examples = (
        example("expand: {shape: [N, 3, 4]}", x="[N, 1, 4]"),
        example("expand: {shape: [2, -1, T]}", x="[3, T]"),
        example("expand: {shape: [2, 3, -1]}", x="[1, N]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        new = len(self.shape) - x.rank
        if new < 0:
            self._fail(x)
        kept = (None,) * new + x.dims
        return x.with_dims(map(self._size, self.shape, kept, [x] * len(kept)))

    def _size(self, wanted: Size, found: Size | None, x: TensorType) -> Size:
        if wanted == -1 and found is not None:
            return found
        if wanted in (0, -1) or found not in (None, 1, wanted):
            self._fail(x)
        return wanted

    def _fail(self, x: TensorType) -> None:
        wanted = f"[{', '.join(map(str, self.shape))}]"
        raise TypingError(
            "E301", f"expand: {x.shape_text} does not expand to {wanted}", about="shape",
            help="only axes of size 1 and new leading axes take another size",
        )  # fmt: skip

    def evaluate(self, *arrays: Array) -> Array | None:
        import numpy as np

        (x,) = arrays
        kept = (None,) * (len(self.shape) - x.ndim) + x.shape
        sizes = [old if new == -1 else new for new, old in zip(self.shape, kept, strict=True)]
        shape = whole([size for size in sizes if size is not None])
        return None if shape is None else np.broadcast_to(x, shape)
