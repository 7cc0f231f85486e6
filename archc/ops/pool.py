"""Pooling with a sliding window."""

from __future__ import annotations

from archc.ir.dims import Size, ceil_div, smallest
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import example
from archc.ops.kinds import Bool, Either, Optional, Text
from archc.ops.list_kinds import PerAxis
from archc.ops.site import Site, TypingError
from archc.ops.window import Pads, Windowed, even, room, same_pads, spans


class _Pool(Windowed):
    keeps_zero = True
    kernel = attr(PerAxis(1, 1), doc="window sizes", main=True)
    stride = attr(Optional(PerAxis(1, 1)), None, "steps of the window; the kernel if left out")
    # In an Either, so that max pooling may accept more.
    padding = attr(Either((PerAxis(1),)), (0,), "padding on both sides, at most half the window")
    ceil = attr(Bool(), False, "keep a last window that runs over the end")

    @property
    def strides(self) -> tuple[int, ...]:
        return self.kernel if self.stride is None else self.stride

    @property
    def dilations(self) -> tuple[int, ...]:
        return (1,) * self.spatial

    @property
    def spans(self) -> tuple[int, ...]:
        """How many values each side of the window covers."""
        return spans(self.kernel, self.dilations)

    def pads(self, x: TensorType) -> Pads:
        """The padding before and after each spatial axis."""
        if self.padding == "same":
            return same_pads(x.dims[2:], self.spans, self.strides)
        return even(self.padding)

    def infer(self, at: Site) -> TensorType:
        x = at.rank("x", self.spatial + 2)
        at.floating()
        sizes = x.dims[2:]
        free = room(self.name, sizes, self.spans, self.pads(x))
        if self.padding == "same":
            places = tuple(ceil_div(size, s) for size, s in zip(sizes, self.strides, strict=True))
        else:
            places = tuple(map(self._places, sizes, free, range(self.spatial)))
        return x.with_dims((*x.dims[:2], *places))

    def _places(self, size: Size, free: Size, axis: int) -> Size:
        """How often the window stands; with `ceil`, never first behind the input."""
        stride, padding, span = self.strides[axis], self.padding[axis], self.spans[axis]
        most = self.kernel[axis] if self.ceil else span  # what PyTorch's kernels pad themselves
        if 2 * padding > most:
            raise TypingError(
                "E305", f"{self.name}: padding {padding} is more than half the window of {most}",
                about="padding",
            )  # fmt: skip
        if not self.ceil:
            return free // stride + 1
        places = ceil_div(free, stride) + 1
        if stride + padding <= span:
            return places  # the last window always begins inside
        return smallest([places, ceil_div(size + padding, stride)])


class _MaxPool(_Pool):
    padding = attr(
        Either((Text(("same",)), PerAxis(1))), (0,),
        "padding on both sides, at most half the window; `same` as for convolutions",
    )  # fmt: skip
    dilation = attr(PerAxis(1, 1), (1,), "distances between the window's values")

    @property
    def dilations(self) -> tuple[int, ...]:
        return self.dilation


class MaxPool1d(_MaxPool, spatial=1):
    """The largest value in each window, as torch.nn.MaxPool1d; what is padded never wins.

    Shapes: x `[N, C, L]`, y `[N, C, L']`, with
    `L' = (L + 2·padding - dilation·(kernel - 1) - 1) // stride + 1`; with `ceil` rounded up,
    without windows that would begin behind the input.
    """

    examples = (
        example("max_pool1d: 2", x="[N, 3, T]"),
        example("max_pool1d: {kernel: 3, stride: 2, padding: 1, ceil: true}", x="[N, 2, 6]"),
        example("max_pool1d: {kernel: 3, stride: 2, padding: same}", x="[N, 2, 6]"),
        example("max_pool1d: {kernel: 2, stride: 1, dilation: 3}", x="[N, 2, T]"),
    )


class MaxPool2d(_MaxPool, spatial=2):
    """The largest value in each window, as torch.nn.MaxPool2d; what is padded never wins.

    Shapes: x `[N, C, H, W]`, y `[N, C, H', W']`, with
    `H' = (H + 2·padding - dilation·(kernel - 1) - 1) // stride + 1`; with `ceil` rounded up,
    without windows that would begin behind the input.
    """

    examples = (
        example("max_pool2d: 2", x="[N, 3, H, W]"),
        example("max_pool2d: {kernel: 3, stride: 2, padding: 1}", x="[N, 2, 7, 8]"),
        example("max_pool2d: {kernel: 2, stride: 3, padding: 1, ceil: true}", x="[N, 2, H, 7]"),
        example(
            "max_pool2d: {kernel: [2, 3], stride: [1, 2], dilation: [2, 1], padding: same}",
            x="[N, 2, 5, 6]",
        ),
    )


