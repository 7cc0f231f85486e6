"""Tables in files: CSV, TSV, Parquet, JSON lines; one file, or a folder with one a part."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archc.arrays import Array
from archc.errors import InputError, did_you_mean
from archc.train.kinds import TABLES
from archc_train.data import hub
from archc_train.data.raw import Request, first, in_order, malformed, needs

if TYPE_CHECKING:
    from pandas import DataFrame, Series

NAMES = {"train": ("train",), "val": ("val", "valid", "validation", "dev"), "test": ("test",)}
MISSING = ("NA", "N/A", "n/a", "na", "NaN", "nan", "null", "NULL", "None", "none", "-", "?")
WANTED = "a .csv, .tsv, .parquet or .jsonl file, or a folder with train, val and test as such files"


def frames(
    request: Request, header: bool = True, texts: Collection[str] = ()
) -> dict[str, DataFrame]:
    """The request's tables by part; a file alone is all of it. Raises E806.

    The columns called `texts` are as they are written, digits too.
    """
    if "hub" in request.options:
        return hub.tables(replace(request, options={"name": request.options["hub"]}))
    path = request.path(WANTED)
    if path.is_dir() and hub.holds_saved(path):
        return hub.tables(request)
    files = by_part(path) if path.is_dir() else {"train": path}
    request.check_parts(files, path, WANTED)
    found = {part: frame(file, header, texts) for part, file in files.items()}
    for part, one in found.items():
        gone = [str(name) for name in first(found).columns if name not in set(one.columns)]
        if gone:
            raise malformed(files[part], f"lacks columns of {first(files).name}: {', '.join(gone)}")
    return found


def by_part(folder: Path) -> dict[str, Path]:
    """The tables in a folder that are called as parts are."""
    return {
        part: path
        for part, names in NAMES.items()
        for path in sorted(folder.iterdir())
        if path.stem.lower() in names and path.suffix.lower() in TABLES
    }


def frame(path: Path, header: bool = True, texts: Collection[str] = ()) -> DataFrame:
    """A table. Raises E806 for a file that is none."""
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise needs("pandas", "a table") from error
    suffix = path.suffix.lower()
    first: Any = {} if header else {"header": None}
    try:
        if suffix == ".parquet":
            found = pd.read_parquet(path)
        elif suffix in (".jsonl", ".ndjson"):
            found = pd.read_json(path, lines=True, dtype=False)
        elif suffix in (".csv", ".tsv", ".txt"):
            sep = "," if suffix == ".csv" else "\t"
            kinds: Any = {
                int(name) if name.isdigit() and not header else name: str for name in texts
            }
            read = pd.read_csv(
                path, sep=sep, keep_default_na=False, na_values=[""], dtype=kinds, **first
            )
            found = with_numbers(read, kinds)
        else:
            raise malformed(path, "is no table", WANTED)
    except ImportError as error:
        raise needs("pyarrow", "a Parquet file") from error
    except (ValueError, OSError, pd.errors.ParserError) as error:  # what all three readers raise
        raise malformed(path, f"cannot be read as a table: {str(error)[:200]}", WANTED) from error
    if not len(found):
        raise malformed(path, "has no rows", WANTED)
    lone = str(found.columns[0]) if header and len(found.columns) == 1 else ""
    mark = next((mark for mark in ";\t|," if mark in lone), None)
    if mark is not None and suffix in (".csv", ".tsv"):
        what = f"is one column, '{lone[:60]}': .csv is separated by commas, .tsv by tabs"
        again = f"pandas.read_csv('{path.name}', sep={mark!r}).to_csv('new.csv', index=False)"
        raise malformed(path, what, f"write it anew: {again}")
    found.attrs["file"] = path.name
    return found


def with_numbers(table: DataFrame, texts: Collection[Any]) -> DataFrame:
    """A table of texts and numbers, numbers also where some are called missing, as by `NA`.

    In a column of texts such a word is a text like any other, and `texts` are columns of that kind.
    """
    import pandas as pd

    for name in table.columns:
        values = table[name]
        if name in texts or not pd.api.types.is_string_dtype(values):
            continue
        said = values.where(~values.isin(MISSING))
        numbers = pd.to_numeric(said, errors="coerce")
        if numbers.notna().any() and numbers.notna().eq(said.notna()).all():
            table[name] = numbers
    return table


def column(table: DataFrame, name: str, request: Request) -> Series[Any]:
    """A column. Raises E807 for one that is not there."""
    if name not in table.columns:
        known = [str(one) for one in table.columns]
        raise InputError.of(
            "E807", f"{request.name} has no column '{name}'", help=did_you_mean(name, known)
        )
    found: Series[Any] = table[name]
    return found


def present(values: Series[Any], name: str, request: Request) -> None:
    """E806 for an empty or infinite cell."""
    wrong = absent = values.isna().to_numpy()
    if values.dtype.kind == "f":
        wrong = absent | np.isinf(values.to_numpy())
    if wrong.any():
        kind = "empty" if absent[wrong.argmax()] else "not finite"
        what = f"the column '{name}' is {kind} in {rows(values, wrong, request)}"
        help = "missing: drop leaves rows with empty cells out"
        raise InputError.of("E806", what, help=help if kind == "empty" else "")


def rows(values: Series[Any], wrong: Array, request: Request) -> str:
    """The first of some rows, as in its file: from 1 on, below the header if there is one."""
    first, more = int(values.index[wrong.argmax()]) + 1, int(wrong.sum()) - 1
    where = f"row {first} of {values.attrs.get('file', request.name)}"
    return where + (f", and in {more} more" if more else "")


def texts(table: DataFrame, name: str, request: Request) -> list[str]:
    """A column of texts."""
    values = column(table, name, request)
    present(values, name, request)
    return [str(value) for value in values]


def class_names(
    tables: Mapping[str, DataFrame], name: str, request: Request, fact: str = "labels"
) -> list[Any]:
    """All classes in a column, in order, whichever part they are in; those of an earlier run first.

    Numbers come in their order, not in that of their digits. `fact` is what the run knows them by.
    """
    seen: set[Any] = set()
    for table in tables.values():
        values = column(table, name, request)
        present(values, name, request)
        seen |= {plain(value) for value in values.unique()}
    try:
        found = sorted(seen)
    except TypeError:
        found = sorted(seen, key=str)
    return in_order(found, request, fact)


def plain(value: Any) -> Any:
    """A cell as Python has it; a whole number that is stored as a float is one."""
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def classes(table: DataFrame, name: str, names: list[Any], request: Request) -> Array:
    """A column as the numbers of its classes."""
    known = {value: k for k, value in enumerate(names)}
    values = column(table, name, request)
    return np.array([known[plain(value)] for value in values], dtype=np.int64)


def numbered(names: list[Any]) -> bool:
    """Whether classes are the numbers from 0 on already, which then are their own names."""
    return names == list(range(len(names)))
