"""A value taken apart into several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Int, Optional
from archc.ops.list_kinds import Sizes, Texts
from archc.ops.site import Site, TypingError
from archc.ops.sizes import divide, impossible, whole

if TYPE_CHECKING:
    from archc.arrays import Array


class _Parts(Op):
    keeps_zero = True
    into = attr(Texts(), doc="the outputs' names")
    axis = attr(Int(), 0, "the axis; negative ones count from the end")

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.into


class Split(_Parts):
    """Consecutive parts along an axis, each an output.

    Shapes: x `[…, L, …]`, outputs `[…, size, …]`. The parts are equal, or have `sizes`, one of
    which may be -1: the rest.
    """

    axis = attr(Int(), 1, "the axis; negative ones count from the end")
    sizes = attr(Optional(Sizes(-1)), None, "the parts' sizes; equal if left out")
    examples = (
        example("split: {into: [a, b]}", x="[N, 6, T]"),
        example("split: {into: [a, b, c], axis: -1, sizes: [1, -1, 2]}", x="[N, 7]"),
        example("split: {into: [first, rest], sizes: [1, -1]}", x="[N, T]"),
    )

    def infer(self, at: Site) -> tuple[TensorType, ...]:
        x = at["x"]
        axis = at.axis(self.axis, x.rank)
        sizes = self.parts(x.dims[axis])
        return tuple(x.with_dims((*x.dims[:axis], s, *x.dims[axis + 1 :])) for s in sizes)

    def parts(self, size: Size) -> tuple[Size, ...]:
        """The sizes of the parts of an axis. Raises TypingError E305 or E306."""
        if self.sizes is None:
            part = divide(size, len(self.into), "split: the axis by the number of parts", "into")
            return (part,) * len(self.into)
        if len(self.sizes) != len(self.into) or self.sizes.count(-1) > 1 or 0 in self.sizes:
            raise TypingError(
                "E305", "split needs a size of at least 1 for each part, at most one of them -1",
                about="sizes", label=f"{len(self.into)} parts",
            )  # fmt: skip
        rest = size
        for part in self.sizes:
            rest = rest - (0 if part == -1 else part)
        fits = not impossible(rest - 1) if -1 in self.sizes else rest == 0
        if not fits:
            raise TypingError(
                "E305", f"split: the sizes do not add up to {size}", about="sizes",
                label=f"{rest} left over",
            )  # fmt: skip
        return tuple(rest if part == -1 else part for part in self.sizes)

    def evaluate(self, *arrays: Array) -> tuple[Array, ...] | None:
        import numpy as np

        (x,) = arrays
        sizes = whole(self.parts(x.shape[self.axis]))
        return None if sizes is None else tuple(np.split(x, np.cumsum(sizes)[:-1], axis=self.axis))


class Unstack(_Parts):
    """Each position of an axis as an output without it, the reverse of `stack`.

    Shapes: x `[k, …]`, k outputs `[…]`.
    """

    examples = (
        example("unstack: {into: [q, k, v]}", x="[3, N, T]"),
        example("unstack: {into: [a, b], axis: -1}", x="[N, T, 2]"),
    )

    def infer(self, at: Site) -> tuple[TensorType, ...]:
        x = at["x"]
        axis = at.axis(self.axis, x.rank)
        if x.dims[axis] != len(self.into):
            raise TypingError(
                "E309", f"unstack: {len(self.into)} names for {x.dims[axis]} parts", about="into",
                label=f"axis {axis} of {x.shape_text}",
            )  # fmt: skip
        return (x.with_dims((*x.dims[:axis], *x.dims[axis + 1 :])),) * len(self.into)

    def evaluate(self, *arrays: Array) -> tuple[Array, ...]:
        import numpy as np

        (x,) = arrays
        return tuple(np.take(x, place, axis=self.axis) for place in range(x.shape[self.axis]))
