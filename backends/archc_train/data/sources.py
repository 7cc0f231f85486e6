"""Where data comes from: the kinds of sources, what each can be told, and `load`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archc.errors import Diagnostic, InputError
from archc.train.kinds import CHOICE, KINDS, SUFFIXES, wrong
from archc.train.sources import meant, named
from archc_train.data import (
    bundled,
    frames,
    generated,
    hub,
    idx,
    image_folder,
    npz,
    sequences,
    series,
)
from archc_train.data.build import data_set
from archc_train.data.join import joined, renamed
from archc_train.data.labelled import labelled
from archc_train.data.pairs import pairs
from archc_train.data.part import DataSet
from archc_train.data.raw import Raw, Request, malformed, missing
from archc_train.data.table import table
from archc_train.data.text import language

LABELLED_ONLY = (*CHOICE, "fields", "hub", "padding")  # what a text without classes cannot do


def text(request: Request) -> Raw | DataSet:
    """A text for a language model, or with `label: true` texts with a class each."""
    if request.options.get("label"):
        return labelled(request)
    wrong = [key for key in LABELLED_ONLY if key in request.options]
    if wrong:
        raise InputError.of(
            "E806",
            f"{request.name}: '{wrong[0]}' is for texts with a class each",
            help="label: true",
        )
    return language(request)


def mnist(request: Request) -> Raw:
    """MNIST (LeCun et al., 1998): fields `image` and `label`; no package brings it."""
    wanted = (
        "torchvision.datasets.MNIST('.', download=True) brings it: --data MNIST/raw; or --data "
        f"FOLDER, {idx.WANTED}; or --data mnist.npz with x_train, y_train, x_test, y_test"
    )
    path = request.path(wanted)
    if path.is_dir():
        return Raw(idx.idx_folder(path, request, wanted))
    return replace(npz.npz(request), columns=frozenset())  # what it has is known, used or not


READERS: dict[str, Callable[[Request], Raw | DataSet]] = {
    "fashion_mnist": idx.fashion_mnist,
    "mnist": mnist,
    "idx": idx.idx,
    "npz": npz.npz,
    "images": image_folder.images,
    "table": table,
    "text": text,
    "pairs": pairs,
    "windows": series.windows,
    **dict.fromkeys(series.STATSMODELS, series.named),
    "sequences": sequences.sequences,
    "japanese_vowels": sequences.japanese_vowels,
    **dict.fromkeys(bundled.NAMES, bundled.bundled),
    "dates": generated.dates,
    "recall": generated.recall,
    "sensors": generated.sensors,
    "hub": hub.hub,
}


def load(
    data: Any,
    split: Mapping[str, Any],
    seed: int,
    path: str | None = None,
    download: bool = False,
    *,
    sources: Mapping[str, Any] | None = None,
    preprocess: Mapping[str, Any] | None = None,
    known: Mapping[str, Any] | None = None,
    measured: bool = False,
    part: str | None = None,
    base: Path | None = None,
) -> DataSet:
    """The set that a `data` section means, `digits` or `{fashion_mnist: {pad: 2}}`.

    `path` says where its files are; of several sources, a folder with one entry for each. Paths in
    the section are relative to `base`, or to where one is.
    `sources` are those that the spec defines, `preprocess` is its section; `known` are the facts of
    an earlier run, whose vocabulary, classes and statistics hold for this set, too. What is only
    `measured` needs no training part, and is not cut into parts unless a `part` is asked for that
    it does not have. Fetches nothing unless `download`.

    Raises InputError E806 for data that is missing or malformed, E807 for fields that do not fit,
    E808 for pictures that cannot be read.
    """
    if data is None and path is None:
        help = "--data PATH, or train: {data: digits}"
        raise InputError.of("E806", "the spec names no data", help=help)
    written = {data or "": None} if data is None or isinstance(data, str) else dict(data)
    found: list[DataSet] = []
    for name, value in written.items():
        kind, given = meant(str(name), value, sources or {})
        given |= located(given, base or Path())
        if path is not None:
            given["path"] = str(Path(path) if len(written) == 1 else entry(Path(path), str(name)))
        if kind not in KINDS or ("path" in given and not KINDS[kind].files):
            there = kind_of(kind, given.get("path"), sources or {})
            kind = "windows" if there == "table" and kind in series.STATSMODELS else there
        if mistakes := [*wrong(str(name) or kind, KINDS[kind], given)]:
            raise InputError(Diagnostic(one.code, one.message, help=one.help) for one in mistakes)
        own = {key: one for key, one in given.items() if key in ("path", *KINDS[kind].options)}
        names = {key: one for key, one in given.items() if key not in own}
        facts = known or {}
        if len(written) > 1:
            facts = facts.get("sources", {}).get(str(name), {})
        request = Request(
            str(name) or kind, kind, own, split, seed, download, preprocess or {},
            before(facts, names), measured, part,
        )  # fmt: skip
        read = READERS[kind](request)
        found.append(renamed(read if isinstance(read, DataSet) else data_set(read, request), names))
    return joined(found)


def located(options: Mapping[str, Any], base: Path) -> dict[str, str]:
    """The options that are paths, those that are relative from a base on."""
    return {
        key: str(base / Path(value).expanduser())
        for key, value in options.items()
        if isinstance(value, str)
        and (key == "path" or (key == "tokenizer" and value.endswith(".json")))
    }


def before(facts: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    """The facts of an earlier run with a source's own names of fields, not those given to them."""
    if "scale" not in facts:
        return facts
    own = {new: old for old, new in names.items()}
    return {**facts, "scale": {own.get(name, name): v for name, v in facts["scale"].items()}}


def entry(folder: Path, name: str) -> Path:
    """A source's own entry of a folder, a folder or a file of its name."""
    found = [folder / name, *sorted(folder.glob(f"{name}.*"))]
    path = next((one for one in found if one.exists()), None)
    if path is None:
        raise malformed(folder, f"has no entry '{name}'", "one folder or file for each source")
    return path


def kind_of(name: str, path: Any, sources: Mapping[str, Any]) -> str:
    """The kind of what lies at a path, for a name that tells none. Raises E806."""
    if path is None:
        if not name:
            raise missing("", "--data PATH, or train: {data: digits}")
        help = named(name, [*KINDS, *sources])
        raise InputError.of("E806", f"no data called '{name}'", help=help)
    place = Path(str(path)).expanduser()
    if not place.exists():
        known = place.name in KINDS and not KINDS[place.name].files
        help = (
            f"--data is a path; a set by its name: train: {{data: {place.name}}}" if known else ""
        )
        raise InputError.of("E806", f"there is no file or folder {place}", help=help)
    if place.is_dir():
        return kind_of_folder(place)
    if place.suffix.lower() not in SUFFIXES:
        raise malformed(
            place,
            "is no kind of data that is known",
            f"known are {', '.join(SUFFIXES)} and folders",
        )
    return SUFFIXES[place.suffix.lower()]


def kind_of_folder(folder: Path) -> str:
    """What a folder holds. Raises E806."""
    if idx.holds_idx(folder):
        return "idx"
    if hub.holds_saved(folder):
        return "hub"
    if any(folder.glob("*_TRAIN.ts")) or any(folder.glob("*_TEST.ts")):
        return "sequences"
    if frames.by_part(folder):
        return "table"
    if hub.shards(folder):
        return "hub"
    if next(image_folder.pictures_in(folder, deep=True), None):
        return "images"
    raise malformed(
        folder, "holds no data that is known",
        "IDX files, pictures, NAME_TRAIN.ts, train.csv, or what save_to_disk wrote",
    )  # fmt: skip
