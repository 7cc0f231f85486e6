"""Pictures of another size, in ONNX's words for PyTorch's rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archc.ir.dims import Size
from archc.ir.types import FLOATING
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines

_MODES = {
    "nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear",
    "bicubic": "cubic",
}  # fmt: skip


def resize(at: At) -> Operand:
    op, x = at.op, at["x"]
    scales = op.scales(x.type.rank)
    if op.mode == "nearest":
        if x.type == at.type and (scales is None or set(scales) == {1}):
            return x
        if (picked := rounded(at)) is not None:
            return picked
    attributes: dict[str, Any] = {
        "mode": _MODES[op.mode],
        "coordinate_transformation_mode": "half_pixel",
    }
    if op.mode == "nearest":
        attributes["coordinate_transformation_mode"] = "asymmetric"
        attributes["nearest_mode"] = "floor"
    elif op.align_corners:
        attributes["coordinate_transformation_mode"] = "align_corners"
    if op.mode == "bicubic":
        attributes["cubic_coeff_a"] = -0.75
    if scales is not None:
        axes = zip(x.type.dims[2:], at.type.dims[2:], scales, strict=True)
        exact = np.array([1.0, 1.0, *(single(*axis) for axis in axes)], np.float32)
        factors = at.emitter.constant(exact, "float32")
        return at.add("Resize", x, None, factors, to=at.type, **attributes)
    sizes = at.emitter.shape(at.type.dims)
    return at.add("Resize", x, None, None, sizes, to=at.type, **attributes)


def single(old: Size, new: Size, factor: float) -> np.float32:
    """The factor in single precision, as near as gives the size: onnxruntime multiplies in it."""
    scale = np.float32(factor)
    if isinstance(old, int) and isinstance(new, int):
        while (made := int(np.float32(old) * scale)) != new:
            scale = np.nextafter(scale, np.float32(np.inf if made < new else 0))
    return scale


def rounded(at: At) -> Operand | None:
    """`nearest` by index, where sizes are known and Resize would pick other pixels than PyTorch.

    PyTorch multiplies by the old size over the new one, onnxruntime divides by the inverse, both in
    single precision; where the exact position is a whole number, one may end just below it.
    """
    factors = at.op.scales(at.type.rank) or (None,) * (at.type.rank - 2)
    sizes = zip(at["x"].type.dims[2:], at.type.dims[2:], factors, strict=True)
    axes = [
        (old, new, factor)
        for old, new, factor in sizes
        if isinstance(old, int) and isinstance(new, int)
    ]
    if len(axes) < len(factors):
        return None
    found = [torch_picks(*axis) for axis in axes]
    if all(map(np.array_equal, found, (resize_picks(*axis) for axis in axes))):
        return None
    result = at["x"]
    for k, picks in enumerate(found, 2):
        dims = result.type.dims
        if not np.array_equal(picks, np.arange(axes[k - 2][0])):
            to = result.type.with_dims((*dims[:k], len(picks), *dims[k + 1 :]))
            index = at.emitter.constant(picks, "int64")
            result = at.add("Gather", result, index, to=to, axis=k)
    return result


def torch_picks(old: int, new: int, factor: float | None) -> NDArray[np.int64]:
    """The pixels of an axis that PyTorch picks for `nearest`."""
    step = np.float32(old) / np.float32(new) if factor is None else np.float32(1 / factor)
    positions = np.arange(new, dtype=np.float32) * step
    return np.minimum(positions.astype(np.int64), old - 1)


def resize_picks(old: int, new: int, factor: float | None) -> NDArray[np.int64]:
    """Those that onnxruntime's Resize picks: asymmetric, floor."""
    scale = np.float32(new) / np.float32(old) if factor is None else np.float32(factor)
    positions = np.arange(new, dtype=np.float32) / scale
    return np.minimum(positions.astype(np.int64), old - 1)


def pixel_shuffle(at: At) -> Operand:
    x, factor = at["x"], at.op.factor
    if x.type.dtype in FLOATING:
        return at.add("DepthToSpace", x, to=at.type, blocksize=factor, mode="CRD")
    n, c, h, w = x.type.dims  # onnxruntime moves no other values so
    parts = at.reshape(x, (n, c // factor**2, factor, factor, h, w), "parts")
    turned = at.transpose(parts, [0, 1, 4, 2, 5, 3], "turned")
    return at.reshape(turned, at.type.dims)


LINES: Lines = {"resize": resize, "pixel_shuffle": pixel_shuffle}
