"""Convolutions over one, two and three spatial axes, and their transposes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from archc.ir.dims import Size, ceil_div
from archc.ir.types import TensorType, product
from archc.ops.attributes import attr
from archc.ops.base import example
from archc.ops.kinds import Bool, Either, Int, Optional, Text
from archc.ops.list_kinds import PerAxis
from archc.ops.site import Site, TypingError
from archc.ops.sizes import around, divide, impossible
from archc.ops.window import Pads, Windowed, even, room, same_pads, spans


class _Window(Windowed):
    """What a convolution and its transpose share: channels, groups and the window."""

    weights = ("weight", "bias")
    out = attr(Optional(Int(1)), None, "output channels; may be left to a weight that is fed")
    kernel = attr(
        Optional(PerAxis(1, 1)), None, "window sizes; may be left to a weight that is fed"
    )
    stride = attr(PerAxis(1, 1), (1,), "steps of the window")
    dilation = attr(PerAxis(1, 1), (1,), "distances between the window's values")
    groups = attr(Int(1), 1, "channels are split into so many groups that do not mix")
    bias = attr(Bool(), True, "add a learned bias to each output channel")

    def window(self, at: Site) -> tuple[int, ...]:
        """The kernel as written, or that of the weight that is fed."""
        if self.kernel is not None:
            return self.kernel
        kernel = [size for size in self._weight(at, "kernel").dims[2:] if isinstance(size, int)]
        if len(kernel) != self.spatial:
            raise TypingError("E310", "the weight's window sizes are not known", about="weight")
        return tuple(kernel)

    def _weight(self, at: Site, missing: str) -> TensorType:
        fed = at.fed.get("weight")
        if fed is None:
            raise TypingError(
                "E208", f"{self.name} needs '{missing}'",
                help=f"write {self.name}: {{out: 64, kernel: 3}}",
            )  # fmt: skip
        if fed.rank != self.spatial + 2:
            raise TypingError(
                "E310", f"the weight of {self.name} has rank {self.spatial + 2}", about="weight",
                label=f"found {fed}",
            )  # fmt: skip
        return fed

    def _declare(self, at: Site, dims: tuple[Size, ...], out: Size) -> None:
        x = at["x"]
        init = around(product(dims[1:]))
        at.weight("weight", dims, init, x.dtype)
        if self.bias:
            at.weight("bias", (out,), init, x.dtype)

    def _groups(self, size: Size, which: str) -> Size:
        if self.groups == 1:
            return size
        return divide(size, self.groups, f"{self.name}: {which} channels by groups", "groups")

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return all(zero) and not self.bias


class _Conv(_Window):
    padding = attr(
        Either((Text(("same",)), PerAxis(1))), (0,),
        "zeros on both sides; `same` gives ceil(size / stride) as ONNX's SAME_UPPER",
    )  # fmt: skip

    def infer(self, at: Site) -> TensorType:
        x = at.rank("x", self.spatial + 2)
        at.floating()
        kernel = self.window(at)
        out = self.out if self.out is not None else self._weight(at, "out").dims[0]
        inner = self._groups(x.dims[1], "input")
        self._groups(out, "output")
        self._declare(at, (out, inner, *kernel), out)
        free = room(self.name, x.dims[2:], spans(kernel, self.dilation), self.pads(x, kernel))
        if self.padding == "same":
            places = [ceil_div(size, s) for size, s in zip(x.dims[2:], self.stride, strict=True)]
        else:
            places = [size // s + 1 for size, s in zip(free, self.stride, strict=True)]
        return x.with_dims((x.dims[0], out, *places))

    def pads(self, x: TensorType, kernel: tuple[int, ...]) -> Pads:
        """The zeros before and after each spatial axis."""
        if self.padding == "same":
            return same_pads(x.dims[2:], spans(kernel, self.dilation), self.stride)
        return even(self.padding)

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        return outputs[0].elements * (at["x"].dims[1] // self.groups) * prod(self.window(at))


class Conv1d(_Conv, spatial=1):
    """Cross-correlation over one axis, as torch.nn.Conv1d: `y[o] = Σ x[i] ⋆ w[o, i] + b[o]`.

    Shapes: x `[N, C, L]`, weight `[out, C/groups, kernel]`, y `[N, out, L']`, with
    `L' = (L + 2·padding - dilation·(kernel - 1) - 1) // stride + 1`. Weight and bias start uniform
    in ±1/√(C/groups · kernel).
    """

    examples = (
        example("conv1d: {out: 4, kernel: 3}", x="[N, 2, T]"),
        example(
            "conv1d: {out: 6, kernel: 3, stride: 2, padding: 2, dilation: 2, groups: 3}",
            x="[N, 3, 9]",
        ),
        example("conv1d: {out: 2, kernel: 4, padding: same, bias: false}", x="[N, 2, T]"),
    )


class Conv2d(_Conv, spatial=2):
    """Cross-correlation over two axes, as torch.nn.Conv2d: `y[o] = Σ x[i] ⋆ w[o, i] + b[o]`.

    Shapes: x `[N, C, H, W]`, weight `[out, C/groups, *kernel]`, y `[N, out, H', W']`, with
    `H' = (H + 2·padding - dilation·(kernel - 1) - 1) // stride + 1`. Weight and bias start uniform
    in ±1/√(C/groups · Πkernel).
    """

    examples = (
        example("conv2d: {out: 4, kernel: 3, padding: 1}", x="[N, 3, H, W]"),
        example(
            "conv2d: {out: 4, kernel: [3, 2], stride: [2, 1], padding: [1, 0], "
            "dilation: [1, 2], groups: 2}",
            x="[N, 2, 7, 6]",
        ),
        example("conv2d: {out: 3, kernel: [2, 3], stride: 2, padding: same}", x="[N, 2, 5, 6]"),
        example("conv2d: {bias: false}", x="[N, 2, 5, 5]", weight="[4, 2, 3, 3]"),
    )


class Conv3d(_Conv, spatial=3):
    """Cross-correlation over three axes, as torch.nn.Conv3d: `y[o] = Σ x[i] ⋆ w[o, i] + b[o]`.

    Shapes: x `[N, C, D, H, W]`, weight `[out, C/groups, *kernel]`, y `[N, out, D', H', W']`, with
    `D' = (D + 2·padding - dilation·(kernel - 1) - 1) // stride + 1`. Weight and bias start uniform
    in ±1/√(C/groups · Πkernel).
    """

    examples = (
        example("conv3d: {out: 2, kernel: 2}", x="[N, 2, 3, 4, T]"),
        example(
            "conv3d: {out: 2, kernel: [1, 2, 3], stride: [1, 2, 1], padding: [0, 1, 1], groups: 2}",
            x="[1, 2, 2, 3, 4]",
        ),
        example("conv3d: {out: 2, kernel: 3, padding: same, bias: false}", x="[N, 1, 3, 3, 2]"),
        example("conv3d: {out: 1, kernel: 2, dilation: [1, 2, 1]}", x="[N, 1, 2, 3, 2]"),
    )


class _ConvTranspose(_Window):
    padding = attr(PerAxis(1), (0,), "outputs left away on both sides")
    output_padding = attr(PerAxis(1), (0,), "outputs added after the end; less than the stride")

    def infer(self, at: Site) -> TensorType:
        x = at.rank("x", self.spatial + 2)
        at.floating()
        kernel = self.window(at)
        out = self.out if self.out is not None else self._weight(at, "out").dims[1] * self.groups
        self._groups(x.dims[1], "input")
        self._declare(at, (x.dims[1], self._groups(out, "output"), *kernel), out)
        places = map(self._places, x.dims[2:], range(self.spatial), spans(kernel, self.dilation))
        return x.with_dims((x.dims[0], out, *places))

    def _places(self, size: Size, axis: int, span: int) -> Size:
        stride, extra = self.stride[axis], self.output_padding[axis]
        if extra >= max(stride, self.dilation[axis]):
            raise TypingError(
                "E305", f"{self.name}: output_padding is {extra}, and neither stride nor dilation "
                "is larger", about="output_padding",
            )  # fmt: skip
        places = (size - 1) * stride - 2 * self.padding[axis] + span + extra
        if impossible(places - 1):
            raise TypingError(
                "E305", f"{self.name}: padding {self.padding[axis]} leaves nothing of axis "
                f"{axis + 2}: {places} values", about="padding",
            )  # fmt: skip
        return places

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        per_input = (outputs[0].dims[1] // self.groups) * prod(self.window(at))
        return at["x"].elements * per_input


class ConvTranspose1d(_ConvTranspose, spatial=1):
    """The transpose (gradient) of `conv1d`, as torch.nn.ConvTranspose1d.

    Shapes: x `[N, C, L]`, weight `[C, out/groups, kernel]`, y `[N, out, L']`, with
    `L' = (L - 1)·stride - 2·padding + dilation·(kernel - 1) + output_padding + 1`. Weight and bias
    start uniform in ±1/√(out/groups · kernel).
    """

    examples = (
        example("conv_transpose1d: {out: 3, kernel: 4, stride: 2, padding: 1}", x="[N, 2, T]"),
        example(
            "conv_transpose1d: {out: 4, kernel: 3, stride: 3, dilation: 2, output_padding: 2, "
            "groups: 2, bias: false}",
            x="[N, 2, 4]",
        ),
    )


class ConvTranspose2d(_ConvTranspose, spatial=2):
    """The transpose (gradient) of `conv2d`, as torch.nn.ConvTranspose2d.

    Shapes: x `[N, C, H, W]`, weight `[C, out/groups, *kernel]`, y `[N, out, H', W']`, with
    `H' = (H - 1)·stride - 2·padding + dilation·(kernel - 1) + output_padding + 1`. Weight and bias
    start uniform in ±1/√(out/groups · Πkernel).
    """

    examples = (
        example("conv_transpose2d: {out: 3, kernel: 2, stride: 2}", x="[N, 2, H, W]"),
        example(
            "conv_transpose2d: {out: 4, kernel: [3, 2], stride: [2, 1], padding: [1, 0], "
            "output_padding: [1, 0], groups: 2}",
            x="[N, 2, 4, 3]",
        ),
        example(
            "conv_transpose2d: {out: 2, kernel: 2, dilation: 2, bias: false}", x="[N, 1, 3, 2]"
        ),
        example("conv_transpose2d: {stride: 2}", x="[N, 2, 3, 3]", weight="[2, 3, 2, 2]"),
    )


class ConvTranspose3d(_ConvTranspose, spatial=3):
    """The transpose (gradient) of `conv3d`, as torch.nn.ConvTranspose3d.

    Shapes: x `[N, C, D, H, W]`, weight `[C, out/groups, *kernel]`, y `[N, out, D', H', W']`, with
    `D' = (D - 1)·stride - 2·padding + dilation·(kernel - 1) + output_padding + 1`. Weight and bias
    start uniform in ±1/√(out/groups · Πkernel).
    """

    examples = (
        example("conv_transpose3d: {out: 2, kernel: 2, stride: 2}", x="[N, 2, 2, 2, T]"),
        example(
            "conv_transpose3d: {out: 2, kernel: [1, 2, 3], padding: [0, 1, 1], groups: 2}",
            x="[1, 2, 2, 3, 4]",
        ),
        example(
            "conv_transpose3d: {out: 1, kernel: 2, stride: 2, dilation: [1, 2, 1], "
            "output_padding: [0, 1, 0], bias: false}",
            x="[N, 1, 2, 2, 1]",
        ),
    )
