"""Parts of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archc.ir.dims import Size, ceil_div, largest, lower_bound, smallest
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Input, Op, example
from archc.ops.embedding import INDICES
from archc.ops.kinds import Either, Int, Optional
from archc.ops.list_kinds import IntList, SizeKind
from archc.ops.site import Site, TypingError
from archc.ops.sizes import impossible, whole

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ops.build import Build, Term


class Slice(Op):
    """Positions `start` to `stop`, without `stop` itself, along an axis, every `step`-th.

    Negative positions count from the end; behind an end that is not known, a slice stops there, as
    in Python. Shapes: x `[…, L, …]`, y `[…, ⌈(stop - start) / step⌉, …]`.
    """

    keeps_zero = True
    axis = attr(Int(), doc="the axis; negative ones count from the end")
    start = attr(SizeKind(), 0, "the first position")
    stop = attr(Optional(SizeKind()), None, "the position behind the last; the end if left out")
    step = attr(Int(1), 1, "the distance between positions")
    examples = (
        example("slice: {axis: 1, start: 1}", x="[N, T, 3]"),
        example("slice: {axis: -1, start: -4, stop: -1, step: 2}", x="[N, 6]"),
        example("slice: {axis: 1, start: 1, stop: 4}", x="[N, T]"),
        example("slice: {axis: 0, stop: =N - 1}", x="[N, 3]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        axis = at.axis(self.axis, x.rank)
        start, stop = self.bounds(x.dims[axis])
        length = ceil_div(largest([stop - start, 0]), self.step)
        if length == 0:
            raise TypingError(
                "E305", f"slice: nothing is left of axis {axis}", about="axis",
                label=f"positions {start} to {stop} of {x.dims[axis]}",
            )  # fmt: skip
        return x.with_dims((*x.dims[:axis], length, *x.dims[axis + 1 :]))

    def bounds(self, size: Size) -> tuple[Size, Size]:
        """The first position, and that behind the last, counted from 0."""
        stop = size if self.stop is None else self._place(self.stop, size, "stop")
        return self._place(self.start, size, "start"), stop

    def _place(self, place: Size, size: Size, about: str) -> Size:
        least = lower_bound(place)
        if least is None or least < 0:
            if not impossible(place):
                raise TypingError(
                    "E305", f"slice: whether {place} is negative is not decided", about=about
                )
            place = place + size
        if impossible(place) or impossible(size - place):
            raise TypingError(
                "E305", f"slice: {about} is outside of 0 to {size}", about=about, label=f"{place}"
            )
        return smallest([largest([place, 0]), size])

    def evaluate(self, *arrays: Array) -> Array | None:
        (x,) = arrays
        bounds = whole(self.bounds(x.shape[self.axis]))
        if bounds is None:
            return None
        index: list[Any] = [slice(None)] * x.ndim
        index[self.axis] = slice(bounds[0], bounds[1], self.step)
        part: Array = x[tuple(index)]
        return part


class Gather(Op):
    """The positions `at` of an axis, or those that a second input holds.

    Shapes: x `[…, L, …]`; for a number, which may be negative, y has the axis no more; for a list
    of k, y is `[…, k, …]`; for index `[a, b]` of int32 or int64 from 0 on, y is `[…, a, b, …]`, as
    ONNX's Gather.
    """

    keeps_zero = True
    inputs = (Input("x"), Input("index", optional=True, matched=False))
    axis = attr(Int(), 0, "the axis; negative ones count from the end")
    at = attr(Optional(Either((Int(), IntList()))), None, "a position or a list, instead of index")
    examples = (
        example("gather: {axis: 1, at: -1}", x="[N, T, 3]"),
        example("gather: {axis: 1, at: [0, 2, 2]}", x="[N, 4, T]"),
        example("gather", x="[5, 3]", index="int64[N, T] 0..4"),
        example("gather: {axis: -1}", x="[N, 2, 4]", index="int32[] 0..3"),
    )

    def infer(self, at: Site) -> TensorType:
        x, index = at["x"], at.optional("index")
        axis = at.axis(self.axis, x.rank)
        if (index is None) == (self.at is None):
            raise TypingError(
                "E307", "gather takes its positions from 'at' or from a second input",
                about="at" if index else "",
            )  # fmt: skip
        if index is not None:
            dims: tuple[Size, ...] = at.dtype("index", INDICES).dims
        else:
            for place in self.positions:
                if impossible(x.dims[axis] - 1 - place) or impossible(x.dims[axis] + place):
                    raise TypingError(
                        "E305", f"gather: axis {axis} has no position {place}", about="at",
                        label=f"its size is {x.dims[axis]}",
                    )  # fmt: skip
            dims = (len(self.at),) if isinstance(self.at, tuple) else ()
        return x.with_dims((*x.dims[:axis], *dims, *x.dims[axis + 1 :]))

    @property
    def positions(self) -> tuple[int, ...]:
        """The constant positions; none where an input holds them."""
        if self.at is None:
            return ()
        return self.at if isinstance(self.at, tuple) else (self.at,)

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        index = arrays[1] if self.at is None else np.asarray(self.at)
        return np.asarray(np.take(arrays[0], index, axis=self.axis))


class CenterCrop(Op):
    """The middle of x, as large as `like` along the spatial axes (Ronneberger et al., U-Net, 2015).

    Shapes: x `[N, C, H, W]`, like `[…, …, h, w]`, y `[N, C, h, w]`, from position
    `(H - h) // 2` on; any rank of 3 or more.
    """

    keeps_zero = True
    inputs = (Input("x", matched=False), Input("like", matched=False))
    examples = (
        example("center_crop", x="[N, 2, 7, 6]", like="[N, 3, 4, 4]"),
        example("center_crop", x="[N, 2, T, 6]", like="[2, 1, T, 3]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 3)
        like = at.rank("like", x.rank)
        for axis in range(2, x.rank):
            if impossible(x.dims[axis] - like.dims[axis]):
                raise TypingError(
                    "E305", f"center_crop: axis {axis} has size {x.dims[axis]}, and "
                    f"{like.dims[axis]} are wanted", about="like",
                )  # fmt: skip
        return x.with_dims((*x.dims[:2], *like.dims[2:]))

    def expand(self, build: Build, *terms: Term) -> Term | None:
        x, like = terms
        for axis in range(2, x.type.rank):
            wanted = like.type.dims[axis]
            more = x.type.dims[axis] - wanted
            if not isinstance(more, int):
                return None
            if more:
                start = more // 2
                x = build.op("slice", x, axis=axis, start=start, stop=start + wanted)
        return x


class _Triangle(Op):
    keeps_zero = True
    diagonal = attr(
        Int(), 0, "the last or first diagonal kept; above the main one if positive", main=True
    )

    def infer(self, at: Site) -> TensorType:
        return at.least_rank("x", 2)

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        function = np.tril if self.name == "tril" else np.triu
        return function(arrays[0], self.diagonal)


class Tril(_Triangle):
    """The last two axes' values on and below a diagonal, 0 above. Shapes: x and y `[…, n, m]`."""

    examples = (example("tril", x="[N, T, 4]"), example("tril: -1", x="bool[3, 4]"))


class Triu(_Triangle):
    """The last two axes' values on and above a diagonal, 0 below. Shapes: x and y `[…, n, m]`."""

    examples = (example("triu", x="[N, T, 4]"), example("triu: 1", x="int64[3, 4] 0..9"))
