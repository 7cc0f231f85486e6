"""A trained recipe, as what measures it sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import archc_torch
from archc.ir.program import Program
from archc.pipeline import compile
from archc.train import Training, read
from archc_train.data.part import Batch, DataSet, Part
from archc_train.data.program import data_of
from archc_train.run import Run


@dataclass
class Trained:
    """A run's folder, and `others`, the folder of all runs, where a judge of this one may be."""

    folder: Path
    others: Path

    @cached_property
    def run(self) -> Run:
        return Run.open(self.folder)

    @cached_property
    def program(self) -> Program:
        return compile(self.folder / "spec.yaml")

    @cached_property
    def training(self) -> Training:
        return read(self.program, self.run.about["changes"])

    @cached_property
    def data(self) -> DataSet:
        about = self.run.about
        return data_of(self.program, self.training, about["data"], False, about.get("facts"))

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run.about.get("facts", {})
        return found

    @property
    def test(self) -> Part:
        return self.data.test or self.data.val

    def network(self, model: str | None = None, *, trained: bool = True) -> nn.Module:
        """A model with the best weights, or as it was before, ready to be called."""
        weights = self.folder / "best.safetensors" if trained else None
        network: nn.Module = archc_torch.module(
            self.program, weights, model=model or self.program.main
        )
        return network.eval()

    def picture(self, name: str) -> Path:
        """Where a drawing goes."""
        return self.folder / name


def batches(part: Part, size: int = 256, most: int | None = None) -> Iterator[Batch]:
    """A part's items from the first on, at most so many."""
    count = len(part) if most is None else min(most, len(part))
    for items in torch.arange(count).split(size):
        yield part.batch(items)


def gathered(part: Part, name: str, most: int | None = None) -> Tensor:
    """One field of all items."""
    return torch.cat([batch[name] for batch in batches(part, most=most)])
