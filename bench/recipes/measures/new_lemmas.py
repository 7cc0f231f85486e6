"""Exact match for words of which training saw no form at all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from archc_train.data.part import Batch
from archc_train.data.tokens import END, PAD, Coder, coder_of
from bench.recipes.measures.transduction import exact
from bench.recipes.trained import Trained

FILE = "new_lemmas.csv"
SIZE = 250


def measure(trained: Trained) -> dict[str, float]:
    """`new.exact`: as `exact`, of the pairs in new_lemmas.csv, beside the data."""
    path = Path(trained.run.about["data"]) / FILE
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["source"], row["target"]) for row in csv.DictReader(file)]
    return {"new.exact": exact(trained, coded(coder_of(trained.facts), rows))}


def coded(coder: Coder, rows: list[tuple[str, str]]) -> Iterator[Batch]:
    """The pairs as training's own source of pairs gives them."""
    end, pad = coder.number(END), coder.number(PAD)

    def padded(texts: list[str]) -> Tensor:
        numbers = [torch.tensor([*coder.encode(text), end]) for text in texts]
        return pad_sequence(numbers, batch_first=True, padding_value=pad)

    for k in range(0, len(rows), SIZE):
        sources, targets = map(list, zip(*rows[k : k + SIZE], strict=True))
        source = padded(sources)
        yield {"source": source, "mask": source != pad, "next": padded(targets)}
