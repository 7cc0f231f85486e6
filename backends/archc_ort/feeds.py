"""Inputs from files: `.npy`, `.npz`, `.json`, and pictures as a spec's `preprocess` says.

NumPy's files hold what the network takes. Pictures are raw, and so are numbers in JSON: they are
scaled as those were that the network was trained on. Files are hostile until read.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from archc import npz
from archc.errors import InputError
from archc.preprocess import FORMATS, MAX_PIXELS, Preprocess, standardised
from archc.spec.accept import accepts
from archc.spec.skeleton import PREPROCESS

Array = np.ndarray[Any, Any]
MAX_BYTES = 2 << 30
MAX_JSON_BYTES = 2 << 20  # what Python makes of JSON takes twenty times as much
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model's input takes.

    Its name, NumPy element type, and sizes (None where any will do).
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


def load(
    wanted: Wanted,
    path: Path,
    preprocess: Mapping[str, Any] | None = None,
    scale: Mapping[str, Any] | None = None,
) -> Array:
    """The file's content as the input.

    `scale` are the means and deviations by which the input's raw numbers are scaled. Raises
    InputError E643 to E645.
    """
    if not path.is_file():
        raise InputError.of("E643", f"there is no file {path}")
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        return picture(wanted, path, preprocess or {})
    if path.stat().st_size > (MAX_JSON_BYTES if suffix == ".json" else MAX_BYTES):
        raise InputError.of("E644", f"{path} is too large to be an input")
    if suffix == ".json":
        value = fitted(wanted, _json(path), path)
        return value if scale is None else scaled(wanted, value, scale)
    if suffix in (".npy", ".npz"):
        return fitted(wanted, _numpy(path, wanted), path)
    known = ", ".join((".npy", ".npz", ".json", *PICTURES))
    raise InputError.of("E643", f"{path}: an input is one of {known}")


def _numpy(path: Path, wanted: Wanted) -> Array:
    """The array in a file; its header is looked at before its values are read."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                _check_header(npz.read_header(file), path.stat().st_size, wanted, path)
            return np.asarray(np.load(path, allow_pickle=False))
        npz.check_directory(path)
        with zipfile.ZipFile(path) as archive:
            member = _member(path, archive, wanted.name)
            npz.check_sizes(path, archive.infolist())
            if member.file_size > MAX_BYTES:
                raise InputError.of("E644", f"{path}: '{member.filename}' is too large an input")
            with archive.open(member) as inner:
                _check_header(npz.read_header(inner), member.file_size, wanted, path)
        with np.load(path, allow_pickle=False) as found:
            return np.asarray(found[member.filename.removesuffix(".npy")])
    except (KeyError, *npz.BAD_ZIP) as error:
        raise InputError.of(
            "E643", f"{path} is not a NumPy file without pickles: {error}"
        ) from error


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The array of that name, or the only one."""
    members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
    if name in members:
        return members[name]
    if len(members) == 1:
        return next(iter(members.values()))
    raise InputError.of("E643", f"{path} holds {', '.join(list(members)[:8])}, and no '{name}'")


def _check_header(header: npz.Header, size: int, wanted: Wanted, path: Path) -> None:
    """ValueError for sizes that the file does not have, InputError E645 for an unwanted shape."""
    if size - header.length != prod(header.shape) * header.dtype.itemsize:
        raise ValueError(f"it does not have the size that its shape {header.shape} needs")
    own = header.shape
    if len(own) == len(wanted.shape) - 1 and wanted.shape[0] in (None, 1):
        own = (1, *own)
    fits = all(size in (None, found) for size, found in zip(wanted.shape, own, strict=False))
    if len(own) != len(wanted.shape) or not fits:
        raise InputError.of(
            "E645",
            f"{path}: the input '{wanted.name}' is {_shape_text(wanted.shape)}, "
            f"found {list(header.shape)}",
        )


def _json(path: Path) -> Array:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError.of("E643", f"{path} is not JSON: {error}") from error
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError.of("E643", f"{path}: the nested lists have different lengths") from error
    if array.dtype.kind not in "bifu":
        raise InputError.of("E643", f"{path} holds something other than numbers")
    return array


def fitted(wanted: Wanted, value: Array, path: Path) -> Array:
    """The value with the input's element type; a missing first dimension of one item is added."""
    if value.ndim == len(wanted.shape) - 1 and wanted.shape and wanted.shape[0] in (None, 1):
        value = value[None]
    if value.ndim != len(wanted.shape):
        raise InputError.of(
            "E645",
            f"{path}: the input '{wanted.name}' has {len(wanted.shape)} dimensions, "
            f"found {list(value.shape)}",
        )
    target = np.dtype(wanted.dtype)
    if value.dtype != target:
        exact = (
            value.dtype.kind in "iub" and target.kind in "iuf"
        ) or value.dtype.kind == target.kind == "f"
        if not exact:
            raise InputError.of(
                "E645", f"{path}: the input '{wanted.name}' is {target}, found {value.dtype}"
            )
        before, value = value, value.astype(target)
        if target.kind in "iu" and not np.array_equal(before, value):
            what = f"{path}: the input '{wanted.name}' is {target}, and cannot hold all numbers"
            raise InputError.of("E645", what)
    return np.asarray(value, order="C")


