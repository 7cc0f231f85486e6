"""Sequences with a class each, from `.ts` files, the format of the UEA and UCR archives."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from archc.arrays import Array
from archc_train.data.ragged import Ragged
from archc_train.data.raw import Column, Raw, Request, first, in_order, malformed, missing

WANTED = "a .ts file, or a folder with NAME_TRAIN.ts and NAME_TEST.ts"
PACKAGES = ("aeon", "sktime")  # which bring JapaneseVowels along


def sequences(request: Request) -> Raw:
    """Fields `series` `[N, T, C]`, padded with 0, `mask`, `length`, and `label`."""
    return read(request.path(WANTED), request)


def japanese_vowels(request: Request) -> Raw:
    """Japanese vowels (Kudo, Toyama and Shimbo, 1999): 9 speakers, 12 channels, 7 to 29 steps."""
    if "path" in request.options:
        return sequences(request)
    for package in PACKAGES:
        place = find_spec(package)  # looked for, not imported: only its files are wanted
        for folder in (place.submodule_search_locations or ()) if place else ():
            path = Path(folder) / "datasets" / "data" / "JapaneseVowels"
            if path.is_dir():
                return read(path, request)
    help = f"pip install aeon, or sktime, which bring it along; or --data PATH, {WANTED}"
    raise missing(request.name, help)


def read(path: Path, request: Request) -> Raw:
    files = {"train": path}
    if path.is_dir():
        files = {}
        for part, word in (("train", "_TRAIN.ts"), ("test", "_TEST.ts")):
            # An archive may hold a second version made equally long, NAME_eq_TRAIN.ts.
            found = sorted(path.glob(f"*{word}"), key=lambda file: (len(file.name), file.name))
            if found:
                files[part] = found[0]
        request.check_parts(files, path, WANTED)
    contents = {part: read_ts(file) for part, file in files.items()}
    _, told, listed = first(contents)
    names = in_order(list(dict.fromkeys(listed or sorted(set(told)))), request)
    before = request.options.get("padding", "after") == "before"
    parts: dict[str, dict[str, Column]] = {}
    for part, (rows, labels, _) in contents.items():
        other = sorted(set(labels) - set(names))
        if other:
            raise malformed(files[part], f"has classes that train has not: {', '.join(other[:8])}")
        parts[part] = {
            "series": Ragged.of(rows, before=before, mask="mask", length="length"),
            "label": np.array([names.index(one) for one in labels], dtype=np.int64),
        }
    return Raw(parts, {"labels": names})


def read_ts(path: Path) -> tuple[list[Array], list[str], list[str]]:
    """The sequences, float32 `[T, C]` each, their classes, and the names of all classes.

    Lines before `@data` describe the set; each after it is one item: channels separated by colons,
    numbers by commas, the class at the end. Raises E806.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise malformed(path, f"cannot be read: {error}", WANTED) from error
    names: list[str] = []
    rows: list[Array] = []
    labels: list[str] = []
    begun = False
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        if not begun:
            words = line.split()
            if words[0].lower() == "@classlabel":
                names = words[2:]
            begun = words[0].lower() == "@data"
            continue
        *channels, label = line.split(":")
        try:
            values = [[float(one) for one in channel.split(",")] for channel in channels]
            row = np.array(values, dtype=np.float32).T
        except ValueError as error:
            raise malformed(path, f"line {number}: {str(error)[:120]}", WANTED) from error
        if not channels or not np.isfinite(row).all():
            what = "has missing values" if channels else "has no class"
            raise malformed(path, f"line {number} {what}", WANTED)
        rows.append(row)
        labels.append(label)
    if len({row.shape[1] for row in rows}) != 1:
        raise malformed(path, "has items with different numbers of channels, or none", WANTED)
    return rows, labels, names
