"""What is done to pictures, as a spec's `preprocess:` says, and to numbers, by `archc run`, too.

Pictures are Pillow's, which the core does not import: whoever opens one brings it along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from archc.arrays import Array

MAX_PIXELS = 80_000_000  # of a picture
BILINEAR = 2  # Pillow's Resampling.BILINEAR
# What may be opened, whatever a file is called: Pillow runs programs for some of the others.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
Room = tuple[int | None, int | None]  # height and width, None where any will do


@dataclass(frozen=True, slots=True)
class Preprocess:
    """A `preprocess:` section. Sizes are (height, width), or one number for the shorter side."""

    size: tuple[int, ...] | None = None
    crop: tuple[int, int] | None = None
    pad: int = 0
    scale: float = 1 / 255
    invert: bool = False
    colours: str | None = None
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> Preprocess:
        """The section, already checked by the schema; keys of others are passed over."""
        known = {one.name for one in fields(cls)}
        given = {key: value for key, value in section.items() if key in known}
        for key in ("size", "crop", "mean", "deviation"):
            if isinstance(given.get(key), list | tuple):
                given[key] = tuple(given[key])
        if isinstance(given.get("size"), int):
            given["size"] = (given["size"],)
        if isinstance(given.get("crop"), int):
            given["crop"] = (given["crop"], given["crop"])
        return cls(**given)

    def as_section(self) -> dict[str, Any]:
        """The section as the spec would write it, without what says nothing."""
        nothing = Preprocess()
        found = {
            one.name: list(value) if isinstance(value, tuple) else value
            for one in fields(self)
            if (value := getattr(self, one.name)) != getattr(nothing, one.name)
        }
        if self.size is not None and len(self.size) == 1:
            found["size"] = self.size[0]
        return found

    def as_facts(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {key: list(one) if isinstance(one, tuple) else one for key, one in found.items()}

    def shaped(self, image: Any, room: Room = (None, None)) -> Any:
        """The picture resized and cut to `crop`, or to the room that the padding leaves.

        Without `size` it is scaled to fit; None leaves a side as it is. Raises ValueError for one
        that would be larger than any picture may be.
        """
        if self.size is not None:
            wide, high = shorter_side(image.size, self.size)
            if wide * high > MAX_PIXELS:
                raise ValueError(f"it would have {wide} x {high} pixels")
            image = image.resize((wide, high), BILINEAR)
        height, width = self.crop or (None if n is None else n - 2 * self.pad for n in room)
        if height is None or width is None or image.size == (width, height):
            return image
        if self.size is None or image.width < width or image.height < height:
            box = centred(image.size, width / height)
            return image.resize((width, height), BILINEAR, box=box)
        left, top = round((image.width - width) / 2), round((image.height - height) / 2)
        return image.crop((left, top, left + width, top + height))

    def values(self, pixels: Array) -> Array:
        """Whole numbers `[…, C, H, W]` as float32, scaled, inverted, padded and normalised."""
        values: Array = pixels.astype(np.float32) * np.float32(self.scale)
        if self.invert:
            values = np.float32(255 * self.scale) - values
        if self.colours == "BGR":
            values = values[..., ::-1, :, :]
        if self.pad:
            side = (self.pad, self.pad)
            values = np.pad(values, [(0, 0)] * (values.ndim - 2) + [side, side])
        if self.mean is not None:
            values -= np.asarray(self.mean, dtype=np.float32).reshape(-1, 1, 1)
        if self.deviation is not None:
            values /= np.asarray(self.deviation, dtype=np.float32).reshape(-1, 1, 1)
        return np.ascontiguousarray(values)


def standardised(values: Array, mean: Array, deviation: Array) -> Array:
    """Numbers less their mean, over their deviation, by the last axis, as float32."""
    return np.asarray(((values - mean) / deviation).astype(np.float32))


def shorter_side(size: tuple[int, int], wanted: Sequence[int]) -> tuple[int, int]:
    """(width, height).

    Exactly `[height, width]`, or with the shorter side as long as the one number.
    """
    if len(wanted) == 2:
        return wanted[1], wanted[0]
    width, height = size
    scale = wanted[0] / min(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def centred(size: tuple[int, int], ratio: float) -> tuple[float, float, float, float]:
    """The largest box around the middle of that width to height: left, top, right, bottom."""
    width, height = size
    inner = (height * ratio, height) if width > height * ratio else (width, width / ratio)
    left, top = (width - inner[0]) / 2, (height - inner[1]) / 2
    return left, top, left + inner[0], top + inner[1]
