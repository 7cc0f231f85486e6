"""The types of values: an element type and exact dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from archc.ir.dims import Size, symbols
from archc.records import record

DType = Literal[
    "float16", "bfloat16", "float32", "float64",
    "int8", "int16", "int32", "int64", "uint8", "bool",
]  # fmt: skip

DTYPES: tuple[DType, ...] = get_args(DType)
FLOATING: frozenset[DType] = frozenset({"float16", "bfloat16", "float32", "float64"})
INTEGRAL: frozenset[DType] = frozenset({"int8", "int16", "int32", "int64", "uint8"})
NUMERIC: frozenset[DType] = FLOATING | INTEGRAL
ITEM_BYTES: dict[DType, int] = {
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
    "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "bool": 1,
}  # fmt: skip


@record
class TensorType:
    """`dtype[dims]`; equal types are interchangeable."""

    dtype: DType
    dims: tuple[Size, ...]

    def __str__(self) -> str:
        return f"{self.dtype}{self.shape_text}"

    @property
    def shape_text(self) -> str:
        return f"[{', '.join(map(str, self.dims))}]"

    @property
    def rank(self) -> int:
        return len(self.dims)

    @property
    def elements(self) -> Size:
        return product(self.dims)

    @property
    def fixed(self) -> bool:
        """Whether every size is a number."""
        for dim in self.dims:  # noqa: SIM110 - asked of every weight
            if not isinstance(dim, int):
                return False
        return True

    @property
    def symbols(self) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for dim in self.dims:
            if not isinstance(dim, int):
                found |= symbols(dim)
        return found

    def with_dims(self, dims: Iterable[Size]) -> TensorType:
        return TensorType(self.dtype, tuple(dims))

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.dims)


def product(sizes: Iterable[Size]) -> Size:
    """The product of the sizes; 1 of none."""
    number = 1
    symbolic: Size = 1
    for size in sizes:
        if isinstance(size, int):
            number *= size
        else:
            symbolic = size * symbolic
    return number * symbolic
