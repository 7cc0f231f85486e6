"""Weights in a file of their own, for models above protobuf's limit.

The model and its data are two files, and no rename replaces two at once. So the data file's name,
`m.onnx.<16 hex digits>.data`, has a digest of its bytes in it, and the order is: data under a
temporary name, data under its own, model, old data away. Whenever the process dies, the model that
stands there, old or new, finds the data that it was written with; what may be left over is a file
that the next write of that model removes. Equal weights give equal names, hence equal models.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from archc.files import replacing
from archc_onnx.encode import Slot
from archc_onnx.leftovers import lock, remove, siblings
from archc_onnx.model import Tensor
from archc_onnx.payload import chunks

ALIGNMENT: Final = 4096  # bytes: a page, so that runtimes can map each tensor by itself
SMALLEST: Final = 1024  # bytes: what is smaller stays in the model, where shape inference reads it
_DIGEST_BYTES: Final = 8
_DIGEST: Final = f"[0-9a-f]{{{2 * _DIGEST_BYTES}}}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which tensors go into the data file, and at which byte each starts."""

    offsets: dict[Tensor, int]
    size: int  # of the file, in bytes

    @classmethod
    def of(cls, tensors: Iterable[Tensor]) -> Layout:
        """Those of at least 1 KiB, in order, each at the start of a page."""
        offsets: dict[Tensor, int] = {}
        end = 0
        for tensor in tensors:
            if tensor.nbytes >= SMALLEST:
                offsets[tensor] = -(-end // ALIGNMENT) * ALIGNMENT
                end = offsets[tensor] + tensor.nbytes
        return cls(offsets, end)

    def slots(self, location: str) -> dict[Tensor, Slot]:
        """Where each tensor stands, if the data file has this bare name."""
        return {tensor: Slot(location, offset) for tensor, offset in self.offsets.items()}


def location(model: Path, digest: str = "0" * (2 * _DIGEST_BYTES)) -> str:
    """The data file's bare name; with a digest yet unknown, a name of the same length."""
    return f"{model.name}.{digest}.data"


def data_files(model: Path) -> list[Path]:
    """The data files, of any digest, that stand beside a model at this path."""
    return siblings(model, rf"{re.escape(model.name)}\.{_DIGEST}\.data")


def _identity(file: Path) -> tuple[int, int, int] | None:
    """What tells a file from the one that was there before; None where there is no file."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


@contextmanager
def data_file(layout: Layout, model: Path) -> Iterator[str]:
    """Writes the data file, yields its bare name; the block then writes the model.

    If the block fails, the data file is removed again, unless it stood there before, when the old
    model may need it, or the model was replaced all the same, when the new one does.
    """
    old_model = _identity(model)
    # The name is known when the last byte is, so the file is first whole under another.
    staged = model.with_name(f".{model.name}.{secrets.token_hex(6)}.part")
    try:
        with replacing(staged, layout.size) as file:
            lock(file)
            name = location(model, _write(layout, file))
        final = model.with_name(name)
        is_new = not final.exists()
        staged.replace(final)
    except BaseException:
        remove([staged])
        raise
    try:
        yield name
    except BaseException:
        if is_new and _identity(model) == old_model:
            remove([final])
        raise


def _write(layout: Layout, file: BinaryIO) -> str:
    """Writes the tensors at their offsets; returns the digest of all bytes, in hexadecimal."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    end = 0
    for tensor, offset in layout.offsets.items():
        for chunk in chain([memoryview(bytes(offset - end))], chunks(tensor)):
            digest.update(chunk)
            file.write(chunk)
        end = offset + tensor.nbytes
    return digest.hexdigest()
