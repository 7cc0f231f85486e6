"""Which items are in a set and in which of its parts: subsets by value, and splits by a seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from archc.arrays import Array
from archc.errors import InputError, did_you_mean
from archc_train.data.raw import Column, Columns, portion

LABEL = "label"


def chosen(columns: Columns, items: Array) -> Columns:
    """The columns of these items alone."""
    return {name: column[items] for name, column in columns.items()}


def length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def subset(columns: Columns, options: Mapping[str, Any], facts: Mapping[str, Any]) -> Columns:
    """What `range`, `only` and `without` leave.

    `range: [a, b]` are items of the order they are in, shares (at most 1) or counts; `only: {label:
    [0, 1]}` and `without: {label: 9}` go by a field's values, classes by number or name. Raises
    E806 for what leaves nothing, E807 for fields and values that there are not.
    """
    kept = np.arange(length(columns))
    if "range" in options:
        low, high = (round(x * len(kept)) if x <= 1 else int(x) for x in bounds(options["range"]))
        kept = kept[low:high]
    for word, wanted in (("only", True), ("without", False)):
        for name, values in dict(options.get(word, {})).items():
            kept = kept[
                np.isin(by_name(columns, name)[kept], numbers(name, values, facts)) == wanted
            ]
    if len(kept) == length(columns):
        return columns
    if not len(kept):
        rules = {word: options[word] for word in ("range", "only", "without") if word in options}
        raise InputError.of("E806", f"{rules} leave no items")
    return chosen(columns, kept)


def there(parts: Collection[Columns], options: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Raises E807 for values that `only` and `without` ask for and no item of any part has."""
    for word in ("only", "without"):
        for name, values in dict(options.get(word, {})).items():
            known = np.unique(np.concatenate([by_name(columns, name) for columns in parts]))
            for value in numbers(name, values, facts):
                if value not in known.tolist():
                    some = ", ".join(map(str, known[:12].tolist())) + " …" * (len(known) > 12)
                    raise InputError.of(
                        "E807", f"{word}: no item has the {name} {value!r:.60}",
                        help=f"items have {some}",
                    )  # fmt: skip


def bounds(written: Any) -> tuple[float, float]:
    if isinstance(written, Sequence) and len(written) == 2 and 0 <= written[0] < written[1]:
        return written[0], written[1]
    raise InputError.of("E806", f"range: {written!r:.60} is no [from, to]", help="range: [0, 0.5]")


def by_name(columns: Columns, name: str) -> Array:
    """A column of one value an item. Raises E807."""
    column = columns.get(name)
    if not isinstance(column, np.ndarray) or column.ndim != 1:
        plain = [n for n, c in columns.items() if isinstance(c, np.ndarray) and c.ndim == 1]
        raise InputError.of(
            "E807", f"items are chosen by '{name}', which is no field of single values",
            help=did_you_mean(name, plain),
        )  # fmt: skip
    return column


def numbers(name: str, values: Any, facts: Mapping[str, Any]) -> list[Any]:
    """The values, classes' names as their numbers. Raises E807 for a class that there is not."""
    labels = facts.get("labels") if name == LABEL else None
    found: list[Any] = []
    for value in values if isinstance(values, list) else [values]:
        if isinstance(labels, list) and isinstance(value, str):
            if value not in labels:
                help = did_you_mean(value, labels)
                raise InputError.of("E807", f"no class is called '{value}'", help=help)
            found.append(labels.index(value))
        else:
            found.append(value)
    return found


def parted(columns: Columns, share: float, picks: np.random.Generator) -> tuple[Columns, Columns]:
    """What is left, and a random part: a share of all items, or a number of them.

    Where items have a class, the part has each class in the proportion of the whole, as nearly as
    whole items allow.
    """
    count = length(columns)
    size = portion(share, count)
    order = picks.permutation(count)
    classes = classes_of(columns.get(LABEL), size)
    if classes is not None:
        # Item k of n of a class stands at (k + 1/2)/n of the way; the first `size` of all by that
        # are spread over the classes as evenly as can be.
        place = np.empty(count)
        for one in np.unique(classes):
            own = np.flatnonzero(classes[order] == one)
            place[own] = (np.arange(len(own)) + 0.5) / len(own)
        order = order[np.argsort(place, kind="stable")]
    taken, left = np.sort(order[:size]), np.sort(order[size:])
    return chosen(columns, left), chosen(columns, taken)


def classes_of(column: Column | None, size: int) -> Array | None:
    """The items' classes, where they have some, and few enough for a part of this size."""
    if not isinstance(column, np.ndarray) or column.ndim != 1 or column.dtype.kind not in "iu":
        return None
    return column if len(np.unique(column)) <= size else None
