"""Windows of time series: what has been and what will be, or stretches alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from archc.arrays import Array
from archc.errors import InputError
from archc.ir.dims import symbol
from archc.ir.types import TensorType
from archc.train.kinds import PARTS
from archc_train.data.frames import column, frames, rows
from archc_train.data.part import DataSet, Field, Fields
from archc_train.data.raw import ALL, Request, first, needs
from archc_train.data.scale import scaled, statistics
from archc_train.data.table import is_number, numbers

if TYPE_CHECKING:
    from pandas import DataFrame

FORMS = "data: {windows: {history: 48, horizon: 12}}, or {windows: {series: 128}}"
STATSMODELS = {  # a set, and its columns that only count time
    "sunspots": ("YEAR",),
    "co2": (),
    "macrodata": ("year", "quarter"),
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of a series: each item the rows at its start plus some offsets, `[n, offsets, C]`."""

    values: Tensor
    starts: Tensor
    offsets: Tensor

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, items: Tensor) -> Tensor:
        return self.values[self.starts[items][:, None] + self.offsets]


def windows(request: Request) -> DataSet:
    """Windows of the rows of a table, which is one series in order, or one a part.

    With `history: h` and `horizon: k`, fields `history` `[N, h, C]` and `future` `[N, k, C]`, the k
    rows that follow, or those that many steps on where `horizon` is a list; `target` names the
    columns of the future. With `series: t` a field `series` `[N, t, C]`. `label` names a column
    that says which rows are unusual: a window is if one of its rows is. Parts follow each other in
    time, training first, test last; a history may reach into the part before, a future never. The
    training part's mean and deviation scale all, unless `scale: false`.
    """
    own = frames(request)
    taken = request.taken(own)
    tables = own if taken is None else taken
    one = first(tables)
    label = request.options.get("label")
    chosen = names(request.options.get("columns")) or [
        str(name) for name in one.columns if is_number(one, str(name)) and name != label
    ]
    marks = None
    if label is not None:
        marks = {p: numbers(one, str(label), request) != 0 for p, one in tables.items()}
    series = {p: matrix(one, chosen, request) for p, one in tables.items()}
    return data_set(request, series, chosen, marks, cut=taken is None)


def named(request: Request) -> DataSet:
    """A series that comes with statsmodels; missing values lie on a line between neighbours."""
    try:
        import statsmodels.datasets as sets
    except ModuleNotFoundError as error:
        raise needs("statsmodels", f"the series {request.kind}") from error
    kind = request.kind
    table: DataFrame = getattr(sets, kind).load_pandas().data
    usual = [str(name) for name in table.columns if name not in STATSMODELS[kind]]
    chosen = names(request.options.get("columns")) or usual
    return data_set(request, {"train": matrix(table, chosen, request, "interpolate")}, chosen, None)


def names(written: Any) -> list[str]:
    return [] if written is None else [written] if isinstance(written, str) else list(written)


def matrix(table: DataFrame, chosen: list[str], request: Request, usual: str = "error") -> Array:
    """The columns side by side, float64 `[rows, columns]`. Raises E806 for missing values, E807."""
    if not chosen:
        raise InputError.of("E807", f"{request.name} has no columns of numbers")
    missing = request.options.get("missing", usual)
    if missing == "drop":
        what = f"{request.name}: a series without some of its rows is another series"
        raise InputError.of("E806", what, help="missing: interpolate")
    for name in chosen:
        column(table, name, request)
        if not is_number(table, name):
            raise InputError.of("E807", f"{request.name}: the column '{name}' holds no numbers")
    found = np.stack([np.asarray(table[name], dtype=np.float64) for name in chosen], axis=1)
    for name, values in zip(chosen, found.T, strict=True):
        empty = ~np.isfinite(values)
        if empty.all() or (empty.any() and missing == "error"):
            what = f"the column '{name}' is empty in {rows(table[name], empty, request)}"
            help = "missing: interpolate draws a line between the neighbours"
            raise InputError.of("E806", what, help=help)
        if empty.any():
            values[empty] = np.interp(empty.nonzero()[0], (~empty).nonzero()[0], values[~empty])
    return found


