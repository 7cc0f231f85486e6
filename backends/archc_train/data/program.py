"""The data that a program's `train:` section means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archc.errors import InputError
from archc.ir.program import Program
from archc.train import Training
from archc.train.sources import sources
from archc_train.data.check import entry_place
from archc_train.data.part import DataSet
from archc_train.data.sources import load


def data_of(
    program: Program,
    training: Training,
    path: str | None = None,
    download: bool = False,
    known: Mapping[str, Any] | None = None,
    measured: bool = False,
    part: str | None = None,
) -> DataSet:
    """The set, as the spec's own `data:` and `preprocess:` say; `path` is where its files are.

    Paths in the spec are relative to its file.
    `known` are the facts of an earlier run, which hold for this set, too; see `load` for `measured`
    and `part`. Raises SpecError, and InputError E806 to E808 at the place of `train: data`.
    """
    preprocess = program.metadata.get("preprocess")
    try:
        return load(
            training.data,
            training.split,
            training.seed,
            path,
            download,
            sources=sources(program),
            preprocess=preprocess if isinstance(preprocess, dict) else None,
            known=known,
            measured=measured,
            part=part,
            base=program.file.path.parent if program.file and program.file.path else None,
        )
    except InputError as error:
        place = entry_place(program, training, "data")
        raise InputError(
            one if one.place is not None else replace(one, place=place) for one in error.diagnostics
        ) from error