def scaled(wanted: Wanted, value: Array, scale: Mapping[str, Any]) -> Array:
    """Numbers less the means, over the deviations, by the last axis. Raises InputError E645."""
    if wanted.shape[-1:] not in ((None,), value.shape[-1:]):
        what = f"the input '{wanted.name}' is {_shape_text(wanted.shape)}"
        raise InputError.of("E645", f"{what}, found {list(value.shape)}")
    what = f"the scale that the model's file has for the input '{wanted.name}' does not fit it"
    wrong = InputError.of("E645", what, help="a .npy file is fed as it is")
    try:
        mean, deviation = (np.asarray(scale[key], np.float64) for key in ("mean", "deviation"))
    except (KeyError, TypeError, ValueError) as error:
        raise wrong from error
    sizes = {mean.shape, deviation.shape} == {value.shape[-1:]}
    if not sizes or not deviation.all() or not np.isfinite([mean, deviation]).all():
        raise wrong
    return standardised(value, mean, deviation).astype(value.dtype, copy=False)


def picture(wanted: Wanted, path: Path, preprocess: Mapping[str, Any]) -> Array:
    """A picture as `[1, C, H, W]`, resized, cropped, scaled and normalised as `preprocess` says.

    `size` is the shorter side or [height, width]; what is beyond `crop`, or the input's own size
    without the padding, is cut off around the centre. Without `size` the picture is scaled to fit.
    Raises InputError E644 for absurd sizes, E645 for inputs that are no pictures.
    """
    if len(wanted.shape) != 4 or wanted.shape[1] not in (1, 3):
        raise InputError.of(
            "E645", f"the input '{wanted.name}' is no picture: {_shape_text(wanted.shape)}"
        )
    grey = wanted.shape[1] == 1
    known = checked(preprocess, wanted.shape[1])
    picture, room = _opened(path, "L" if grey else "RGB"), (wanted.shape[2], wanted.shape[3])
    try:
        pixels = np.asarray(known.shaped(picture, room))
    except ValueError as error:
        raise InputError.of("E644", f"{path} is too long and narrow: {error}") from error
    pixels = pixels[None] if grey else pixels.transpose(2, 0, 1)
    return known.values(pixels)[None].astype(np.dtype(wanted.dtype), copy=False)


def checked(section: Mapping[str, Any], channels: int) -> Preprocess:
    """What a model's file says of pictures. Raises InputError E645 where that is nothing."""
    fits = accepts(PREPROCESS, section) and all(
        len(section[key]) in (1, channels) for key in ("mean", "deviation") if key in section
    )
    if not fits:
        raise InputError.of(
            "E645",
            "the 'preprocess' that the model's file has does not fit its input",
            help="a .npy file is fed as it is",
        )
    return Preprocess.of(section)


def _opened(path: Path, mode: str) -> Any:
    """The picture, upright, with one or three channels."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ModuleNotFoundError as error:
        from archc.errors import MissingPackageError

        raise MissingPackageError.of(
            "E510", "pictures need the package 'pillow'", help='pip install "archc-compiler[onnx]"'
        ) from error
    try:
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(path, formats=FORMATS) as opened,
        ):
            if opened.width * opened.height > MAX_PIXELS:
                raise InputError.of("E644", f"{path} has {opened.width} x {opened.height} pixels")
            image = ImageOps.exif_transpose(opened.convert(mode) if opened.mode != mode else opened)
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError.of("E644", f"{path} is too large to be an input: {error}") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError.of("E643", f"{path} is not a picture that can be read: {error}") from error
    return image


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"
