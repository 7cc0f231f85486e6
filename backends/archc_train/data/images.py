"""Images as training sees them: floating point, channels first, padded and normalised.

The same preprocessing is carried with the trained network, so that a raw image can be given to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archc.arrays import Array
from archc.errors import InputError
from archc.preprocess import Preprocess
from archc_train.data.part import Field
from archc_train.data.pictures import Lazy, Pictures

AS_FLOATS = 1 << 30  # bytes up to which images are held as they are used
IN_MEMORY = 4 << 30  # bytes up to which pictures are held at all, unless `memory` says otherwise
SAMPLE = 2000  # how many pictures statistics are taken from where not all are in memory


def asked(options: Mapping[str, Any], section: Mapping[str, Any]) -> Preprocess:
    """The spec's `preprocess:` with the options' own words over it, without statistics."""
    given = {**section, **options}
    if isinstance(options.get("scale"), bool):  # that is about vectors
        given["scale"] = section.get("scale", Preprocess().scale)
    if "size" in options and "crop" not in options:
        given.pop("crop", None)  # it was cut from another size
    normalize = given.get("normalize")
    if isinstance(normalize, Mapping):
        given |= normalize
    elif normalize is False:
        given |= {"mean": None, "deviation": None}
    found = Preprocess.of(given)
    if found.size is not None and len(found.size) == 1 and found.crop is None:
        return replace(found, crop=(found.size[0], found.size[0]))
    return found


def turns(options: Mapping[str, Any]) -> int:
    """By how many quarters images are turned, counter-clockwise, once they have their size."""
    return int(options.get("turn", 0)) // 90


def fed(preprocess: Preprocess, options: Mapping[str, Any]) -> dict[str, Any]:
    """The section for a network whose pictures stand as those it was trained on, turned already."""
    if turns(options) % 2:
        size, crop = preprocess.size, preprocess.crop
        size = None if size is None else size[::-1]
        preprocess = replace(preprocess, size=size, crop=None if crop is None else crop[::-1])
    return {"scale": preprocess.scale, **preprocess.as_section()}


def is_images(column: object) -> bool:
    """Whether a column holds images: pictures, or bytes with a height and a width."""
    if isinstance(column, Pictures):
        return True
    return isinstance(column, np.ndarray) and column.dtype == np.uint8 and column.ndim in (3, 4)


def channels_first(images: Array) -> Array:
    """`[N, H, W]`, `[N, H, W, C]` or `[N, C, H, W]` as `[N, C, H, W]`."""
    if images.ndim == 3:
        return images[:, None]
    if images.shape[-1] in (1, 3, 4) and images.shape[1] not in (1, 3, 4):
        return np.moveaxis(images, -1, 1)
    return images


def shaped(images: Array, to: Preprocess, turns: int = 0) -> Array:
    """uint8 images as `[N, C, H, W]`, of the colours, size and cut that are wanted, and turned."""
    images = channels_first(images)
    if to.colours == "grey" and images.shape[1] == 3:
        weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R 601, as Pillow's
        images = np.einsum("nchw,c->nhw", images, weights).round().astype(np.uint8)[:, None]
    elif to.colours in ("RGB", "BGR") and images.shape[1] == 1:
        images = np.repeat(images, 3, axis=1)
    if not as_wanted(images.shape[-2:], to):
        images = np.stack([resized(image, to) for image in images])
    return np.ascontiguousarray(np.rot90(images, turns, axes=(-2, -1)))


def as_wanted(size: tuple[int, ...], to: Preprocess) -> bool:
    """Whether images of a size stay as they are."""
    return (to.size is None or size == to.size) and (to.crop is None or size == to.crop)


def resized(image: Array, to: Preprocess) -> Array:
    from PIL import Image

    grey = len(image) == 1
    picture = Image.fromarray(image[0] if grey else np.ascontiguousarray(image.transpose(1, 2, 0)))
    found = np.asarray(to.shaped(picture))
    return found[None] if grey else found.transpose(2, 0, 1)


def normalising(images: Array, to: Preprocess) -> Preprocess:
    """With the mean and the deviation of each channel, over all images and positions, to 6 places.

    Exact: counted over the 256 values that a pixel has.
    """
    plain = replace(to, pad=0, mean=None, deviation=None, colours=None)
    values = plain.values(np.arange(256, dtype=np.uint8)[None, None])[0, 0].astype(np.float64)
    order = slice(None, None, -1) if to.colours == "BGR" else slice(None)
    counts = np.zeros((images.shape[1], 256))
    for some in np.array_split(
        images, 1 + images.nbytes // 2**24
    ):  # counting takes eight times as much
        counts += [np.bincount(some[:, c].ravel(), minlength=256) for c in range(len(counts))]
    counts = counts[order]
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ values
    deviation = np.sqrt((share * (values - mean[:, None]) ** 2).sum(axis=1))
    if not deviation.all():
        raise InputError.of(
            "E806", "the images are all of one colour, so there is nothing to normalise by",
            help="normalize: false",
        )  # fmt: skip
    return replace(
        to,
        mean=tuple(round(float(one), 6) for one in mean),
        deviation=tuple(round(float(one), 6) for one in deviation),
    )


def measured(train: Array | Pictures, to: Preprocess, seed: int) -> Preprocess:
    """The preprocessing with the training images' statistics, from a sample where they are many."""
    if isinstance(train, Pictures):
        picks = np.random.Generator(np.random.Philox(seed)).permutation(len(train))[:SAMPLE]
        train = train.some(np.sort(picks))
    return normalising(train, to)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Images held as whole numbers, uint8 `[items, C, H, W]`; their rows are float32."""

    pixels: Array
    preprocess: Preprocess

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, items: Tensor) -> Tensor:
        return torch.from_numpy(self.preprocess.values(self.pixels[items.numpy()]))


def field(images: Array | Pictures, preprocess: Preprocess) -> Field:
    """The images as a field: floats where memory allows, else made for each batch."""
    if isinstance(images, Pictures):
        return Lazy(images, preprocess)
    if 4 * images.nbytes > AS_FLOATS:
        return Pixels(images, preprocess)
    chunks = [images[k : k + 4096] for k in range(0, len(images), 4096)]
    return torch.cat([torch.from_numpy(preprocess.values(chunk)) for chunk in chunks])
