"""Windows that slide over spatial axes: what convolutions and poolings share.

A window of `span` values steps over an axis of `size` values that is padded before and after; it
stands in (before + size + after - span) // stride + 1 places (Dumoulin and Visin, A guide to
convolution arithmetic for deep learning, 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from archc.ir.dims import Size, ceil_div, largest
from archc.ops.attributes import Attribute
from archc.ops.base import Op
from archc.ops.site import TypingError
from archc.ops.sizes import impossible

Pads = tuple[tuple[Size, Size], ...]  # (before, after) of each spatial axis


class Windowed(Op):
    """The base of ops in a 1d, 2d and 3d form; attributes for each axis are declared for one."""

    spatial: ClassVar[int] = 1

    def __init_subclass__(cls, spatial: int = 0, **rest: Any) -> None:
        if spatial:
            cls.spatial = spatial
            declared = [item for base in reversed(cls.__mro__) for item in vars(base).items()]
            for name, attribute in declared:
                if isinstance(attribute, Attribute):
                    wide = attribute.over(spatial)
                    wide.__set_name__(cls, name)
                    setattr(cls, name, wide)
        super().__init_subclass__(**rest)


def spans(kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """How many values each side of a dilated window covers."""
    return tuple([d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)])


def even(padding: Sequence[int]) -> Pads:
    """The same padding before and after."""
    return tuple([(p, p) for p in padding])


def same_pads(sizes: Sequence[Size], spans: Sequence[int], strides: Sequence[int]) -> Pads:
    """The padding that gives ceil(size / stride) places, an odd one after: ONNX's SAME_UPPER."""
    pads: list[tuple[Size, Size]] = []
    for size, span, stride in zip(sizes, spans, strides, strict=True):
        reach = (ceil_div(size, stride) - 1) * stride + span - size
        total = 0 if span == 1 else largest([reach, 0])  # a window of one value never reaches over
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def room(op: str, sizes: Sequence[Size], spans: Sequence[int], pads: Pads) -> tuple[Size, ...]:
    """How far the window can move along each axis. Raises E305 where it does not fit."""
    result: list[Size] = []
    for axis, (size, span, (before, after)) in enumerate(zip(sizes, spans, pads, strict=True)):
        free = size + before + after - span
        if free < 0 if isinstance(free, int) else impossible(free):
            padded = f"{size} + {before} + {after} padding" if before or after else f"{size}"
            raise TypingError(
                "E305", f"{op}: a window over {span} does not fit into axis {axis + 2} of {padded}",
                about="kernel", label=f"at most {size + before + after}",
                help="use a smaller kernel, more padding, or a larger input",
            )  # fmt: skip
        result.append(free)
    return tuple(result)
