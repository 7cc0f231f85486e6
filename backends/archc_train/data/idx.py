"""IDX files, LeCun's format for MNIST: a magic number, the sizes, then numbers, big-endian."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from archc.arrays import Array
from archc_train.data.npz import npz
from archc_train.data.raw import Raw, Request, malformed, missing

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # where dataset-fashion-mnist puts it
FASHION_LABELS = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip
TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
FILES = (("image", "images-idx3-ubyte"), ("label", "labels-idx1-ubyte"))
PREFIXES = {"train": "train", "test": "t10k"}  # how the files of a part begin
MOST = 1 << 32  # bytes that a packed file may hold
WANTED = "a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and the t10k ones, or .gz"
FORMAT = (
    "an IDX file is 00 00, a type (08: bytes), how many axes, each one's size in 4 bytes, numbers"
)
PACKAGE = "apt-get install dataset-fashion-mnist brings it"  # Debian's


def fashion_mnist(request: Request) -> Raw:
    """Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): fields `image` and `label`."""
    wanted = f"{PACKAGE}; or --data FOLDER, {WANTED}"
    if "path" not in request.options and not DEBIAN.is_dir():
        raise missing(request.name, wanted)
    path = request.path(wanted) if "path" in request.options else DEBIAN
    parts = idx_folder(path, request, wanted) if path.is_dir() else npz(request).parts
    return Raw(parts, {"labels": list(FASHION_LABELS)})


def idx(request: Request) -> Raw:
    """A folder of IDX files: fields `image` and `label`."""
    return Raw(idx_folder(request.path(WANTED), request, WANTED))


def holds_idx(folder: Path) -> bool:
    return any(
        path.is_file()
        for prefix in PREFIXES.values()
        for path in candidates(folder, prefix, FILES[0][1])
    )


def candidates(folder: Path, prefix: str, word: str) -> list[Path]:
    """The names that such a file goes by."""
    names = (f"{prefix}-{word}", f"{prefix}-{word.replace('-idx', '.idx')}")
    return [folder / f"{name}{suffix}" for name in names for suffix in ("", ".gz")]


def idx_folder(folder: Path, request: Request, wanted: str) -> dict[str, dict[str, Array]]:
    """Both parts; one of them where it is only measured. Raises E806."""
    parts: dict[str, dict[str, Array]] = {}
    for part, prefix in PREFIXES.items():
        paths = {
            field: next((p for p in candidates(folder, prefix, word) if p.is_file()), None)
            for field, word in FILES
        }
        if request.measured and not any(paths.values()):
            continue
        for field, word in FILES:
            path = paths[field]
            if path is None:
                raise malformed(folder, f"has no file {prefix}-{word}, packed or not", wanted)
            values = read_idx(path)
            whole = values.astype(np.int64) if field == "label" else values
            parts.setdefault(part, {})[field] = whole
    request.check_parts(parts, folder, wanted)
    return parts


def read_idx(path: Path) -> Array:
    """The array in an IDX file. Raises E806."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                data = file.read(MOST + 1)
        else:
            data = path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise malformed(path, f"cannot be read: {error}", FORMAT) from error
    if len(data) > MOST:
        raise malformed(path, f"holds more than {MOST:,} bytes", FORMAT)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or not data[3]:
        shown = data[:4].hex(" ") or "nothing"
        raise malformed(path, f"is no IDX file: it begins with {shown}, not 00 00 08 …", FORMAT)
    dtype, rank = np.dtype(TYPES[data[2]]), data[3]
    start = 4 + 4 * rank
    sizes = tuple(int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(rank))
    if len(data) != start + prod(sizes) * dtype.itemsize:
        shape = " x ".join(map(str, sizes))
        what = f"should hold {shape} values of {dtype}, and is {len(data):,} bytes"
        raise malformed(path, what, FORMAT)
    values = np.frombuffer(data, dtype=dtype, offset=start).reshape(sizes)
    return values.astype(dtype.newbyteorder("="), copy=False)
