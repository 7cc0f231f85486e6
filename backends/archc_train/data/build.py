"""A source's items to a data set: chosen, split, prepared, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archc.arrays import Array
from archc.errors import InputError
from archc.ir.dims import symbol
from archc.ir.types import DTYPES, TensorType
from archc.preprocess import Preprocess
from archc.train.kinds import PARTS
from archc_train.data import images
from archc_train.data.part import DataSet, Field, Fields, InMemory, Part
from archc_train.data.pictures import Lazy, Pictures, Streaming
from archc_train.data.ragged import Ragged
from archc_train.data.raw import ALL, Column, Columns, Raw, Request, first, spoken
from archc_train.data.scale import standardised
from archc_train.data.split import length, parted, subset, there

N = symbol("N")
MOST = float(np.finfo(np.float32).max)


def data_set(raw: Raw, request: Request) -> DataSet:
    """The set with its parts.

    Where there is no validation part it is taken from the training part, and where there is no
    test part from both, in shares or counts that `split` says (a tenth each); which items is drawn
    from the split's seed, class by class where items have one. Subsets are chosen before. Nothing
    is split off what is measured as it is.
    """
    options, facts = request.options, dict(raw.facts)
    pictured = [name for name, one in first(raw.parts).items() if images.is_images(one)]
    shapes = {name: asked(name, request) for name in pictured}
    for part, columns in raw.parts.items():
        check_lengths(request.name, columns)
        of = f" of {spoken(part)}" if len(raw.parts) > 1 else ""
        for name, column in columns.items():
            check_finite(f"{request.name}: the field '{name}'", column, of)
    parts = {name: at_hand(columns, shapes, options) for name, columns in raw.parts.items()}
    left_out = sum(length(raw.parts[name]) - length(columns) for name, columns in parts.items())
    if left_out:
        facts["unreadable"] = left_out
    if not request.measured:
        for chosen in (options, *(options.get(name, {}) for name in PARTS)):
            there(parts.values(), chosen, facts)
    parts = {name: subset(columns, options, facts) for name, columns in parts.items()}
    taken = request.taken(parts)
    parts = split(parts, request) if taken is None else taken
    parts = {
        name: subset(parts[name], options.get(name, {}), facts)
        for name in (*PARTS, ALL)
        if name in parts
    }
    if raw.finish is not None:
        parts = dict(raw.finish(parts, facts))
    scale = options.get("scale")  # a number is what images are multiplied by
    if scale if isinstance(scale, bool) else raw.scale or "scale" in request.known:
        parts = dict(standardised(parts, facts, request.known.get("scale", {})))
    fields: dict[str, dict[str, Field]] = {name: {} for name in parts}
    types: dict[str, TensorType] = {}
    for name, column in first(parts).items():
        whole = {part: columns[name] for part, columns in parts.items()}
        if isinstance(column, Ragged):
            types |= column.types(name)
            for part, one in whole.items():
                assert isinstance(one, Ragged)  # a column is of one kind in all parts
                fields[part] |= one.fields(name)
        elif images.is_images(column):
            made, told = prepared(whole, shapes[name], request)
            facts.setdefault("preprocess", images.fed(told, options))
            facts.setdefault("images", {})[name] = told.as_facts()
            for part, field in made.items():
                fields[part][name] = field
            types[name] = TensorType(
                "float32", (N, *first(fields)[name][torch.arange(1)].shape[1:])
            )
        else:
            for part, values in whole.items():
                fields[part][name] = tensor(name, np.asarray(values))
            types[name] = type_of(first(fields)[name])
    whole_parts = {name: part_of(found) for name, found in fields.items()}
    return DataSet(request.name, whole_parts, types, facts, raw.asked, raw.columns)


def check_lengths(name: str, columns: Columns) -> None:
    """E806 for fields with different numbers of items, or none."""
    sizes = {field: len(column) for field, column in columns.items()}
    if len(set(sizes.values())) != 1 or 0 in sizes.values():
        raise InputError.of(
            "E806", f"{name}: all fields must have the same number of items, and at least one",
            notes=(", ".join(f"{field}: {count}" for field, count in sizes.items()),),
        )  # fmt: skip


def check_finite(what: str, column: Column, of: str) -> None:
    """E806 for the first item with a number that is none in float32; `of` tells its part."""
    if isinstance(column, Ragged):
        good = np.array([bool((np.abs(row) <= MOST).all()) for row in column.rows])
    elif isinstance(column, np.ndarray) and column.dtype.kind == "f":
        good = np.asarray((np.abs(column) <= MOST).reshape(len(column), -1).all(axis=1))
    else:
        return
    if not good.all():
        at, more = int(good.argmin()), int((~good).sum()) - 1
        also = f", and at {more} more" if more else ""
        raise InputError.of("E806", f"{what} is not finite at item {at}{of}{also}")


def asked(name: str, request: Request) -> Preprocess:
    """How a field's images are prepared: as in an earlier run, where nothing else is said."""
    known = request.known.get("images", {}).get(name, request.known.get("preprocess", {}))
    return images.asked(request.options, {**request.preprocess, **known})


