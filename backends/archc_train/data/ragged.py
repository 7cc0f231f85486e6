"""Items of different lengths, padded to the longest of their batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archc.arrays import Array
from archc.ir.dims import symbol
from archc.ir.types import TensorType


@dataclass(frozen=True, slots=True)
class Ragged:
    """A column of sequences, `[length]` or `[length, C]` each, at least one step long.

    As fields it is the sequences padded with `pad`, at their ends or (`before`) at their
    beginnings; where they are named, a mask of the steps that are real and the lengths.
    """

    rows: Array  # of objects: an array each
    symbol: str = "T"
    pad: float = 0
    before: bool = False
    mask: str | None = None
    length: str | None = None

    @classmethod
    def of(cls, rows: Sequence[Array], **more: Any) -> Ragged:
        """The column of some sequences."""
        return cls(held(rows), **more)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, items: Array) -> Ragged:
        return replace(self, rows=self.rows[items])

    def mapped(self, change: Callable[[Array], Array]) -> Ragged:
        """Every sequence changed."""
        return replace(self, rows=held([change(row) for row in self.rows]))

    def fields(self, name: str) -> dict[str, Padded | Mask | Lengths]:
        """The fields, the sequences under a name."""
        found: dict[str, Padded | Mask | Lengths] = {name: Padded(self)}
        if self.mask is not None:
            found[self.mask] = Mask(self)
        if self.length is not None:
            found[self.length] = Lengths(self)
        return found

    def types(self, name: str) -> dict[str, TensorType]:
        n, t = symbol("N"), symbol(self.symbol)
        rest = self.rows[0].shape[1:]
        whole = self.rows[0].dtype.kind in "iu"
        found = {name: TensorType("int64" if whole else "float32", (n, t, *rest))}
        if self.mask is not None:
            found[self.mask] = TensorType("bool", (n, t))
        if self.length is not None:
            found[self.length] = TensorType("int64", (n,))
        return found

    def sizes(self, items: Tensor) -> list[int]:
        return [len(self.rows[k]) for k in items.tolist()]

    def places(self, size: int, longest: int) -> slice:
        """Where in a padded row a sequence of a size stands."""
        return slice(longest - size, longest) if self.before else slice(0, size)


def held(rows: Sequence[Array]) -> Array:
    """Arrays of any lengths as an array of objects."""
    found = np.empty(len(rows), dtype=object)
    for k, row in enumerate(rows):
        found[k] = row
    return found


@dataclass(frozen=True, slots=True)
class Padded:
    """The sequences, int64 `[n, T]` or float32 `[n, T, C]`."""

    column: Ragged

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, items: Tensor) -> Tensor:
        column, sizes = self.column, self.column.sizes(items)
        first = column.rows[0]
        dtype = np.int64 if first.dtype.kind in "iu" else np.float32
        found = np.full((len(sizes), max(sizes), *first.shape[1:]), column.pad, dtype=dtype)
        for row, item, size in zip(found, items.tolist(), sizes, strict=True):
            row[column.places(size, found.shape[1])] = column.rows[item]
        return torch.from_numpy(found)


@dataclass(frozen=True, slots=True)
class Mask:
    """Which steps are real, bool `[n, T]`."""

    column: Ragged

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, items: Tensor) -> Tensor:
        sizes = self.column.sizes(items)
        found = torch.zeros(len(sizes), max(sizes), dtype=torch.bool)
        for row, size in zip(found, sizes, strict=True):
            row[self.column.places(size, found.shape[1])] = True
        return found


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many steps are real, int64 `[n]`."""

    column: Ragged

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, items: Tensor) -> Tensor:
        return torch.tensor(self.column.sizes(items), dtype=torch.int64)
