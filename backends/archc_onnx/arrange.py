"""Weights written with their gates in another order, without holding them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from archc.weights import Entry
from archc_onnx.model import Buffer, Tensor
from archc_onnx.payload import CHUNK_BYTES


def arranged(
    name: str, entries: Sequence[Entry], order: Sequence[int], dims: tuple[int, ...]
) -> Tensor:
    """The entries one after another, the equal parts of axis 0 of each in the given order."""

    def chunks() -> Iterator[Buffer]:
        for entry in entries:
            length = entry.nbytes // len(order)
            for part in order:
                yield from _bytes(entry, part * length, length)

    return Tensor(name, entries[0].dtype, dims, chunks)


def _bytes(entry: Entry, start: int, length: int) -> Iterator[Buffer]:
    """Some of an entry's bytes: read from its file, or made anew up to there."""
    if entry.region is not None and hasattr(os, "pread"):
        position, end = entry.region.offset + start, entry.region.offset + start + length
        while position < end:
            read = os.pread(entry.region.file, min(CHUNK_BYTES, end - position), position)
            if not read:
                return  # the writer says that there are too few
            position += len(read)
            yield read
        return
    done = 0
    for chunk in entry.chunks(CHUNK_BYTES):
        view = memoryview(chunk)[max(0, start - done) : max(0, start + length - done)]
        done += len(chunk)
        if view:
            yield view
        if done >= start + length:
            return
