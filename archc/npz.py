"""numpy's archives of arrays, read as hostile until checked; no array of objects is ever read.

A `.npz` file is a zip archive of `.npy` members: a magic, a header that is a Python literal with
type, order and shape, and the values. Nothing is unpacked before the sizes that it claims agree.
"""

from __future__ import annotations

import ast
import re
import struct
import zipfile
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from archc import arrays
from archc.arrays import Array
from archc.errors import ArchcError, InputError
from archc.ir.types import DTYPES, ITEM_BYTES
from archc.weights import Entry, Weights

# What reading a damaged archive raises.
BAD_ZIP = (
    zipfile.BadZipFile, zlib.error, struct.error,
    OSError, EOFError, ValueError, RuntimeError, OverflowError,
)  # fmt: skip
_UNZIPPED_LIMIT = 1 << 36  # bytes that an archive may claim to hold in all
_SWELLING = 1100  # the most bytes that one byte of deflate can stand for is 1032
_LIST_LIMIT = 2 << 20  # bytes of an archive's list of members: some 30,000
_HEADER_LIMIT = 10_000  # bytes of an array's header, as numpy's own default has it
_RANK_LIMIT = 32  # dimensions, what every supported numpy can hold


def read(path: Path) -> Weights:
    """The arrays of a `.npz` archive, each read when it is asked for.

    InputError E503 if the archive is damaged, holds anything but plain arrays, or claims sizes
    that its members cannot have.
    """
    with ExitStack() as resources:
        try:
            check_directory(path)
            archive = resources.enter_context(zipfile.ZipFile(path))
            members = archive.infolist()
            check_sizes(path, members)
            entries = [_member(path, archive, member) for member in members]
        except BAD_ZIP as error:
            raise _damaged(path, error) from None
        if len({entry.name for entry in entries}) != len(entries):
            raise _damaged(path, ValueError("it holds two arrays of one name"))
        return Weights(str(path), entries, resources.pop_all())


def check_directory(path: Path) -> None:
    """ValueError if the archive lists more members than any file of arrays has.

    The list is read whole and takes many times its size, so its length is looked at first. It
    stands in the last record, which only a comment may follow.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - (1 << 16) - 22))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    listed = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if listed == 0xFFFFFFFF:  # it is told in a record before, for archives beyond 4 GiB
        before = tail.rfind(b"PK\x06\x06")
        listed = int.from_bytes(tail[before + 40 : before + 48], "little") if before >= 0 else 0
    if listed > _LIST_LIMIT:
        raise ValueError(f"it lists members in {listed:,} bytes, and {_LIST_LIMIT:,} are read")


def check_sizes(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """ValueError if members overlap or claim to swell beyond reason; nothing is unpacked yet."""
    if sum(member.compress_size for member in members) > path.stat().st_size:
        raise ValueError("its members overlap")
    claimed = sum(member.file_size for member in members)
    if claimed > _UNZIPPED_LIMIT:
        raise ValueError(f"it claims to hold {claimed:,} bytes, and {_UNZIPPED_LIMIT:,} are read")
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"'{member.filename}' is compressed in a way that numpy does not use")
        if member.file_size > _SWELLING * (member.compress_size + 1):
            raise ValueError(f"'{member.filename}' claims more bytes than it can unpack to")


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before an array in a `.npy` member."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    length: int  # of all that stands before the values


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Entry:
    name = member.filename.removesuffix(".npy")
    try:
        with archive.open(member) as file:
            header = read_header(file)
    except ValueError as error:
        raise ValueError(f"'{name}' {error}") from None
    dtype = arrays.named(header.dtype.name)
    if dtype is None:
        raise ValueError(f"'{name}' has the type {header.dtype}; known: {', '.join(DTYPES)}")
    if member.file_size - header.length != prod(header.shape) * ITEM_BYTES[dtype]:
        raise ValueError(f"'{name}' does not have the size that its shape {header.shape} needs")

    def load() -> Array:
        try:
            return _read_member(archive, member, header)
        except BAD_ZIP as error:
            raise _damaged(path, error) from None

    return Entry(name, dtype, header.shape, load)


def read_header(file: IO[bytes]) -> Header:
    """The header of an array; ValueError if it is not one of plain numbers.

    Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """
    start = file.read(8)
    if len(start) < 8 or start[:6] != b"\x93NUMPY" or not 1 <= start[6] <= 3:
        raise ValueError("is no numpy array")
    size = file.read(2 if start[6] == 1 else 4)
    length = int.from_bytes(size, "little")
    if length > _HEADER_LIMIT:
        raise ValueError(f"has a header of {length:,} bytes")
    try:
        fields = ast.literal_eval(file.read(length).decode())  # the form that numpy writes it in
        descr, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    except (ValueError, TypeError, SyntaxError, LookupError, MemoryError, RecursionError):
        raise ValueError("has a header that cannot be read") from None
    if not isinstance(descr, str) or not re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248])", descr):
        what = "Python objects" if "O" in str(descr) else f"the type {descr!r:.40}"
        raise ValueError(f"holds {what}, and only plain numbers are read")
    if not isinstance(shape, tuple) or not all(type(n) is int and 0 <= n < 2**63 for n in shape):
        raise ValueError(f"has the shape {shape!r:.80}")
    if len(shape) > _RANK_LIMIT or not isinstance(fortran, bool):
        raise ValueError("is laid out in no known way")
    return Header(shape, fortran, np.dtype(descr), 8 + len(size) + length)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, header: Header) -> Array:
    values = np.empty(prod(header.shape), header.dtype)
    rest = values.view(np.uint8).data
    with archive.open(member) as file:
        file.read(header.length)
        while rest:
            piece = file.read(min(len(rest), 1 << 22))
            if not piece:
                raise EOFError(f"'{member.filename}' ends early")
            rest[: len(piece)] = piece
            rest = rest[len(piece) :]
        file.read(1)  # at the end the checksum is compared
    if header.dtype == np.bool_ and values.size and values.view(np.uint8).max() > 1:
        raise ValueError(f"'{member.filename}' is bool and holds more than 0 and 1")
    values = arrays.adopt(values)
    if header.fortran:
        return values.reshape(header.shape[::-1]).T
    return values.reshape(header.shape)


def _damaged(path: Path, error: Exception) -> ArchcError:
    reason = str(error) or type(error).__name__
    return InputError.of(
        "E503",
        f"{path} is not an archive of plain arrays: {reason}",
        help="write it with numpy.savez, from arrays of numbers",
    )
