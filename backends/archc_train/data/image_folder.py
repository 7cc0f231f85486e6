"""Folders of pictures: a folder a class, or pictures alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from archc_train.data.frames import NAMES
from archc_train.data.pictures import Files, Pictures
from archc_train.data.raw import Column, Raw, Request, in_order, malformed

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
WANTED = (
    "a folder of pictures, or with a folder of pictures for each class; train, val and test above"
)


def images(request: Request) -> Raw:
    """Fields `image` and, where there are folders of classes, `label`.

    `unreadable: skip` leaves out pictures that cannot be read; `memory` is how many GiB of pictures
    are held at most (4), beyond which they are read batch by batch.
    """
    path = request.path(WANTED)
    if not path.is_dir():
        raise malformed(path, "is no folder", WANTED)
    parts: dict[str, dict[str, Column]] = {}
    facts: dict[str, Any] = {}
    names: list[str] | None = None
    folders = part_folders(path, request)
    request.check_parts(folders, path, WANTED)
    for part, folder in folders.items():
        classes = class_folders(folder)
        if names is None:
            names = in_order(classes, request) if classes else classes
        odd = sorted(set(classes) - set(names))
        if odd:
            raise malformed(folder, f"has classes that train has not: {', '.join(odd[:8])}")
        found = [
            (file, k)
            for k, name in enumerate(names or ["."])
            for file in pictures_in(folder / name, deep=True)
        ]
        if not found:
            raise malformed(folder, "has no pictures", WANTED)
        files = Files(tuple(file for file, _ in found))
        parts[part] = {"image": Pictures(files, np.arange(len(found)))}
        if names:
            parts[part]["label"] = np.array([label for _, label in found], dtype=np.int64)
            facts["labels"] = names
    return Raw(parts, facts)


def part_folders(path: Path, request: Request) -> dict[str, Path]:
    """The folders of the parts, or all of it as one."""
    found = {
        part: folder
        for part, words in NAMES.items()
        for folder in sorted(path.iterdir())
        if folder.is_dir() and folder.name.lower() in words
    }
    return found if "train" in found or (found and request.measured) else {"train": path}


def class_folders(folder: Path) -> list[str]:
    """The folders in it that have pictures; none where pictures lie beside them."""
    if next(pictures_in(folder, deep=False), None):
        return []
    return [
        one.name
        for one in sorted(folder.iterdir())
        if one.is_dir() and next(pictures_in(one, deep=True), None)
    ]


def pictures_in(folder: Path, deep: bool) -> Iterator[str]:
    """The pictures in a folder, and those in its folders, in one order everywhere."""
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(folders) if deep else []
        yield from (str(Path(top) / f) for f in sorted(files) if f.lower().endswith(SUFFIXES))
