"""Values put together, repeated, moved and surrounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from archc.ir.dims import Size
from archc.ir.types import TensorType, holds
from archc.ops.attributes import attr
from archc.ops.base import Input, Op, example
from archc.ops.kinds import Float, Int, Optional, Text
from archc.ops.list_kinds import Ints, Pairs
from archc.ops.site import Site, TypingError
from archc.ops.sizes import impossible

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ops.build import Build, Term


class Concat(Op):
    """The inputs one after another along an axis; absent ones do not count.

    Shapes: inputs `[…, Lᵢ, …]`, y `[…, Σ Lᵢ, …]`, all other sizes equal.
    """

    keeps_zero = True
    inputs = (Input("inputs", variadic=True),)
    axis = attr(Int(), 1, "the axis; negative ones count from the end", main=True)
    examples = (
        example("concat", inputs="[N, 2, T]; [N, 3, T]; [N, 1, T]"),
        example("concat: {axis: -1}", inputs="[N, S]; [N, T]"),
        example("concat: {axis: 0}", inputs="int64[2] 0..9; int64[N] 0..9"),
    )

    def infer(self, at: Site) -> TensorType:
        types = at.all("inputs")
        at.matching("inputs")
        first = types[0]
        axis = at.axis(self.axis, first.rank)
        total: Size = 0
        for type in types:
            if type.rank != first.rank:
                _unlike(self.name, "E302", "the ranks differ", first, type)
            if _without(type, axis) != _without(first, axis):
                _unlike(self.name, "E301", f"sizes differ on other axes than {axis}", first, type)
            total = total + type.dims[axis]
        return first.with_dims((*first.dims[:axis], total, *first.dims[axis + 1 :]))

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        return np.concatenate(arrays, axis=self.axis)


class Stack(Op):
    """The inputs side by side along a new axis. Shapes: k inputs `[…]`, y `[k, …]`."""

    keeps_zero = True
    inputs = (Input("inputs", variadic=True),)
    axis = attr(Int(), 0, "the new axis, as counted in the result", main=True)
    examples = (
        example("stack", inputs="[N, T]; [N, T]"),
        example("stack: {axis: -1}", inputs="int64[N] 0..9; int64[N] 0..9; int64[N] 0..9"),
    )

    def infer(self, at: Site) -> TensorType:
        types = at.all("inputs")
        at.matching("inputs")
        first = types[0]
        for type in types:
            if type != first:
                _unlike(self.name, "E301", "the shapes differ", first, type)
        axis = at.axis(self.axis, first.rank + 1)
        return first.with_dims((*first.dims[:axis], len(types), *first.dims[axis:]))

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        return np.stack(arrays, axis=self.axis)


class Pad(Op):
    """Values added before and after some axes: `value`, or the input's own as `mode` says.

    `reflect` mirrors without repeating the edge, `replicate` repeats the edge, `circular` goes on
    at the other end, as torch.nn.functional.pad. Shapes: x `[…, L, …]`, y `[…, before + L + after,
    …]`.
    """

    spatial = attr(
        Optional(Ints(0)), None, "on both sides of each axis from 2 on, or a number for each",
        main=True,
    )  # fmt: skip
    pads = attr(Optional(Pairs()), None, "a pair [before, after] for each of `axes`")
    axes = attr(Optional(Ints()), None, "the axes of `pads`; those from 2 on if left out")
    mode = attr(Text(("constant", "reflect", "replicate", "circular")), "constant", "what is added")
    value = attr(Float(), 0.0, "what `constant` adds")
    examples = (
        example("pad: 1", x="[N, 2, H, W]"),
        example("pad: {spatial: [1, 2], mode: reflect}", x="[N, 2, H, W]"),
        example("pad: {pads: [[2, 1]], mode: replicate}", x="[N, 2, T]"),
        example("pad: {pads: [[0, 1], [2, 3]], mode: circular}", x="[N, 2, 3, 4]"),
        example("pad: {pads: [[2, 0], [0, 1]], axes: [1, 0], value: -1.5}", x="[N, T]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        dims = list(x.dims)
        pads = self.each(at, x.rank)
        if self.mode != "constant" and (not 3 <= x.rank <= 5 or pads.keys() & {0, 1}):
            raise TypingError(
                "E302", f"pad: {self.mode} works on the axes from 2 on of ranks 3 to 5, found "
                f"{x.shape_text}", about="mode",
            )  # fmt: skip
        number: object = self.value  # a block's own is known where the block is called
        if isinstance(number, float) and not holds(x.dtype, number):
            raise TypingError("E207", f"pad: {number:g} is no {x.dtype}", about="value")
        for axis, (before, after) in pads.items():
            self._check(dims[axis], max(before, after), axis)
            dims[axis] = before + dims[axis] + after
        return x.with_dims(dims)

    def each(self, at: Site, rank: int) -> dict[int, tuple[int, int]]:
        """(before, after) by axis. Raises TypingError E208, E302 or E308."""
        if (self.spatial is None) == (self.pads is None):
            raise TypingError("E208", "pad needs 'spatial' or 'pads'", help="write pad: 1")
        axes = range(2, rank) if self.axes is None else at.axes(self.axes, rank)
        if self.spatial is not None:
            if self.axes is not None:
                raise TypingError("E207", "pad: 'axes' belongs to 'pads'", about="axes")
            by = self.spatial * len(axes) if len(self.spatial) == 1 else self.spatial
            pads = tuple((size, size) for size in by)
        else:
            pads = self.pads or ()
        if not axes or len(pads) != len(axes):
            raise TypingError(
                "E302", f"pad: sizes for {len(pads)} axes, and there are {len(axes)}",
                about="spatial" if self.pads is None else "pads", label=f"rank {rank}",
            )  # fmt: skip
        return dict(zip(axes, pads, strict=True))

    def _check(self, size: Size, by: int, axis: int) -> None:
        most = {"reflect": size - 1, "circular": size}.get(self.mode)
        if most is not None and impossible(most - by):
            raise TypingError(
                "E305", f"pad: {self.mode} by {by} takes more than axis {axis} of {size} has",
                about="spatial" if self.pads is None else "pads", label=f"at most {most}",
            )  # fmt: skip

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return all(zero) and (self.mode != "constant" or self.value == 0)

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        (x,) = arrays
        pads = self.each(Site(self, {}), x.ndim)
        width = [pads.get(axis, (0, 0)) for axis in range(x.ndim)]
        if self.mode == "constant":
            return np.pad(x, width, constant_values=x.dtype.type(self.value))
        if self.mode == "reflect":
            return np.pad(x, width, "reflect")
        return np.pad(x, width, "edge" if self.mode == "replicate" else "wrap")


class Tile(Op):
    """The value repeated along each axis. Shapes: x `[a, b]`, y `[a·r₀, b·r₁]`."""

    keeps_zero = True
    repeats = attr(Ints(1), doc="how often, for each axis")
    examples = (
        example("tile: {repeats: [1, 2]}", x="[N, T]"),
        example("tile: {repeats: [2, 1, 3]}", x="int64[2, N, 1] 0..9"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        if len(self.repeats) != x.rank:
            raise TypingError(
                "E308", f"tile: {len(self.repeats)} repeats for {x.rank} axes", about="repeats",
                label=f"found {x.shape_text}",
            )  # fmt: skip
        return x.with_dims(size * by for size, by in zip(x.dims, self.repeats, strict=True))

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        return np.tile(arrays[0], self.repeats)


class Roll(Op):
    """The value moved along axes; what leaves at one end comes in at the other, as torch.roll.

    Shapes: x and y `[…]`.
    """

    keeps_zero = True
    by = attr(Ints(), doc="how far, for each of `axes`; negative towards the front")
    axes = attr(Ints(), doc="the axes")
    examples = (
        example("roll: {by: [-1, 2], axes: [1, 2]}", x="[N, 3, T]"),
        example("roll: {by: 1, axes: -1}", x="int64[N, T] 0..9"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        at.axes(self.axes, x.rank)
        if len(self.by) != len(self.axes):
            raise TypingError(
                "E308", f"roll: {len(self.by)} distances for {len(self.axes)} axes", about="by"
            )
        return x

    def expand(self, build: Build, *terms: Term) -> Term:
        """Two slices, exchanged, for each axis; positions modulo the size where it is symbolic."""
        (x,) = terms
        for by, axis in zip(self.by, self.axes, strict=True):
            size = x.type.dims[axis]
            if not isinstance(size, int):
                places = build.op("range", start=-by, length=size)
                places = build.op("mod", places, build.op("range", start=size, length=1))
                x = build.op("gather", x, places, axis=axis)
            elif by % size:
                cut = size - by % size
                back = build.op("slice", x, axis=axis, start=cut)
                front = build.op("slice", x, axis=axis, stop=cut)
                x = build.op("concat", back, front, axis=axis)
        return x

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        return np.roll(arrays[0], self.by, self.axes)


class Flip(Op):
    """The value in reverse order along axes. Shapes: x and y `[…]`."""

    keeps_zero = True
    axes = attr(Ints(), doc="the axes", main=True)
    examples = (
        example("flip: 1", x="[N, T, 2]"),
        example("flip: {axes: [0, -1]}", x="int64[N, T] 0..9"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at["x"]
        at.axes(self.axes, x.rank)
        return x

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        return np.flip(arrays[0], self.axes)


def _without(type: TensorType, axis: int) -> tuple[Size, ...]:
    return (*type.dims[:axis], *type.dims[axis + 1 :])


def _unlike(op: str, code: str, message: str, first: TensorType, other: TensorType) -> NoReturn:
    raise TypingError(
        code, f"{op}: {message}", about="inputs", label=f"{first.shape_text} and {other.shape_text}"
    )
