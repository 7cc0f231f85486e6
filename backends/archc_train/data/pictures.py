"""Pictures in files: opened when they are wanted, by worker processes where there are many.

One that cannot be read is an error, or is skipped: all of them are opened once before the training,
and the set has the others.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from archc.arrays import Array
from archc.errors import ArchcError, Diagnostic, InputError
from archc.preprocess import FORMATS, MAX_PIXELS, Preprocess
from archc_train.data.part import Batch, Fields, Order, Share
from archc_train.data.raw import needs

LOG = logging.getLogger("archc.train")
T = TypeVar("T")


class Opener(Protocol):
    """Where pictures come from."""

    def open(self, number: int) -> Any:
        """A Pillow image. Raises OSError, ValueError or SyntaxError for one that is none."""
        ...

    def name(self, number: int) -> str:
        """What a picture is called in messages."""
        ...


@dataclass(frozen=True, slots=True)
class Files:
    """Pictures in files of their own."""

    paths: tuple[str, ...]

    def open(self, number: int) -> Any:
        return opened(self.paths[number])

    def name(self, number: int) -> str:
        return self.paths[number]


def opened(file: str | BinaryIO) -> Any:
    """The picture in a file, if it may be opened. Raises as `Opener.open`, and E510."""
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError as error:
        raise needs("pillow", "pictures") from error
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"it has {image.width} x {image.height} pixels")
            return ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Pictures:
    """A column of pictures that are not read yet; `numbers` are the opener's of the items."""

    opener: Opener
    numbers: Array
    shape: Preprocess = field(default_factory=Preprocess)
    turns: int = 0  # quarter turns, counter-clockwise
    skip: bool = False

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, items: Array) -> Pictures:
        return replace(self, numbers=self.numbers[items])

    @property
    def mode(self) -> str:
        return "L" if self.shape.colours == "grey" else "RGB"

    def pixels(self, item: int) -> Array:
        """One picture, uint8 `[C, H, W]`. Raises InputError E808 for one that cannot be read."""
        number = int(self.numbers[item])
        try:
            image = self.opener.open(number).convert(self.mode)
            found = np.asarray(self.shape.shaped(image))
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError.of(
                "E808",
                f"{self.opener.name(number)} is not a picture that can be read: {error}",
                help="unreadable: skip leaves such pictures out and counts them",
            ) from error
        found = found[None] if found.ndim == 2 else found.transpose(2, 0, 1)
        return np.rot90(found, self.turns, axes=(-2, -1))

    def some(self, items: Array) -> Array:
        """These pictures, uint8 `[n, C, H, W]`. Raises as `pixels`.

        Reading and scaling a picture is C code that lets other threads run.
        """
        if get_worker_info() is not None:
            return self.stacked([self.pixels(item) for item in items.tolist()])
        with ThreadPoolExecutor(processors()) as pool:
            return self.stacked(list(pool.map(self.pixels, items.tolist())))

    def stacked(self, found: list[Array]) -> Array:
        """Pictures as one array. Raises E806 where their sizes differ."""
        sizes = {one.shape for one in found}
        if len(sizes) > 1:
            shown = sorted(f"{h} x {w}" for _, h, w in sizes)[:4]
            raise InputError.of(
                "E806",
                f"the pictures differ in size: {', '.join(shown)}",
                help="say which they are to have: size: [64, 64], or size: 256 and crop: 224",
            )
        return np.ascontiguousarray(np.stack(found))

    def bytes(self) -> int:
        """About how much memory they take, as whole numbers."""
        return len(self) * self.pixels(self.first()).size

    def first(self) -> int:
        """The first picture that can be read. Raises InputError E808 where there is none."""
        for item in range(len(self)):
            try:
                self.pixels(item)
            except InputError:
                continue
            return item
        raise InputError.of("E808", f"none of the {len(self)} pictures can be read")

    def read(self) -> tuple[Array, Array]:
        """All that can be read in memory, uint8 `[n, C, H, W]`, and which items they are.

        Raises InputError E808 where one cannot be, unless it is skipped and others are left.
        """
        found = self.attempted(self.pixels)
        return self.stacked(list(found.values())), np.array([*found], dtype=np.int64)

    def good(self) -> Array:
        """The items that can be read, if others are skipped; nothing of them is kept."""
        return np.array([*self.attempted(lambda item: self.pixels(item).size)], dtype=np.int64)

    def attempted(self, read: Callable[[int], T]) -> dict[int, T]:
        """What is read of each item that can be; a warning counts the others. Raises as `read`."""

        def attempt(item: int) -> T | ArchcError:
            try:
                return read(item)
            except InputError as error:
                return error

        with ThreadPoolExecutor(processors()) as pool:
            found = list(pool.map(attempt, range(len(self)), chunksize=64))
        wrong = {k: one for k, one in enumerate(found) if isinstance(one, ArchcError)}
        if wrong and (not self.skip or len(wrong) == len(found)):
            raise InputError(d for error in [*wrong.values()][:8] for d in error.diagnostics)
        if wrong:
            names = ", ".join(self.opener.name(int(self.numbers[k])) for k in wrong)
            what = "%d of %d pictures cannot be read and are left out: %.400s"
            LOG.warning(what, len(wrong), len(found), names)
        return {k: one for k, one in enumerate(found) if not isinstance(one, ArchcError)}


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Lazy:
    """Pictures as a field, float32 `[n, C, H, W]`, read when they are asked for."""

    pictures: Pictures
    preprocess: Preprocess

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, items: Tensor) -> Tensor:
        return torch.from_numpy(self.preprocess.values(self.pictures.some(items.numpy())))


@dataclass(frozen=True, slots=True)
class Wrong:
    """What an error says, as it comes from another process; torch would raise it by its text."""

    kind: type[ArchcError]
    diagnostics: tuple[Diagnostic, ...]


class Batches(Dataset[Batch | Wrong]):
    """A part whose items are asked for a batch at a time, as torch's DataLoader can."""

    def __init__(self, part: Fields) -> None:
        self.part = part

    def __getitem__(self, items: Tensor) -> Batch | Wrong:
        try:
            return self.part.batch(items)
        except ArchcError as error:
            return Wrong(type(error), error.diagnostics)


class Streaming(Fields):
    """A part with pictures that worker processes read ahead of their use."""

    def stream(self, order: Order, number: int, share: Share) -> Iterator[Batch]:
        """The order's batches from one on. Each is what it is, whichever process made it.

        Raises what making one raises.
        """
        loader = DataLoader(
            Batches(self),
            sampler=Shared(order, number, share),
            batch_size=None,
            num_workers=max(1, min(8, processors() - 1)),
            prefetch_factor=4,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=quiet,
            generator=torch.Generator(),  # not the training's own, whose draws must not move
        )
        for batch in loader:
            if isinstance(batch, Wrong):
                raise batch.kind(batch.diagnostics)
            yield batch


@dataclass(frozen=True, slots=True)
class Shared:
    """A sampler: this process's items of each batch."""

    order: Order
    number: int
    share: Share

    def __iter__(self) -> Iterator[Tensor]:
        return map(self.share, self.order.batches(self.number))


def quiet(worker: int) -> None:
    """Lets Ctrl-C be the training's, which still wants the batch under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
