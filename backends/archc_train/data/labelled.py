"""Texts with a class each: a table with both, or a folder of texts for each class."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from archc.arrays import Array
from archc_train.data.frames import NAMES, class_names, classes, frames, texts
from archc_train.data.ragged import Ragged
from archc_train.data.raw import Column, Raw, Request, first, in_order, malformed
from archc_train.data.text import read_text
from archc_train.data.tokens import PAD, UNKNOWN, Coder, coder

WANTED = (
    "a table with columns text and label (other names: fields: {text: review, label: stars}), "
    "or a folder with a folder of .txt files for each class"
)


def labelled(request: Request) -> Raw:
    """Fields `tokens`, padded to the longest text of a batch, `mask`, `length` and `label`."""
    path = None if "hub" in request.options else request.path(WANTED)
    if path is not None and path.is_dir() and (folders := class_folders(path)):
        request.check_parts(folders, path, WANTED)
        found, names = read_folders(folders, path, request)
    else:
        wanted = {"text": "text", "label": "label", **request.options.get("fields", {})}
        tables = frames(request, texts=[wanted["text"]])
        names = class_names(tables, wanted["label"], request)
        found = {
            part: {
                "tokens": np.array(texts(one, wanted["text"], request), dtype=object),
                "label": classes(one, wanted["label"], names, request),
            }
            for part, one in tables.items()
        }
    return Raw(found, {"labels": [str(name) for name in names]}, finish=partial(encoded, request))


def encoded(
    request: Request, parts: Mapping[str, Mapping[str, Column]], facts: dict[str, Any]
) -> dict[str, dict[str, Column]]:
    """The texts as numbers, by a vocabulary of the training part's."""
    learnt = coder(request, [*np.asarray(first(parts)["tokens"])], (PAD, UNKNOWN), "words")
    facts.update(learnt.facts())
    before = request.options.get("padding", "after") == "before"
    more = {"pad": learnt.number(PAD), "before": before, "mask": "mask", "length": "length"}
    return {
        part: {**one, "tokens": Ragged.of(numbered(learnt, one["tokens"], request), **more)}
        for part, one in parts.items()
    }


def numbered(learnt: Coder, column: Column, request: Request) -> list[Array]:
    """Texts as numbers, cut to the window; an empty one is a single unknown token."""
    most = request.options.get("window")
    empty = np.array([learnt.number(UNKNOWN)])
    found = [learnt.encode(text)[:most] for text in np.asarray(column)]
    return [one if len(one) else empty for one in found]


def class_folders(path: Path) -> dict[str, dict[str, list[Path]]]:
    """The texts of each class in each part; nothing where the folder is no such thing."""
    named = {
        part: folder
        for part, words in NAMES.items()
        for folder in sorted(path.iterdir())
        if folder.is_dir() and folder.name.lower() in words
    }
    found = {
        part: {
            one.name: sorted(one.glob("*.txt")) for one in sorted(folder.iterdir()) if one.is_dir()
        }
        for part, folder in (named or {"train": path}).items()
    }
    return found if any(first(found).values()) else {}


def read_folders(
    folders: dict[str, dict[str, list[Path]]], path: Path, request: Request
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    names = in_order([name for name, files in first(folders).items() if files], request)
    found: dict[str, dict[str, Any]] = {}
    for part, by_class in folders.items():
        other = [name for name, files in by_class.items() if files and name not in names]
        if other:
            raise malformed(path, f"has classes in {part} that train has not: {', '.join(other)}")
        rows = [
            (read_text(file), k) for k, name in enumerate(names) for file in by_class.get(name, ())
        ]
        found[part] = {
            "tokens": np.array([text for text, _ in rows], dtype=object),
            "label": np.array([label for _, label in rows], dtype=np.int64),
        }
    return found, names
