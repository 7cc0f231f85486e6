"""Checkpoints that others wrote: what a file is, PyTorch files, mappings.

No byte of a file is unpickled here. A PyTorch file is known by its magic before anything that could
read it is imported, and then goes to the loader that a backend registers as the entry point `pt`
of the group `archc.checkpoints`.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

import numpy as np

from archc import arrays
from archc.arrays import Array
from archc.errors import ArchcError, InputError, MissingPackageError
from archc.ir.types import DTYPES, DType
from archc.npz import BAD_ZIP, check_directory
from archc.safetensors import HEADER_LIMIT
from archc.weights import Entry, Loader, Weights

Kind = Literal["safetensors", "npz", "pt"]

_ACCEPTED = (
    "weights are read from .safetensors files, from .npz archives of plain arrays and from what "
    "torch.save writes since PyTorch 1.6"
)
_CONVERT = "where you trust it, load it in Python and write it with safetensors.torch.save_file"
_KNOWN = f"known types: {', '.join(DTYPES)}"


# ---- what a file is


def recognise(path: Path) -> Kind:
    """What kind of weights a file holds, by its content alone.

    InputError E500 if it cannot be opened, E503 if it is none that archc reads.
    """
    if path.exists() and not path.is_file():
        raise InputError.of("E500", f"{path} is not a file", help=_ACCEPTED)
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError.of("E500", f"{path} cannot be opened: {error.strerror}") from None
    # First: a length of 1152 begins like a pickle, and no pickle or archive could be such a length.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= HEADER_LIMIT:
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":  # protocols 2 to 5, torch.save's old form too
        raise _refused(path, "is a Python pickle, which can run any code when it is read", _CONVERT)
    if head[257:262] == b"ustar":
        raise _refused(path, "is a tar archive, as PyTorch wrote before 2017", _CONVERT)
    raise _refused(path, "is not a file of weights that archc knows", _ACCEPTED)


def _kind_of_zip(path: Path) -> Kind:
    try:
        check_directory(path)
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except BAD_ZIP as error:
        raise InputError.of("E503", f"{path} is a damaged archive: {error}") from None
    for name in names:
        folder, _, file = name.rpartition("/")
        if file == "data.pkl" and f"{folder}/version" in names:
            if any(other.startswith(f"{folder}/code/") for other in names):
                raise _refused(path, "is a TorchScript program, not a state dict", _CONVERT)
            return "pt"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    raise _refused(path, "is a zip archive, but holds no weights that archc knows", _ACCEPTED)


# ---- PyTorch files


def read_pt(path: Path, loader: Loader | None = None) -> Weights:
    """The arrays of a PyTorch file, by the given or the installed loader.

    InputError E503 if it cannot read the file, MissingPackageError E510 if there is none.
    """
    load = loader or _installed_loader(path)
    try:
        found = load(path)
    except ImportError as error:
        raise _no_loader(path, f" ({error})") from error
    except (pickle.UnpicklingError, AttributeError, LookupError, TypeError, *BAD_ZIP) as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise _refused(path, f"cannot be read by PyTorch: {reason}", _CONVERT) from error
    return from_mapping(str(path), found)


def _installed_loader(path: Path) -> Loader:
    why = ""
    for point in entry_points(group="archc.checkpoints", name="pt"):
        try:
            loader: Loader = point.load()
        except ImportError as error:
            why = f" ({error})"
            continue
        return loader
    raise _no_loader(path, why)


def _no_loader(path: Path, why: str) -> ArchcError:
    return MissingPackageError.of(
        "E510",
        f"{path} is a PyTorch file, and reading it needs PyTorch{why}",
        help='pip install "archc-compiler[torch]"',
    )


# ---- mappings


def from_mapping(name: str, arrays_by_name: Mapping[str, Any]) -> Weights:
    """Entries for arrays of numpy, of PyTorch, or with `__array__`, and for entries.

    InputError E503 for anything else, and for an element type that archc does not have.
    """
    return Weights(name, [_adopted(name, key, value) for key, value in arrays_by_name.items()])


def _adopted(source: str, name: object, value: Any) -> Entry:
    if not isinstance(name, str):
        raise InputError.of("E503", f"{source}: a weight is named {name!r:.80}, which is no text")
    if isinstance(value, Entry):
        return value.renamed(name)
    if callable(getattr(value, "detach", None)) and hasattr(value, "shape"):
        text = str(value.dtype).rpartition(".")[2]  # torch.float32
        shape = tuple(int(size) for size in value.shape)
        return Entry(name, _known(source, name, text), shape, _tensor(source, name, value))
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
        array = np.asarray(value)
        dtype = _known(source, name, array.dtype.name)
        return Entry(name, dtype, array.shape, lambda: arrays.adopt(array))
    raise InputError.of(
        "E503",
        f"{source}: '{name[:80]}' is a {type(value).__name__}, not an array",
        help="give the state dict itself, names to arrays" if isinstance(value, Mapping) else "",
    )


def _tensor(source: str, name: str, value: Any) -> Callable[[], Array]:
    """How to get a PyTorch tensor's values, shared with it where they can be."""

    def load() -> Array:
        try:
            tensor = value.detach().cpu()
            if "bfloat16" in str(tensor.dtype):  # numpy has none: through float32, exactly
                return arrays.to_bfloat16(tensor.float().numpy())
            array: Array = tensor.numpy()
        except (RuntimeError, TypeError) as error:
            message = f"{source}: the values of '{name}' cannot be read: {error}"
            raise InputError.of("E503", message) from error
        return array

    return load


def _known(source: str, name: str, text: str) -> DType:
    dtype = arrays.named(text)
    if dtype is not None:
        return dtype
    raise InputError.of("E503", f"{source}: '{name}' has the type {text}", help=_KNOWN)


def _refused(path: Path, what: str, help: str = "") -> ArchcError:
    return InputError.of("E503", f"{path} {what}", help=help)
