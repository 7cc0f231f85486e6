"""Hugging Face's `datasets`: a folder that `save_to_disk` wrote, files, or a name to be fetched.

Nothing is fetched unless `--download` asks for it, and no code of a set is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archc.arrays import Array
from archc.errors import InputError, did_you_mean
from archc_train.data.pictures import Pictures, opened
from archc_train.data.ragged import Ragged
from archc_train.data.raw import Column, Raw, Request, first, in_order, malformed, missing, needs

if TYPE_CHECKING:
    from pandas import DataFrame

SPLITS = {
    "train": "train",
    "validation": "val",
    "valid": "val",
    "dev": "val",
    "val": "val",
    "test": "test",
}
WANTED = (
    "a folder that save_to_disk wrote, or train-….parquet files, data: {hub: {path: …}}; "
    "or a name and --download"
)
MARKS = ("dataset_dict.json", "state.json")
FILES = (".parquet", ".jsonl", ".json")


def holds_saved(path: Path) -> bool:
    return any((path / name).is_file() for name in MARKS)


def splits(request: Request) -> dict[str, Any]:
    """The set's parts as `datasets.Dataset`. Raises E806."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise needs("datasets", f"the data '{request.name}'") from error
    name = request.options.get("name")
    found: Any
    if "path" in request.options:
        path = request.path(WANTED)
        try:
            if shards(path):
                found = {part: of_files(files) for part, files in shards(path).items()}
            else:
                found = datasets.load_from_disk(str(path))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise malformed(path, f"is no saved set: {str(error)[:200]}", WANTED) from error
    elif name is None:
        raise missing(request.name, WANTED)
    elif not request.download:
        help = f"--download lets it be fetched; or {WANTED}"
        raise InputError.of(
            "E806", f"'{name}' is not here, and nothing is fetched unasked", help=help
        )
    else:
        try:
            found = datasets.load_dataset(name, request.options.get("config"))
        except Exception as error:  # whatever a network and a remote set may raise
            raise InputError.of(
                "E806", f"'{name}' cannot be fetched: {str(error)[:300]}"
            ) from error
    if not isinstance(found, Mapping):
        return {"train": found}
    parts = {SPLITS[key]: one for key, one in found.items() if key in SPLITS}
    request.check_parts(parts, request.name, WANTED)
    return parts


def shards(path: Path) -> dict[str, list[Path]]:
    """Parquet and JSON files as the Hub lays them out, by split: `train-00000-of-00002.parquet`."""
    if path.is_file():
        return {"train": [path]} if path.suffix in FILES else {}
    found: dict[str, list[Path]] = {}
    for file in sorted(path.rglob("*")):
        split = re.split(r"[-.]", file.name)[0]
        if file.suffix in FILES and split in SPLITS:
            found.setdefault(split, []).append(file)
    return found


def of_files(files: list[Path]) -> Any:
    """Files as one `datasets.Dataset`; Parquet remembers which columns are pictures or classes."""
    import pyarrow as pa
    from datasets import Dataset
    from pyarrow import json, parquet

    tables = [
        parquet.read_table(file) if file.suffix == ".parquet" else json.read_json(file)
        for file in files
    ]
    return Dataset(pa.concat_tables(tables))


def hub(request: Request) -> Raw:
    """The columns as fields, or those that `fields: {image: img, label: fine_label}` says.

    Pictures, classes, numbers and lists of numbers can be fields; texts are for `text` and `pairs`.
    """
    parts = splits(request)
    known = first(parts).features
    written = request.options.get("fields")
    wanted = dict(written) if isinstance(written, Mapping) else {name: name for name in known}
    for name in wanted.values():
        if name not in known:
            help = did_you_mean(str(name), known)
            raise InputError.of("E807", f"{request.name} has no column '{name}'", help=help)
    facts: dict[str, Any] = {}
    found: dict[str, dict[str, Column]] = {part: {} for part in parts}
    for field, name in wanted.items():
        kind = type(known[name]).__name__
        if kind == "Value" and known[name].dtype in ("string", "large_string"):
            if written:
                raise InputError.of(
                    "E807", f"{request.name}: the column '{name}' holds texts",
                    help="data: {text: {hub: NAME, label: true}}, or {pairs: {hub: NAME}}",
                )  # fmt: skip
            continue
        for part, one in parts.items():
            found[part][field] = column_of(one, name, kind, request)
        if kind == "ClassLabel":
            own, fact = known[name].names, "labels" if field == "label" else f"labels.{field}"
            facts[fact] = in_order(list(own), request, fact)
            for columns in found.values():
                columns[field] = renumbered(columns[field], own, facts[fact])
    if written:
        return Raw(found, facts, asked=frozenset(first(found)))
    plain = (name for name in first(found) if type(known[name]).__name__ != "ClassLabel")
    return Raw(found, facts, columns=frozenset(plain))  # a set has classes, needed or not


def renumbered(numbers: Any, own: list[str], order: list[str]) -> Array:
    """Numbers of classes in another order; negative ones, which are none, stay."""
    places = np.array([order.index(name) for name in own])
    return np.asarray(np.where(numbers < 0, numbers, places[numbers]))


def column_of(data: Any, name: str, kind: str, request: Request) -> Column:
    """A column as items."""
    if kind == "Image":
        from datasets import Image

        raw = data.select_columns([name]).cast_column(name, Image(decode=False))
        return Pictures(Saved(raw, name, "name" in request.options), np.arange(len(data)))
    if decodes(data.features[name]):
        raise InputError.of("E807", f"{request.name}: the column '{name}' holds no numbers")
    values = data.with_format("numpy")[name][:]
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values
    rows = [np.asarray(one) for one in values]
    if any(row.dtype.kind not in "iufb" or not row.ndim for row in rows):
        raise InputError.of("E807", f"{request.name}: the column '{name}' holds no numbers")
    return Ragged.of(rows)


def decodes(feature: Any) -> bool:
    """Whether anything in a feature is a file of its own, which `datasets` would open to read."""
    if isinstance(feature, dict | list):
        return any(map(decodes, feature.values() if isinstance(feature, dict) else feature))
    inner = getattr(feature, "feature", None)
    return hasattr(feature, "decode_example") or (inner is not None and decodes(inner))


@dataclass(frozen=True, slots=True)
class Saved:
    """The pictures of a column, each the bytes of a file, or the path of one.

    Paths are for sets that were fetched by name: what else comes from strangers has no say in which
    files are opened, and where from.
    """

    data: Any
    column: str
    paths: bool

    def open(self, number: int) -> Any:
        one = self.data[number][self.column] or {}
        if one.get("bytes") is not None:
            return opened(BytesIO(one["bytes"]))
        if self.paths and one.get("path") and Path(one["path"]).is_file():
            return opened(one["path"])
        raise ValueError("the set has no bytes of it")

    def name(self, number: int) -> str:
        return f"picture {number}"


def tables(request: Request) -> dict[str, DataFrame]:
    """The set's parts as tables, classes by their names."""
    found: dict[str, DataFrame] = {}
    for part, data in splits(request).items():
        table = data.to_pandas()
        for name, feature in data.features.items():
            if type(feature).__name__ == "ClassLabel":
                names: Array = np.array([*feature.names, None], dtype=object)
                codes = table[name].fillna(-1).to_numpy(np.int64)
                table[name] = names[np.maximum(codes, -1)]  # -1 is none that anybody tells
        found[part] = table
    return found