def data_set(
    request: Request,
    series: Mapping[str, Array],
    chosen: list[str],
    marks: Mapping[str, Array] | None,
    cut: bool = True,
) -> DataSet:
    series = {part: series[part] for part in (*PARTS, ALL) if part in series}  # in time
    whole, ends = spans(request, series, cut)
    targets = names(request.options.get("target")) or chosen
    unknown = [name for name in targets if name not in chosen]
    if unknown:
        help = f"the columns are {', '.join(chosen)}"
        raise InputError.of("E807", f"{request.name} has no column '{unknown[0]}'", help=help)
    before = request.known.get("scale", {})
    known = before.get("history", before.get("series")) or statistics(whole[slice(*first(ends))])
    values = torch.from_numpy(
        scaled(whole, known) if request.options.get("scale", True) else whole.astype(np.float32)
    )
    future = values[:, [chosen.index(name) for name in targets]]
    past, ahead = shape(request)
    flags = None
    if marks is not None:
        flags = torch.from_numpy(np.concatenate([marks[part] for part in series]))
    parts: dict[str, Fields] = {}
    for part, (begin, end) in ends.items():
        reach = int(ahead[-1]) + past if len(ahead) else past
        least = max(0, begin - past) if len(ahead) and len(series) == 1 else begin
        starts = torch.arange(least, max(least, end - reach + 1))
        if not len(starts):
            raise InputError.of(
                "E806", f"{request.name}: the {part} part has {end - begin} rows, too few for a "
                f"window of {reach}", help=FORMS,
            )  # fmt: skip
        steps = torch.arange(past)
        fields: dict[str, Field] = {}
        if len(ahead):
            fields["history"] = Stretch(values, starts, steps)
            fields["future"] = Stretch(future, starts, past - 1 + ahead)
        else:
            fields["series"] = Stretch(values, starts, steps)
        if flags is not None:
            steps = torch.arange(reach)
            fields["label"] = flags[starts[:, None] + steps].any(dim=1).long()
        parts[part] = Fields(fields)
    facts: dict[str, Any] = {"columns": chosen}
    if request.options.get("scale", True):
        facts["scale"] = scales(known, [chosen.index(name) for name in targets], len(ahead) > 0)
    row = first(parts).batch(torch.arange(1))
    n = symbol("N")
    types = {
        name: TensorType("int64" if name == "label" else "float32", (n, *values.shape[1:]))
        for name, values in row.items()
    }
    return DataSet(request.name, parts, types, facts)


def scales(known: Mapping[str, list[float]], targets: list[int], forecast: bool) -> dict[str, Any]:
    """The statistics by field."""
    if not forecast:
        return {"series": known}
    return {
        "history": known,
        "future": {key: [values[k] for k in targets] for key, values in known.items()},
    }


def shape(request: Request) -> tuple[int, Tensor]:
    """How long a window is, and how far beyond its end the rows to tell lie (from 1 on)."""
    options = request.options
    if "series" in options and "history" not in options:
        return int(options["series"]), torch.arange(0)
    if "history" not in options:
        raise InputError.of(
            "E806", f"{request.name}: nothing says how long a window is", help=FORMS
        )
    horizon = options.get("horizon", 1)
    steps = sorted(horizon) if isinstance(horizon, list) else list(range(1, int(horizon) + 1))
    if not steps or steps[0] < 1:
        raise InputError.of(
            "E806", f"{request.name}: a horizon is 1 or more steps ahead", help=FORMS
        )
    return int(options["history"]), torch.tensor(steps)


def spans(
    request: Request, series: Mapping[str, Array], cut: bool
) -> tuple[Array, dict[str, tuple[int, int]]]:
    """All rows, and from where to where each part goes.

    If they are `cut`, one series is, and of several one that lacks a validation part.
    """
    whole = np.concatenate(list(series.values()))
    sizes = {part: len(one) for part, one in series.items()}
    for part in ("test", "val"):
        if cut and part not in sizes and (part == "val" or len(series) == 1):
            taken = request.share(part, sizes["train"])
            sizes = {"train": sizes["train"] - taken, part: taken, **others(sizes)}
    found: dict[str, tuple[int, int]] = {}
    place = 0
    for part, size in sizes.items():
        found[part] = (place, place + size)
        place += size
    return whole, {part: found[part] for part in (*PARTS, ALL) if part in found}


def others(sizes: Mapping[str, int]) -> dict[str, int]:
    return {part: size for part, size in sizes.items() if part != "train"}
