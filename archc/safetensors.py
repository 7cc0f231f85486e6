"""The safetensors format, read as hostile until checked, and written as a stream.

    8 bytes   n, the header's length, little-endian
    n bytes   the header: a JSON object, name → {dtype, shape, data_offsets: [begin, end]}, and
              optionally __metadata__, a map of strings; spaces may follow it
    the rest  the values, row-major and little-endian, one tensor after the other without a hole

Source: https://huggingface.co/docs/safetensors (format), whose reference reader's checks these are.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from math import prod
from pathlib import Path
from typing import NoReturn

import numpy as np

from archc import arrays
from archc.arrays import Array
from archc.errors import InputError
from archc.files import copy_range, replacing
from archc.ir.types import ITEM_BYTES, DType
from archc.weights import Entry, Region, Weights

_CODES: dict[DType, str] = {
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
    "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
_DTYPES: dict[str, DType] = {code: dtype for dtype, code in _CODES.items()}
HEADER_LIMIT = 2 << 20  # bytes: some 20,000 tensors; what it unpacks to takes many times as much
_SLACK = 1 << 16  # bytes of a header in which anything may stand
_RANK_LIMIT = 32  # dimensions, what every supported numpy can hold

_Tensor = tuple[int, int, str, DType, tuple[int, ...]]  # begin, end, name, dtype, shape


def read(path: Path) -> Weights:
    """The weights in a file, mapped and not read. InputError E503 if the file is not as it must be.

    Only the header is looked at, and the values of booleans, which hold 0 or 1 and nothing else.
    """
    with ExitStack() as resources:
        try:
            file = resources.enter_context(path.open("rb"))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise InputError.of("E503", f"{path} cannot be read: {error}") from None
        resources.callback(_close, mapped)
        try:
            entries, metadata = _contents(mapped, file.fileno())
        except (ValueError, RecursionError) as error:
            raise InputError.of(
                "E503",
                f"{path} is not a valid safetensors file: {error}",
                help="it may be cut short or damaged; get it again",
            ) from None
        return Weights(str(path), entries, resources.pop_all(), metadata)


def write_safetensors(
    path: str | Path, entries: Iterable[Entry], metadata: Mapping[str, str] | None = None
) -> None:
    """Write entries to a file; the same entries in any order give the same bytes.

    The values are copied file to file where an entry lies in one, and otherwise pass through in
    small pieces. `path` is replaced when all is written, so it may be the file being read.
    ValueError if two entries have one name; InputError E520 or E521 if the file cannot be written.
    """
    # Wide types first, as the reference writer does: so every tensor is aligned to its type.
    ordered = sorted(entries, key=lambda entry: (-ITEM_BYTES[entry.dtype], entry.name))
    header = _header(ordered, metadata)
    total = len(header) + sum(entry.nbytes for entry in ordered)
    with replacing(path, total) as file:
        file.write(header)
        for entry in ordered:
            if entry.region is not None:
                file.flush()
                copy_range(entry.region.file, file.fileno(), entry.region.offset, entry.nbytes)
                continue
            written = sum(map(file.write, entry.chunks()))
            if written != entry.nbytes:
                raise ValueError(f"{entry}: {written} bytes came, and {entry.nbytes} were said")


def _header(entries: Iterable[Entry], metadata: Mapping[str, str] | None) -> bytes:
    header: dict[str, object] = {}
    if metadata:
        header["__metadata__"] = dict(sorted(metadata.items()))
    end = 0
    for entry in entries:
        if entry.name in header or entry.name == "__metadata__":
            raise ValueError(f"two entries are called '{entry.name}'")
        begin, end = end, end + entry.nbytes
        header[entry.name] = {
            "dtype": _CODES[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT:
        raise ValueError(f"the header would have {len(text):,} bytes, more than {HEADER_LIMIT:,}")
    return len(text).to_bytes(8, "little") + text


def _contents(mapped: mmap.mmap, file: int) -> tuple[list[Entry], dict[str, str]]:
    """The entries and metadata of a mapped file; ValueError with the reason if it is not valid."""
    size = len(mapped)
    if size < 8:
        raise ValueError("it has fewer than 8 bytes")
    length = int.from_bytes(mapped[:8], "little")
    if length > min(HEADER_LIMIT, size - 8):
        raise ValueError(f"its header claims {length:,} bytes, and the file has {size:,}")
    if mapped[8:9] != b"{":
        raise ValueError("its header does not begin with {")
    written = bytes(mapped[8 : 8 + length])
    if 16 * (written.count(b"[") + written.count(b"{")) > length + _SLACK:
        raise ValueError("its header holds other things than tensors")  # one takes 51 bytes or more
    header = json.loads(written, object_pairs_hook=_unique, parse_constant=_no_constant)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its __metadata__ is no map of strings")
    start = 8 + length
    found: list[_Tensor] = sorted(_tensor(name, fields) for name, fields in header.items())
    position = 0
    for begin, end, name, _, _ in found:
        if begin != position:
            what = "overlaps the one before" if begin < position else "comes after a hole"
            raise ValueError(f"the data of '{name}' {what}")
        position = end
    if position != size - start:
        raise ValueError(f"its tensors take {position:,} bytes, and {size - start:,} are there")
    entries = {
        name: _entry(mapped, file, start, name, begin, dtype, shape)
        for begin, _, name, dtype, shape in found
    }
    return [entries[name] for name in header], metadata


def _tensor(name: str, fields: object) -> _Tensor:
    """(begin, end, name, dtype, shape) from a header's entry, consistent in itself."""
    name.encode()  # half of a surrogate pair, escaped, is no text: UnicodeEncodeError, a ValueError
    if not isinstance(fields, dict) or fields.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"'{name}' does not have exactly dtype, shape and data_offsets")
    code, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    dtype = _DTYPES.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise ValueError(f"'{name}' has the type {code!r:.40}; known: {', '.join(_DTYPES)}")
    if not _naturals(shape) or len(shape) > _RANK_LIMIT:
        raise ValueError(f"the shape of '{name}' is {shape!r:.80}")
    if not _naturals(offsets) or len(offsets) != 2:
        raise ValueError(f"the data_offsets of '{name}' are {offsets!r:.80}")
    begin, end = offsets
    if end - begin != prod(shape) * ITEM_BYTES[dtype]:
        raise ValueError(f"'{name}', {code} {shape}, does not take {end - begin:,} bytes")
    return begin, end, name, dtype, tuple(shape)


def _entry(
    mapped: mmap.mmap,
    file: int,
    start: int,
    name: str,
    begin: int,
    dtype: DType,
    shape: tuple[int, ...],
) -> Entry:
    held = arrays.held(dtype).newbyteorder("<")
    offset, count = start + begin, prod(shape)

    def load() -> Array:
        if mapped.closed:
            raise ValueError(f"'{name}' is read after its file was closed")
        if count == 0:
            return np.empty(shape, held)
        return arrays.adopt(np.frombuffer(mapped, held, count, offset).reshape(shape))

    if dtype == "bool" and count and load().view(np.uint8).max() > 1:
        raise ValueError(f"'{name}' is BOOL and holds more than 0 and 1")
    length = count * ITEM_BYTES[dtype]
    return Entry(name, dtype, shape, load, region=Region(file, offset, length))


def _naturals(value: object) -> bool:
    """Whether it is a list of sizes; JSON's true is none, and neither is 1.0."""
    return isinstance(value, list) and all(
        type(item) is int and 0 <= item < 2**63 for item in value
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("its header has a key twice")
    return names


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"its header holds {word}")


def _close(mapped: mmap.mmap) -> None:
    with suppress(BufferError):  # an array still looks into it: it goes with the last of them
        mapped.close()
