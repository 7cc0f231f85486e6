"""The types of values: an element type and exact dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from archc.ir.dims import Size, lower_bound, symbols

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
NONE: frozenset[str] = frozenset()


def holds(dtype: DType, number: float) -> bool:
    """Whether an element type has the number: of whole numbers, whole ones in their range."""
    if dtype not in INTEGRAL:
        return True
    count = 2 ** (8 * ITEM_BYTES[dtype])
    least = 0 if dtype == "uint8" else -count // 2
    return least <= number < least + count and number == int(number)


class TensorType:
    """`dtype[dims]`; equal types are interchangeable, and none is ever changed.

    What is asked of it again and again (hash, symbols, elements) is worked out once.
    """

    __slots__ = ("_elements", "_hash", "_least", "_symbols", "dims", "dtype")

    def __init__(self, dtype: DType, dims: tuple[Size, ...]) -> None:
        self.dtype, self.dims = dtype, dims
        self._hash: int | None = None
        self._elements: Size | None = None
        self._least: int | None = None
        self._symbols: frozenset[str] | None = None

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, TensorType) and self.dims == other.dims and self.dtype == other.dtype
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.dtype, self.dims))
        return self._hash

    def __reduce__(self) -> tuple[type[TensorType], tuple[object, ...]]:
        return TensorType, (self.dtype, self.dims)  # a hash is good for one process

    def __repr__(self) -> str:
        return f"TensorType(dtype={self.dtype!r}, dims={self.dims!r})"

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
        if self._elements is None:
            self._elements = product(self.dims)
        return self._elements

    @property
    def least(self) -> int:
        """How many elements a value has at least; 0 where nothing is known."""
        if self._least is None:
            self._least = max(0, self._bound())
        return self._least

    def _bound(self) -> int:
        least = 1
        for dim in self.dims:
            bound = dim if isinstance(dim, int) else lower_bound(dim)
            if bound is None or bound < 0:
                return lower_bound(self.elements) or 0
            least *= bound
        return least

    @property
    def fixed(self) -> bool:
        """Whether every size is a number."""
        for dim in self.dims:  # noqa: SIM110 - asked of every weight
            if not isinstance(dim, int):
                return False
        return True

    @property
    def symbols(self) -> frozenset[str]:
        if self._symbols is None:
            parts = [symbols(dim) for dim in self.dims if not isinstance(dim, int)]
            self._symbols = NONE.union(*parts) if parts else NONE
        return self._symbols

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
