"""Numbers at a common scale: less their mean and over their deviation, both the training part's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from archc import preprocess
from archc.arrays import Array
from archc_train.data.ragged import Ragged
from archc_train.data.raw import Column, first


def statistics(values: Array) -> dict[str, list[float]]:
    """Of the last axis's channels, over everything else; one that never changes has deviation 1."""
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
    mean, deviation = flat.mean(axis=0), flat.std(axis=0)
    rounding = len(flat) * np.finfo(np.float64).eps * np.abs(mean)  # of a sum of equal numbers
    return {
        "mean": [float(one) for one in mean],
        "deviation": [float(one) for one in np.where(deviation <= rounding, 1, deviation)],
    }


def scaled(values: Array, known: Mapping[str, list[float]]) -> Array:
    return preprocess.standardised(values, *(np.asarray(known[k]) for k in ("mean", "deviation")))


def standardised(
    parts: Mapping[str, Mapping[str, Column]], facts: dict[str, Any], before: Mapping[str, Any]
) -> dict[str, Any]:
    """All parts with their vectors and sequences of numbers scaled; `facts` gets the statistics.

    Those from `before`, of an earlier run, hold where there are some.
    """
    found: dict[str, dict[str, Any]] = {part: dict(columns) for part, columns in parts.items()}
    for name, column in first(parts).items():
        rows = [*column.rows] if isinstance(column, Ragged) else column
        if not is_vectors(rows):
            continue
        known = before.get(name)
        if known is None:
            known = statistics(np.concatenate(rows) if isinstance(rows, list) else np.asarray(rows))
        facts.setdefault("scale", {})[name] = known
        for columns in found.values():
            one = columns[name]
            if isinstance(one, Ragged):
                columns[name] = one.mapped(partial(scaled, known=known))
            else:
                columns[name] = scaled(one, known)
    return found


def is_vectors(rows: object) -> bool:
    """Whether these are floating-point vectors, or sequences of such."""
    one = rows[0] if isinstance(rows, list) else rows
    ranks = (2,) if isinstance(rows, list) else (2, 3)
    return isinstance(one, np.ndarray) and one.dtype.kind == "f" and one.ndim in ranks
