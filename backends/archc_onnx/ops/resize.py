"""Pictures of another size, in ONNX's words for PyTorch's rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from archc.ir.types import FLOATING
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines

_MODES = {
    "nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear",
    "bicubic": "cubic",
}  # fmt: skip


def resize(at: At) -> Operand:
    op, x = at.op, at["x"]
    if x.type == at.type and op.mode == "nearest":
        return x
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
    scales = op.scales(x.type.rank)
    if scales is not None:
        factors = at.emitter.constant(np.array([1.0, 1.0, *scales], np.float32), "float32")
        return at.add("Resize", x, None, factors, to=at.type, **attributes)
    sizes = at.emitter.shape(at.type.dims)
    return at.add("Resize", x, None, None, sizes, to=at.type, **attributes)


def pixel_shuffle(at: At) -> Operand:
    x, factor = at["x"], at.op.factor
    if x.type.dtype in FLOATING:
        return at.add("DepthToSpace", x, to=at.type, blocksize=factor, mode="CRD")
    n, c, h, w = x.type.dims  # onnxruntime moves no other values so
    parts = at.reshape(x, (n, c // factor**2, factor, factor, h, w), "parts")
    turned = at.transpose(parts, [0, 1, 4, 2, 5, 3], "turned")
    return at.reshape(turned, at.type.dims)


LINES: Lines = {"resize": resize, "pixel_shuffle": pixel_shuffle}
