"""How element types are held in numpy arrays, and exact conversions between them.

numpy has no bfloat16: such values are held as their 16 bits in `uint16`, and the element type is
always said beside the array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from archc.ir.types import DTYPES, FLOATING, DType

Array = npt.NDArray[Any]

_HELD: dict[DType, np.dtype[Any]] = {
    dtype: np.dtype("uint16" if dtype == "bfloat16" else dtype) for dtype in DTYPES
}


def held(dtype: DType) -> np.dtype[Any]:
    """The numpy type, in the machine's byte order, that holds values of `dtype`."""
    return _HELD[dtype]


def named(name: str) -> DType | None:
    """The element type of that name, as numpy and PyTorch have it too; None if it is not ours."""
    return next((dtype for dtype in DTYPES if dtype == name), None)


def adopt(array: Array) -> Array:
    """The array as archc holds it: the machine's byte order, bfloat16 of any package as bits."""
    if array.dtype.name == "bfloat16":
        return array.view(np.uint16)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def little(array: Array) -> Array:
    """The array with its bytes in little-endian order, which is what files hold."""
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def cast(values: Array, given: DType, wanted: DType) -> Array:
    """Values of one floating type in another, each rounded to the nearest, ties to even.

    The 16-bit types are reached from float32, so that a weight in half precision is the rounded
    float32 weight. ValueError if a finite value does not fit.
    """
    if given == wanted:
        return values
    if not {given, wanted} <= FLOATING:
        raise ValueError(f"{given} values are not converted to {wanted}")
    wide = from_bfloat16(values) if given == "bfloat16" else values
    with np.errstate(over="ignore"):  # looked for below
        if wanted != "float64":
            wide = wide.astype(np.float32, copy=False)
        result = to_bfloat16(wide) if wanted == "bfloat16" else wide.astype(held(wanted))
    if _infinities(result, wanted) != _infinities(values, given):
        raise ValueError(f"{wanted} cannot hold all values: some are too large")
    return result


def to_bfloat16(values: Array) -> Array:
    """The bits of the bfloat16 nearest to each float32, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    # Adding just under half a unit of the last place kept, or exactly half if that place is odd,
    # carries into it exactly when it should round up; past the largest number it gives infinity.
    rounded = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    # Rounding could turn a NaN into an infinity: it is cut off instead, and kept quiet.
    quiet = bits | np.uint32(0x400000)
    kept = np.where(np.isnan(bits.view(np.float32)), quiet, rounded)
    return (kept >> np.uint32(16)).astype(np.uint16).reshape(values.shape)


def from_bfloat16(bits: Array) -> Array:
    """The bfloat16 values with these bits as float32, exactly."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _infinities(values: Array, dtype: DType) -> int:
    if dtype == "bfloat16":
        return int(np.count_nonzero((values & np.uint16(0x7FFF)) == np.uint16(0x7F80)))
    return int(np.count_nonzero(np.isinf(values)))


def difference(expected: Array, actual: Array | None) -> float:
    """The largest absolute difference over the largest expected magnitude.

    Inf where they cannot be compared.
    """
    if actual is None or expected.shape != actual.shape or expected.dtype != actual.dtype:
        return float("inf")
    if expected.dtype.kind != "f":
        return 0.0 if np.array_equal(expected, actual) else float("inf")
    a, b = expected.astype(np.float64), actual.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))  # equal infinities have no difference
    if same.all():
        return 0.0
    gap = np.abs(np.where(same, 0.0, a - b)).max()
    scale = np.abs(a[np.isfinite(a)]).max(initial=0.0)
    return float(gap / max(scale, 1e-6)) if np.isfinite(gap) else float("inf")
