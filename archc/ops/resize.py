"""Pictures of another size."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, TypeVar

from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Bool, Int, Optional, Text
from archc.ops.list_kinds import Floats, Sizes
from archc.ops.site import Site, TypingError
from archc.ops.sizes import divide, impossible

if TYPE_CHECKING:
    from archc.ops.build import Build, Term

T = TypeVar("T")
MODES = {
    "nearest": (3, 4, 5), "linear": (3,), "bilinear": (4,), "trilinear": (5,), "bicubic": (4,),
}  # fmt: skip


class Resize(Op):
    """The spatial axes resampled, as torch.nn.functional.interpolate without antialiasing.

    Shapes: x `[N, C, …]` of rank 3 to 5, y the same with the spatial sizes `size`, or
    `⌊scale·L⌋`. Output i lies at `(i + 0.5)/scale - 0.5` of the input (`nearest`: at `⌊i/scale⌋`,
    `align_corners`: at `i·(L - 1)/(L' - 1)`), where scale is what was given, or L'/L; bicubic is
    Keys's kernel with a = -0.75. In ONNX's words: half_pixel, asymmetric and floor, align_corners.
    """

    keeps_zero = True
    scale = attr(Optional(Floats(0)), None, "the factor of all spatial axes, or of each")
    size = attr(Optional(Sizes(1)), None, "the size of all spatial axes, or of each")
    mode = attr(Text(tuple(MODES)), "nearest", "how values between the input's are found")
    align_corners = attr(Bool(), False, "the corners' values stay at the corners; not for nearest")
    examples = (
        example("resize: {scale: 2}", x="[N, 2, H, W]"),
        example("resize: {size: [7, 3], mode: bilinear}", x="[N, 2, 4, 5]"),
        example("resize: {scale: [1.5, 2], mode: bilinear, align_corners: true}", x="[N, 2, 4, 5]"),
        example("resize: {scale: 0.5, mode: linear}", x="[N, 2, T]"),
        example("resize: {size: 6, mode: bicubic}", x="[N, 2, 4, 5]"),
        example("resize: {size: [2, 6, 5], mode: nearest}", x="[1, 2, 4, 4, 3]"),
        example("resize: {scale: 2, mode: trilinear}", x="[N, 1, 2, 3, 2]"),
        example("resize: {size: [H, 4]}", x="[N, 2, H, W]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.rank("x", *MODES[self.mode])
        at.floating()
        if self.align_corners and self.mode == "nearest":
            raise TypingError(
                "E207", "resize: nearest has no align_corners", about="align_corners",
                help="mode: bilinear has it",
            )  # fmt: skip
        return x.with_dims((*x.dims[:2], *self.sizes(x)))

    def sizes(self, x: TensorType) -> tuple[Size, ...]:
        """The new spatial sizes. Raises TypingError E208, E302 or E305."""
        sizes = x.dims[2:]
        if (self.scale is None) == (self.size is None):
            raise TypingError("E208", "resize needs 'scale' or 'size'", help="resize: {scale: 2}")
        if self.size is not None:
            return self._each("size", self.size, len(sizes))
        scales = self.scales(x.rank)
        assert scales is not None
        return tuple(map(self._scaled, sizes, scales))

    def scales(self, rank: int) -> tuple[float, ...] | None:
        """The factor of each spatial axis where factors are given."""
        return None if self.scale is None else self._each("scale", self.scale, rank - 2)

    def _each(self, name: str, given: tuple[T, ...], axes: int) -> tuple[T, ...]:
        if len(given) not in (1, axes):
            raise TypingError(
                "E302", f"resize: {len(given)} values for {axes} spatial axes", about=name
            )
        return given * axes if len(given) == 1 else given

    def _scaled(self, size: Size, scale: float) -> Size:
        if isinstance(size, int):
            result: Size = floor(size * scale)
        else:
            exact = Fraction(scale)
            if exact.denominator > 64:
                raise TypingError(
                    "E305", f"resize: {size} times {scale:g} is no exact size", about="scale",
                    help="for symbolic sizes a scale is a fraction of halves, quarters or the like",
                )  # fmt: skip
            result = size * exact.numerator // exact.denominator
        if impossible(result - 1):
            raise TypingError(
                "E305", f"resize: nothing is left of {size} at scale {scale:g}", about="scale"
            )
        return result


class PixelShuffle(Op):
    """Channels become pixels: `y[n, c, r·h + i, r·w + j] = x[n, r²·c + r·i + j, h, w]`.

    Shi et al., 2016, as torch.nn.PixelShuffle. Shapes: x `[N, r²·C, H, W]`, y `[N, C, r·H, r·W]`.
    """

    keeps_zero = True
    factor = attr(Int(1), doc="r, the factor of height and width", main=True)
    examples = (example("pixel_shuffle: 2", x="[N, 8, H, W]"),)

    def infer(self, at: Site) -> TensorType:
        x, r = at.rank("x", 4), self.factor
        n, c, h, w = x.dims
        channels = divide(c, r * r, "pixel_shuffle: channels by the factor's square", "factor")
        return x.with_dims((n, channels, h * r, w * r))

    def expand(self, build: Build, *terms: Term) -> Term:
        pattern = "n (c p q) h w -> n c (h p) (w q)"
        return build.op("rearrange", terms[0], pattern=pattern, p=self.factor, q=self.factor)


class PixelUnshuffle(Op):
    """Pixels become channels, the reverse of `pixel_shuffle`, as torch.nn.PixelUnshuffle.

    Shapes: x `[N, C, r·H, r·W]`, y `[N, r²·C, H, W]`.
    """

    keeps_zero = True
    factor = attr(Int(1), doc="r, the divisor of height and width", main=True)
    examples = (example("pixel_unshuffle: 2", x="[N, 3, 4, 6]"),)

    def infer(self, at: Site) -> TensorType:
        x, r = at.rank("x", 4), self.factor
        n, c, h, w = x.dims
        what = "pixel_unshuffle: axis {} by the factor"
        height, width = (divide(s, r, what.format(a), "factor") for a, s in ((2, h), (3, w)))
        return x.with_dims((n, c * (r * r), height, width))

    def expand(self, build: Build, *terms: Term) -> Term:
        pattern = "n c (h p) (w q) -> n (c p q) h w"
        return build.op("rearrange", terms[0], pattern=pattern, p=self.factor, q=self.factor)