def at_hand(
    columns: Columns, shapes: Mapping[str, Preprocess], options: Mapping[str, Any]
) -> Columns:
    """The columns with their images of one shape, pictures in memory if there is room.

    Items whose picture cannot be read are left out, if that is what the options ask for.
    """
    turns = images.turns(options)
    most = float(options["memory"]) * 2**30 if "memory" in options else images.IN_MEMORY
    found, good = dict(columns), dict[str, Array]()  # good: which items pictures were read of
    for name, column in columns.items():
        if isinstance(column, Pictures):
            skip = options.get("unreadable", "error") == "skip"
            pictures = replace(column, shape=shapes[name], turns=turns, skip=skip)
            found[name] = pictures
            if pictures.bytes() <= most:
                found[name], good[name] = pictures.read()
            elif skip:
                good[name] = pictures.good()
                found[name] = pictures[good[name]]
        elif images.is_images(column):
            found[name] = images.shaped(np.asarray(column), shapes[name], turns)
    if not good:
        return found
    kept = reduce(np.intersect1d, good.values())
    return {n: c[np.searchsorted(good[n], kept) if n in good else kept] for n, c in found.items()}


def split(parts: Mapping[str, Columns], request: Request) -> dict[str, Columns]:
    """Training, validation and, unless it is there or not asked for, test."""
    found = dict(parts)
    picks = np.random.Generator(np.random.Philox(request.split.get("seed", request.seed)))
    if "test" not in found and ("test" in request.split or "val" not in found):
        found["train"], found["test"] = parted(
            found["train"], request.split.get("test", 0.1), picks
        )
    if "val" not in found:
        found["train"], found["val"] = parted(found["train"], request.split.get("val", 0.1), picks)
    return found


def prepared(
    parts: Mapping[str, Any], preprocess: Preprocess, request: Request
) -> tuple[dict[str, Field], Preprocess]:
    """Images as fields by part, and how they were made, before they were turned."""
    train = first(parts)
    if request.options.get("normalize") is True and preprocess.mean is None:
        preprocess = images.measured(train, preprocess, request.seed)
    one = train.some(np.arange(1)) if isinstance(train, Pictures) else train[:1]
    channels, height, width = one.shape[1:]
    for key in ("mean", "deviation"):
        given = getattr(preprocess, key)
        if given is not None and len(given) not in (1, channels):
            raise InputError.of(
                "E807", f"{request.name}: '{key}' has {len(given)} numbers for {channels} channels",
                help="colours: grey, or normalize: true",
            )  # fmt: skip
    told = replace(preprocess, colours=preprocess.colours or ("grey" if channels == 1 else "RGB"))
    if preprocess.size is None and preprocess.crop is None:
        lying = images.turns(request.options) % 2
        told = replace(told, size=(width, height) if lying else (height, width))
    return {part: images.field(items, preprocess) for part, items in parts.items()}, told


def part_of(fields: Mapping[str, Field]) -> Part:
    if any(isinstance(one, Lazy) for one in fields.values()):
        return Streaming(fields)
    if all(isinstance(one, Tensor) for one in fields.values()):
        return InMemory({name: one for name, one in fields.items() if isinstance(one, Tensor)})
    return Fields(fields)


def tensor(name: str, values: Array) -> Tensor:
    """Numbers as training wants them: int64, float32 or bool. Raises E807 for what is no number."""
    if values.dtype.kind in "iu":
        return torch.from_numpy(values.astype(np.int64))
    if values.dtype.kind == "b":
        return torch.from_numpy(np.ascontiguousarray(values))
    if values.dtype.kind != "f":
        raise InputError.of("E807", f"the field '{name}' holds no numbers: {values.dtype}")
    return torch.from_numpy(values.astype(np.float32))


def type_of(values: Field) -> TensorType:
    assert isinstance(values, Tensor)
    dtype = next(one for one in DTYPES if str(values.dtype) == f"torch.{one}")
    return TensorType(dtype, (N, *values.shape[1:]))
