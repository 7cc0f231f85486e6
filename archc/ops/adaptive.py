"""Pooling to a given size, and to one value a channel."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from archc.ir.dims import Size, ceil_div
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.list_kinds import PerAxis
from archc.ops.site import Site
from archc.ops.window import Windowed

if TYPE_CHECKING:
    from archc.ops.build import Build, Term


class _Adaptive(Windowed):
    keeps_zero = True
    reduction: ClassVar[str]  # the op that takes a whole axis together
    size = attr(PerAxis(1, 1), doc="output sizes", main=True)

    def infer(self, at: Site) -> TensorType:
        x = at.rank("x", self.spatial + 2)
        at.floating()
        return x.with_dims((*x.dims[:2], *self.size))

    def expand(self, build: Build, *terms: Term) -> Term | None:
        """Reductions where a size is 1, a pooling where windows are equal, else window by window.

        The windows are products of intervals, so the axes can be taken one after another.
        """
        x = terms[0]
        whole = [axis + 2 for axis, size in enumerate(self.size) if size == 1]
        rest = [axis for axis in range(2, x.type.rank) if axis not in whole]
        sizes = x.type.dims
        if whole:
            x = build.op(self.reduction, x, axes=whole, keep=True)
        known = all(isinstance(sizes[axis], int) for axis in rest)
        if known and all(sizes[axis] % self.size[axis - 2] == 0 for axis in rest):
            kernel = [x.type.dims[axis] // self.size[axis - 2] for axis in range(2, x.type.rank)]
            pool = self.name.removeprefix("adaptive_")
            return build.op(pool, x, kernel=kernel) if rest else x
        for axis in rest:
            size = sizes[axis]
            along = self._along if isinstance(size, int) else self._over
            x = along(build, x, axis, size)
        return x

    def _along(self, build: Build, x: Term, axis: int, size: Size) -> Term:
        wanted = self.size[axis - 2]
        parts = []
        for place in range(wanted):
            start, stop = place * size // wanted, ceil_div((place + 1) * size, wanted)
            window = build.op("slice", x, axis=axis, start=start, stop=stop)
            parts.append(build.op(self.reduction, window, axes=[axis], keep=True))
        return build.op("concat", *parts, axis=axis)

    def _over(self, build: Build, x: Term, axis: int, size: Size) -> Term:
        """Along an axis whose size is known only when the network runs: a table of windows."""
        wanted = self.size[axis - 2]
        scaled = build.op("mul", build.op("range", length=wanted), number(build, size))
        start = build.op("floor_div", scaled, wanted)
        reach = build.op("add", scaled, number(build, size + wanted - 1))
        stop = build.op("floor_div", reach, wanted)
        first, end = (build.op("unsqueeze", ends, axes=[1]) for ends in (start, stop))
        places = build.op("range", length=size)
        inside = build.op(
            "logical_and",
            build.op("greater_equal", places, first),
            build.op("less", places, end),
        )
        order = [*(k for k in range(x.type.rank) if k != axis), axis]
        back = [order.index(k) for k in range(x.type.rank)]
        moved = build.op("transpose", x, order=order)
        taken = self._taken(build, moved, inside, build.op("sub", end, first))
        return build.op("transpose", taken, order=back)

    @abstractmethod
    def _taken(self, build: Build, x: Term, inside: Term, count: Term) -> Term:
        """The windows of the last axis, of which there are as many as `inside` has rows."""


def number(build: Build, size: Size) -> Term:
    """A size as a value, int64[1]."""
    return build.op("range", start=size, length=1)


class _AdaptiveAvg(_Adaptive):
    reduction = "mean"

    def _taken(self, build: Build, x: Term, inside: Term, count: Term) -> Term:
        shares = build.op(
            "div",
            build.op("cast", inside, to=x.type.dtype),
            build.op("cast", count, to=x.type.dtype),
        )
        return build.op("matmul", x, build.op("transpose", shares, order=[1, 0]))


class _AdaptiveMax(_Adaptive):
    reduction = "max"

    def _taken(self, build: Build, x: Term, inside: Term, count: Term) -> Term:
        rows = build.op("unsqueeze", x, axes=[-2])
        kept = build.op("where", inside, rows, float("-inf"))
        return build.op("max", kept, axes=[-1])


class AdaptiveAvgPool1d(_AdaptiveAvg, spatial=1):
    """Means over windows that share the axis evenly, as torch.nn.AdaptiveAvgPool1d.

    Shapes: x `[N, C, L]`, y `[N, C, size]`; window i covers `⌊i·L/size⌋ … ⌈(i+1)·L/size⌉ - 1`.
    """

    examples = (
        example("adaptive_avg_pool1d: 1", x="[N, 3, T]"),
        example("adaptive_avg_pool1d: 3", x="[N, 2, 7]"),
    )


class AdaptiveAvgPool2d(_AdaptiveAvg, spatial=2):
    """Means over windows that share each axis evenly, as torch.nn.AdaptiveAvgPool2d.

    Shapes: x `[N, C, H, W]`, y `[N, C, *size]`; window i covers `⌊i·H/size⌋ … ⌈(i+1)·H/size⌉ - 1`.
    """

    examples = (
        example("adaptive_avg_pool2d: 1", x="[N, 3, H, W]"),
        example("adaptive_avg_pool2d: {size: [3, 2]}", x="[N, 2, 6, 4]"),
        example("adaptive_avg_pool2d: {size: [1, 3]}", x="[N, 2, H, 6]"),
        example("adaptive_avg_pool2d: 3", x="[N, 2, 4, 5]"),
        example("adaptive_avg_pool2d: {size: [3, 2]}", x="[N, 2, H, W]"),
    )


class AdaptiveAvgPool3d(_AdaptiveAvg, spatial=3):
    """Means over windows that share each axis evenly, as torch.nn.AdaptiveAvgPool3d.

    Shapes: x `[N, C, D, H, W]`, y `[N, C, *size]`; window i covers
    `⌊i·D/size⌋ … ⌈(i+1)·D/size⌉ - 1`.
    """

    examples = (
        example("adaptive_avg_pool3d: 1", x="[N, 1, 3, H, W]"),
        example("adaptive_avg_pool3d: {size: [1, 2, 3]}", x="[1, 2, 2, 4, 4]"),
    )


class AdaptiveMaxPool1d(_AdaptiveMax, spatial=1):
    """The largest value in windows that share the axis evenly, as torch.nn.AdaptiveMaxPool1d.

    Shapes: x `[N, C, L]`, y `[N, C, size]`; window i covers `⌊i·L/size⌋ … ⌈(i+1)·L/size⌉ - 1`.
    """

    examples = (
        example("adaptive_max_pool1d: 1", x="[N, 3, T]"),
        example("adaptive_max_pool1d: 3", x="[N, 2, 7]"),
    )


class AdaptiveMaxPool2d(_AdaptiveMax, spatial=2):
    """The largest value in windows that share each axis evenly, as torch.nn.AdaptiveMaxPool2d.

    Shapes: x `[N, C, H, W]`, y `[N, C, *size]`; window i covers `⌊i·H/size⌋ … ⌈(i+1)·H/size⌉ - 1`.
    """

    examples = (
        example("adaptive_max_pool2d: 1", x="[N, 3, H, W]"),
        example("adaptive_max_pool2d: {size: [3, 2]}", x="[N, 2, 6, 4]"),
        example("adaptive_max_pool2d: 3", x="[N, 2, 4, 5]"),
        example("adaptive_max_pool2d: {size: [3, 2]}", x="[N, 2, H, 5]"),
    )


class AdaptiveMaxPool3d(_AdaptiveMax, spatial=3):
    """The largest value in windows that share each axis evenly, as torch.nn.AdaptiveMaxPool3d.

    Shapes: x `[N, C, D, H, W]`, y `[N, C, *size]`; window i covers
    `⌊i·D/size⌋ … ⌈(i+1)·D/size⌉ - 1`.
    """

    examples = (
        example("adaptive_max_pool3d: 1", x="[N, 1, 3, H, W]"),
        example("adaptive_max_pool3d: {size: [1, 2, 3]}", x="[1, 2, 2, 4, 4]"),
    )


class _Global(Op):
    keeps_zero = True
    reduction: ClassVar[str]

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 3)
        at.floating()
        return x.with_dims(x.dims[:2])

    def expand(self, build: Build, *terms: Term) -> Term:
        return build.op(self.reduction, terms[0], axes=list(range(2, terms[0].type.rank)))


class GlobalAvgPool(_Global):
    """The mean over all spatial axes (Lin, Chen and Yan, Network in network, 2014).

    Shapes: x `[N, C, …]` of rank 3 or more, y `[N, C]`.
    """

    reduction = "mean"
    examples = (
        example("global_avg_pool", x="[N, 3, H, W]"),
        example("global_avg_pool", x="[2, 3, T]"),
    )


class GlobalMaxPool(_Global):
    """The largest value over all spatial axes.

    Shapes: x `[N, C, …]` of rank 3 or more, y `[N, C]`.
    """

    reduction = "max"
    examples = (
        example("global_max_pool", x="[N, 3, H, W]"),
        example("global_max_pool", x="[2, 3, 2, 2, T]"),
    )
