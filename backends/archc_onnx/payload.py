"""A tensor's bytes into a file, wherever they come from, a few mebibytes at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Final

from archc.errors import Diagnostic, InputError
from archc.files import copy_range
from archc.weights import Region
from archc_onnx.model import Tensor

CHUNK_BYTES: Final = 4 << 20


def put(tensor: Tensor, file: BinaryIO) -> None:
    """Writes the tensor's data at the end of the file, a region by the kernel where it can.

    Raises as `chunks` does; what has been written by then is no whole tensor.
    """
    if isinstance(tensor.data, Region):
        _check_end(tensor, tensor.data)
        file.flush()  # what is buffered comes before what the kernel copies
        copy_range(tensor.data.file, file.fileno(), tensor.data.offset, tensor.data.length)
        file.seek(0, os.SEEK_END)  # the buffer's idea of the position is that of before the copy
    else:
        file.writelines(chunks(tensor))


def chunks(tensor: Tensor) -> Iterator[memoryview]:
    """The tensor's bytes in order, exactly as many as its type needs.

    Raises InputError E503 for a region that its file ends in, ValueError where a function makes
    more or fewer bytes than the type needs.
    """
    if isinstance(tensor.data, Region):
        yield from _read(tensor, tensor.data)
    elif callable(tensor.data):
        made = 0
        for chunk in tensor.data():
            view = memoryview(chunk)
            made += view.nbytes
            if made > tensor.nbytes:
                raise ValueError(f"{tensor.name}: its data has more than {tensor.nbytes} bytes")
            yield _flat(view)
        if made < tensor.nbytes:
            raise ValueError(f"{tensor.name}: its data has {made} of {tensor.nbytes} bytes")
    else:
        yield _flat(memoryview(tensor.data))


def _flat(view: memoryview) -> memoryview:
    """The same bytes without their shape, which hashes and files do not take."""
    return view.cast("B") if view.nbytes else memoryview(b"")


def _read(tensor: Tensor, region: Region) -> Iterator[memoryview]:
    _check_end(tensor, region)
    with os.fdopen(region.file, "rb", buffering=0, closefd=False) as source:
        source.seek(region.offset)
        left = region.length
        while left:
            chunk = source.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise _cut_short(tensor)
            left -= len(chunk)
            yield memoryview(chunk)


def _check_end(tensor: Tensor, region: Region) -> None:
    if os.fstat(region.file).st_size < region.offset + region.length:
        raise _cut_short(tensor)


def _cut_short(tensor: Tensor) -> InputError:
    return InputError(
        [
            Diagnostic(
                "E503",
                f"the file of the weights ends within '{tensor.name}'",
                help="it may be cut short; get it again",
            )
        ]
    )
