"""Normalisation over batches, layers, groups and instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archc.init import Init
from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Bool, Float, Int
from archc.ops.list_kinds import Ints
from archc.ops.site import Site, TypingError
from archc.ops.sizes import divide

if TYPE_CHECKING:
    from archc.ops.build import Build, Term

ONES, ZEROS = Init("ones"), Init("zeros")


class BatchNorm(Op):
    """`y = (x - E[x]) / √(Var[x] + eps) · weight + bias` for each channel.

    Ioffe and Szegedy, 2015. Shapes: x and y `[N, C, …]` of rank 2 or more, all weights `[C]`. As
    torch.nn.BatchNorm1d to 3d: training uses the batch's statistics (variance divided by n) and
    moves the running ones by `momentum` (variance divided by n - 1); inference uses the running
    ones, or with `track: false` the batch's. PyTorch refuses to make statistics of one value a
    channel; with `track: false` that is E305 where the sizes are known.
    """

    training = True
    weights = ("weight", "bias", "running_mean", "running_var")
    eps = attr(Float(0), 1e-5, "added to the variance")
    momentum = attr(Float(0, 1), 0.1, "the share of a new batch in the running statistics")
    affine = attr(Bool(), True, "learn a scale and a shift of each channel")
    track = attr(Bool(), True, "keep running statistics for inference")
    examples = (
        example("batch_norm", x="[N, 3, H, W]"),
        example("batch_norm: {eps: 0.1, momentum: 0.5, affine: false}", x="[N, 4]"),
        example("batch_norm: {track: false}", x="[N, 3, T]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 2)
        at.floating()
        channels = (x.dims[1],)
        if self.affine:
            at.weight("weight", channels, ONES, x.dtype)
            at.weight("bias", channels, ZEROS, x.dtype)
        if self.track:
            at.weight("running_mean", channels, ZEROS, x.dtype, buffer=True)
            at.weight("running_var", channels, ONES, x.dtype, buffer=True)
        else:
            _several(self.name, "of each channel", [x.dims[0], *x.dims[2:]], x)
        return x

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        own = self.affine or self.track  # a shift, or a running mean that need not be 0
        return all(zero) and not own and self.eps > 0

    def expand(self, build: Build, *terms: Term) -> Term | None:
        if self.track:
            return None
        x = terms[0]
        axes = [0, *range(2, x.type.rank)]
        y = standardise(build, x, axes, self.eps)
        if not self.affine:
            return y
        shape = [x.type.dims[1], *(1,) * (x.type.rank - 2)]
        weight, bias = (
            build.op("reshape", build.weight(name), shape=shape) for name in ("weight", "bias")
        )
        return build.op("add", build.op("mul", y, weight), bias)


class LayerNorm(Op):
    """`y = (x - E[x]) / √(Var[x] + eps) · weight + bias` over the last axes.

    Ba, Kiros and Hinton, 2016. Shapes: x and y `[…, *shape]`, weight and bias `shape`, the sizes of
    `axes`, which are the last ones. As torch.nn.LayerNorm, whose normalized_shape is inferred here.
    """

    weights = ("weight", "bias")
    axes = attr(Ints(), (-1,), "the axes that are normalised together: the last ones")
    eps = attr(Float(0), 1e-5, "added to the variance")
    affine = attr(Bool(), True, "learn a scale, and a shift unless `bias` is false")
    bias = attr(Bool(), True, "learn a shift")
    examples = (
        example("layer_norm", x="[N, T, 6]"),
        example("layer_norm: {axes: [1, 2], eps: 0.1}", x="[N, 3, 4]"),
        example("layer_norm: {bias: false}", x="[N, 5]"),
        example("layer_norm: {affine: false}", x="[N, 4]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 1)
        at.floating()
        shape = x.dims[-last_axes(self.axes, at, x.rank) :]
        if self.affine:
            at.weight("weight", shape, ONES, x.dtype)
            if self.bias:
                at.weight("bias", shape, ZEROS, x.dtype)
        return x

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return all(zero) and self.eps > 0 and not (self.affine and self.bias)


class RMSNorm(Op):
    """`y = x / √(E[x²] + eps) · weight` over the last axes (Zhang and Sennrich, 2019).

    Shapes: x and y `[…, *shape]`, weight `shape`, the sizes of `axes`, which are the last ones. eps
    is ONNX's 1e-5; torch.nn.RMSNorm takes the element type's epsilon if none is given.
    """

    weights = ("weight",)
    axes = attr(Ints(), (-1,), "the axes that are normalised together: the last ones")
    eps = attr(Float(0), 1e-5, "added to the mean square")
    affine = attr(Bool(), True, "learn a scale")
    examples = (
        example("rms_norm", x="[N, T, 6]"),
        example("rms_norm: {axes: [1, 2], eps: 0.1, affine: false}", x="[N, 3, 4]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 1)
        at.floating()
        shape = x.dims[-last_axes(self.axes, at, x.rank) :]
        if self.affine:
            at.weight("weight", shape, ONES, x.dtype)
        return x

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return all(zero) and self.eps > 0

    def expand(self, build: Build, *terms: Term) -> Term:
        x = terms[0]
        square = build.op("mean", build.op("square", x), axes=self.axes, keep=True)
        y = build.op("mul", x, build.op("rsqrt", build.op("add", square, self.eps)))
        return build.op("mul", y, build.weight("weight")) if self.affine else y


class GroupNorm(Op):
    """`y = (x - E[x]) / √(Var[x] + eps) · weight + bias` over each group of channels.

    Wu and He, 2018. Shapes: x and y `[N, C, …]`, weight and bias `[C]`; C is divisible by `groups`.
    As torch.nn.GroupNorm. A group of one value is E305: PyTorch refuses it where N is 1.
    """

    weights = ("weight", "bias")
    groups = attr(Int(1), doc="how many groups the channels form", main=True)
    eps = attr(Float(0), 1e-5, "added to the variance")
    affine = attr(Bool(), True, "learn a scale and a shift of each channel")
    examples = (
        example("group_norm: 2", x="[N, 4, H, W]"),
        example("group_norm: {groups: 3, eps: 0.1, affine: false}", x="[N, 6, T]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 2)
        at.floating()
        channels = divide(x.dims[1], self.groups, "group_norm: channels by groups", "groups")
        _several(self.name, "in each group", [channels, *x.dims[2:]], x)
        _declare(self.affine, at, x)
        return x

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return all(zero) and self.eps > 0 and not self.affine


class InstanceNorm(Op):
    """`y = (x - E[x]) / √(Var[x] + eps)` over each channel of each item (Ulyanov et al., 2016).

    Shapes: x and y `[N, C, …]` of rank 3 or more, weight and bias `[C]` where `affine`, which is
    false by default, as in torch.nn.InstanceNorm1d to 3d. PyTorch refuses channels of one value:
    that is E305 where the sizes are known.
    """

    weights = ("weight", "bias")
    eps = attr(Float(0), 1e-5, "added to the variance")
    affine = attr(Bool(), False, "learn a scale and a shift of each channel")
    examples = (
        example("instance_norm", x="[N, 3, H, W]"),
        example("instance_norm: {affine: true, eps: 0.1}", x="[N, 3, T]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 3)
        at.floating()
        _several(self.name, "of each channel", x.dims[2:], x)
        _declare(self.affine, at, x)
        return x

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return all(zero) and self.eps > 0 and not self.affine


class LocalResponseNorm(Op):
    """`y = x / (k + alpha/size · Σ x²)^beta`, the sum over neighbouring channels.

    Krizhevsky, Sutskever and Hinton, 2012; alpha is divided by `size` as in torch.nn and ONNX.
    Shapes: x and y `[N, C, …]` of rank 3 or more. For channel c the window is c - ⌊size/2⌋ to
    c + ⌊(size - 1)/2⌋, PyTorch's; ONNX puts the odd channel of an even size behind c.
    """

    size = attr(Int(1), doc="how many channels the window covers", main=True)
    alpha = attr(Float(), 1e-4, "factor of the mean square")
    beta = attr(Float(), 0.75, "exponent")
    k = attr(Float(), 1.0, "added to the mean square")
    examples = (
        example("local_response_norm: 3", x="[N, 5, H, W]"),
        example("local_response_norm: {size: 4, alpha: 0.5, beta: 0.5, k: 2.0}", x="[N, 6, T]"),
    )

    def infer(self, at: Site) -> TensorType:
        at.least_rank("x", 3)
        return at.floating()


def _several(op: str, where: str, sizes: Sequence[Size], x: TensorType) -> None:
    """Raises TypingError E305 where a lone value would be normalised by itself, which gives 0."""
    if all(size == 1 for size in sizes):
        raise TypingError(
            "E305", f"{op} needs several values {where}, and there is one",
            about="x", label=f"found {x.shape_text}",
        )  # fmt: skip


def last_axes(axes: tuple[int, ...], at: Site, rank: int) -> int:
    """How many axes are named, all of them the last ones. Raises TypingError E308."""
    found = sorted(at.axes(axes, rank))
    if not found or found != list(range(rank - len(found), rank)):
        raise TypingError(
            "E308", f"{at.op.name} works on the last axes, found {list(axes)} of rank {rank}",
            about="axes", help="move the axes to the end with rearrange",
        )  # fmt: skip
    return len(found)


def standardise(build: Build, x: Term, axes: list[int], eps: float) -> Term:
    """`(x - E[x]) / √(Var[x] + eps)` over some axes."""
    away = build.op("sub", x, build.op("mean", x, axes=axes, keep=True))
    variance = build.op("mean", build.op("square", away), axes=axes, keep=True)
    return build.op("mul", away, build.op("rsqrt", build.op("add", variance, eps)))


def _declare(affine: bool, at: Site, x: TensorType) -> None:
    if affine:
        at.weight("weight", x.dims[1:2], ONES, x.dtype)
        at.weight("bias", x.dims[1:2], ZEROS, x.dtype)
