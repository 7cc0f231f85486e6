"""Named arrays: what a checkpoint, a mapping or the initialisers give to every consumer.

    with open_weights("resnet50.safetensors") as weights:
        weights["conv1.weight"].array()       # numpy, read-only, mapped from the file

An `Entry` says type and shape at once and gives its values on demand, whole or in pieces, so that a
writer never holds a network. `archc.matching` brings stored names and the spec's names together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np

from archc import arrays
from archc.arrays import Array
from archc.errors import InputError
from archc.init import Init
from archc.ir.types import ITEM_BYTES, DType

Loader = Callable[[Path], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Region:
    """Where in an open file an entry's bytes lie, little-endian and contiguous."""

    file: int  # a descriptor, open as long as the entry's `Weights`
    offset: int
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One weight: its name, element type and shape, and how to get its values.

    `load` gives an array of that shape in any layout; `stream(items)` gives the flat values in
    pieces, and is there only where this needs no array of the whole. bfloat16 is held as bits in
    uint16. ValueError or InputError if the values turn out to be unreadable.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    load: Callable[[], Array] = field(repr=False)
    stream: Callable[[int], Iterator[Array]] | None = field(default=None, repr=False)
    region: Region | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.name} {self.type}"

    @property
    def type(self) -> str:
        """`dtype[dims]`, as types are written everywhere."""
        return f"{self.dtype}{list(self.shape)}"

    @property
    def size(self) -> int:
        """How many values it has."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes they take."""
        return self.size * ITEM_BYTES[self.dtype]

    def array(self) -> Array:
        """The values, read-only; a view of the file where it is mapped."""
        view = self.load().view()
        view.flags.writeable = False
        return view

    def blocks(self, items: int = 1 << 20) -> Iterator[Array]:
        """The flat values in row-major order, in pieces of at most `items`."""
        return self.stream(items) if self.stream else _flat_blocks(self.load(), items)

    def chunks(self, size: int = 1 << 22) -> Iterator[memoryview]:
        """The values as little-endian bytes, in pieces of at most `size` bytes."""
        for block in self.blocks(max(1, size // ITEM_BYTES[self.dtype])):
            yield arrays.little(block).view(np.uint8).data

    def digest(self) -> str:
        """A hash of the bytes, however they come in pieces."""
        state = blake2b(digest_size=16)
        for chunk in self.chunks():
            state.update(chunk)
        return state.hexdigest()

    def renamed(self, name: str) -> Entry:
        """The same values under another name."""
        return replace(self, name=name)

    def transposed(self) -> Entry:
        """The transpose, made piece by piece from what is stored."""
        return Entry(self.name, self.dtype, self.shape[::-1], lambda: self.load().T)

    def converted(self, dtype: DType) -> Entry:
        """The values in another floating type; InputError E505, on reading, if one does not fit."""
        if dtype == self.dtype:
            return self

        def cast(values: Array) -> Array:
            try:
                return arrays.cast(values, self.dtype, dtype)
            except ValueError as error:
                raise InputError.of("E505", f"{self.name}: {error}") from None

        return Entry(
            self.name,
            dtype,
            self.shape,
            lambda: cast(self.load()),
            lambda items: map(cast, self.blocks(items)),
        )


def _flat_blocks(values: Array, items: int) -> Iterator[Array]:
    """The values in row-major order; of another layout only some rows are brought in order."""
    if values.flags.c_contiguous:
        flat = values.reshape(-1)
        for start in range(0, flat.size, items):
            yield flat[start : start + items]
    elif values.size:
        rows = max(1, items * len(values) // values.size)
        for start in range(0, len(values), rows):
            yield from _flat_blocks(np.ascontiguousarray(values[start : start + rows]), items)


class Weights(Mapping[str, Entry]):
    """Entries by name, in the order of their source; a context manager where a file is open.

    Entries are not read after `close`. Arrays got before stay valid: the file stays mapped until
    the last of them is gone, and on Windows cannot be replaced until then.
    """

    def __init__(
        self,
        name: str,
        entries: Iterable[Entry],
        resources: ExitStack | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name  # what errors call it: the file, usually
        self.metadata = dict(metadata or {})  # what a safetensors file says about itself
        self._entries = {entry.name: entry for entry in entries}
        self._resources = resources or ExitStack()

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Weights {self.name}: {len(self)} entries>"

    def close(self) -> None:
        """Close what is open; a second call does nothing."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_weights(
    source: str | Path | Mapping[str, Any], *, loader: Loader | None = None
) -> Weights:
    """The weights of a `.safetensors`, `.npz` or PyTorch file, or of a mapping of names to arrays.

    A file is what it holds, whatever it is called. Arrays are numpy's, PyTorch's, or have
    `__array__`. `loader` reads PyTorch files; without it the installed one does. InputError E500
    if there is no such file, E503 if it is none of these or is damaged; MissingPackageError E510
    if it is a PyTorch file and nothing can read it.
    """
    from archc import checkpoint

    if isinstance(source, Weights):
        return source
    if isinstance(source, Mapping):
        return checkpoint.from_mapping("the given weights", source)
    path = Path(source)
    match checkpoint.recognise(path):
        case "safetensors":
            from archc import safetensors

            return safetensors.read(path)
        case "npz":
            from archc import npz

            return npz.read(path)
        case "pt":
            return checkpoint.read_pt(path, loader)


def initial(name: str, dtype: DType, shape: tuple[int, ...], init: Init, seed: int) -> Entry:
    """A weight as it is before training, made when it is read and never stored."""
    from archc import random

    return Entry(
        name,
        dtype,
        shape,
        lambda: random.array(init, shape, dtype, name, seed),
        lambda items: random.chunks(init, shape, dtype, name, seed, items),
    )