class MaxPool3d(_MaxPool, spatial=3):
    """The largest value in each window, as torch.nn.MaxPool3d; what is padded never wins.

    Shapes: x `[N, C, D, H, W]`, y `[N, C, D', H', W']`, with
    `D' = (D + 2·padding - dilation·(kernel - 1) - 1) // stride + 1`; with `ceil` rounded up,
    without windows that would begin behind the input.
    """

    examples = (
        example("max_pool3d: 2", x="[N, 1, 4, 3, T]"),
        example(
            "max_pool3d: {kernel: [1, 2, 3], stride: 2, padding: [0, 1, 1], ceil: true}",
            x="[1, 2, 3, 4, 4]",
        ),
        example("max_pool3d: {kernel: 2, stride: 1, dilation: [1, 2, 1]}", x="[N, 1, 2, 3, T]"),
    )


class _AvgPool(_Pool):
    count_padding = attr(Bool(), True, "padded zeros count as values of the window")


class AvgPool1d(_AvgPool, spatial=1):
    """The mean of each window, as torch.nn.AvgPool1d (count_include_pad is `count_padding`).

    Shapes: x `[N, C, L]`, y `[N, C, L']`, with `L' = (L + 2·padding - kernel) // stride + 1`; with
    `ceil` rounded up, without windows that would begin behind the input. What a window covers
    behind the padding never counts, in PyTorch as in ONNX from opset 19 on.
    """

    examples = (
        example("avg_pool1d: 2", x="[N, 3, T]"),
        example("avg_pool1d: {kernel: 3, stride: 2, padding: 1, ceil: true}", x="[N, 2, 6]"),
        example("avg_pool1d: {kernel: 3, padding: 1, count_padding: false}", x="[N, 2, T]"),
    )


class AvgPool2d(_AvgPool, spatial=2):
    """The mean of each window, as torch.nn.AvgPool2d (count_include_pad is `count_padding`).

    Shapes: x `[N, C, H, W]`, y `[N, C, H', W']`, with `H' = (H + 2·padding - kernel) // stride +
    1`; with `ceil` rounded up, without windows that would begin behind the input. What a window
    covers behind the padding never counts, in PyTorch as in ONNX from opset 19 on.
    """

    examples = (
        example("avg_pool2d: 2", x="[N, 3, H, W]"),
        example(
            "avg_pool2d: {kernel: 3, stride: 1, padding: 1, count_padding: false}", x="[N, 2, 4, 5]"
        ),
        example("avg_pool2d: {kernel: 3, stride: 2, padding: 1, ceil: true}", x="[N, 2, 6, 4]"),
        example(
            "avg_pool2d: {kernel: [2, 3], stride: 2, padding: [0, 1], ceil: true, "
            "count_padding: false}",
            x="[N, 2, 5, 6]",
        ),
    )


class AvgPool3d(_AvgPool, spatial=3):
    """The mean of each window, as torch.nn.AvgPool3d (count_include_pad is `count_padding`).

    Shapes: x `[N, C, D, H, W]`, y `[N, C, D', H', W']`, with
    `D' = (D + 2·padding - kernel) // stride + 1`; with `ceil` rounded up, without windows that
    would begin behind the input. What a window covers behind the padding never counts, in PyTorch
    as in ONNX from opset 19 on. A window is no longer than its axis, whatever the padding.
    """

    examples = (
        example("avg_pool3d: 2", x="[N, 1, 4, 3, T]"),
        example(
            "avg_pool3d: {kernel: [1, 2, 3], stride: 2, padding: [0, 1, 1], ceil: true, "
            "count_padding: false}",
            x="[1, 2, 3, 4, 4]",
        ),
    )

    def infer(self, at: Site) -> TensorType:
        # PyTorch's kernel asks for it, although padding may make room.
        room(self.name, at.rank("x", 5).dims[2:], self.spans, even((0, 0, 0)))
        return super().infer(at)
