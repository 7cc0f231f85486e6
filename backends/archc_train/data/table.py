"""Rows of a table as items: columns of numbers joined to vectors, classes by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from archc.arrays import Array
from archc.errors import InputError
from archc_train.data.frames import class_names, classes, column, frames, numbered, present
from archc_train.data.raw import Raw, Request, first
from archc_train.data.split import LABEL

if TYPE_CHECKING:
    from pandas import DataFrame

REST = "*"  # every column of numbers that no other field has
HELP = "fields: {x: [width, height], label: species}"


def table(request: Request) -> Raw:
    """The fields that `fields` says.

    Each is one column, a list of columns of numbers as one vector, or `"*"`, all other columns of
    numbers. Without `fields`, `x` is all of them, and `label` or `target` the column of that name.
    The field `label` is the numbers of classes.
    """
    tables = frames(request)
    one = first(tables)
    written = request.options.get("fields")
    asked = dict(written) if isinstance(written, Mapping) else usual(one)
    used = {
        name for value in asked.values() for name in (value if isinstance(value, list) else [value])
    }
    rest = [str(name) for name in one.columns if name not in used and is_number(one, str(name))]
    columns = {field: rest if value == REST else value for field, value in asked.items()}
    wanted = [
        n for value in columns.values() for n in (value if isinstance(value, list) else [value])
    ]
    for name in wanted:
        column(one, str(name), request)
    if request.options.get("missing") == "drop":
        tables = {part: each.dropna(subset=wanted) for part, each in tables.items()}
    facts: dict[str, Any] = {}
    parts: dict[str, dict[str, Array]] = {part: {} for part in tables}
    for field, value in columns.items():
        names: list[Any] = []
        if isinstance(value, str) and (field == LABEL or not is_number(one, value)):
            fact = "labels" if field == LABEL else f"labels.{field}"
            names = class_names(tables, value, request, fact)
            if not numbered(names) or field == LABEL:
                facts[fact] = [str(n) for n in names]
        for part, each in tables.items():
            if names:
                parts[part][field] = classes(each, str(value), names, request)
            elif isinstance(value, list):
                parts[part][field] = vectors(each, value, request)
            else:
                parts[part][field] = numbers(each, str(value), request)
    own, spare = frozenset(columns), frozenset(map(str, one.columns)) - {*wanted}
    return Raw(parts, facts, *((own, spare) if written else (frozenset(), own | spare)))


def usual(table: DataFrame) -> dict[str, Any]:
    """What a table without `fields` is taken for."""
    return {"x": REST, **{name: name for name in (LABEL, "target") if name in table.columns}}


def is_number(table: DataFrame, name: str) -> bool:
    return name in table.columns and table[name].dtype.kind in "iufb"


def numbers(table: DataFrame, name: str, request: Request) -> Array:
    """A column of numbers, whole ones as they are."""
    values = column(table, name, request)
    present(values, name, request)
    if values.dtype.kind not in "iufb":
        raise InputError.of(
            "E807", f"{request.name}: the column '{name}' holds no numbers", help=HELP
        )
    return np.asarray(values.to_numpy())


def vectors(table: DataFrame, names: list[str], request: Request) -> Array:
    """Columns side by side, float32 `[rows, columns]`."""
    if not names:
        raise InputError.of("E807", f"{request.name} has no columns of numbers", help=HELP)
    found = [numbers(table, name, request).astype(np.float32) for name in names]
    return np.stack(found, axis=1)
