"""Text for language models: one long sequence of numbers, and the windows that a model reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archc.errors import InputError
from archc.ir.dims import symbol
from archc.ir.types import TensorType
from archc_train.data.part import Batch, DataSet, Order, Share, hash_of
from archc_train.data.raw import Request, first, malformed
from archc_train.data.tokens import coder

WANTED = "a UTF-8 text file, data: {text: {path: input.txt, window: 128}}"


@dataclass(frozen=True, slots=True)
class Windows:
    """Stretches of `length` numbers side by side; `next` is one further on.

    While training they begin at another place in every epoch, so that the text is read in all
    possible pieces.
    """

    numbers: Tensor
    length: int

    def __len__(self) -> int:
        return (len(self.numbers) - 1) // self.length

    def batch(self, items: Tensor) -> Batch:
        return self.at(items * self.length)

    def at(self, starts: Tensor) -> Batch:
        places = starts[:, None] + torch.arange(self.length)
        return {"tokens": self.numbers[places], "next": self.numbers[places + 1]}

    def stream(self, order: Order, number: int, share: Share) -> Iterator[Batch]:
        for items in order.batches(number):
            shift = hash_of(order.seed, number // order.per_epoch) % self.length
            last = len(self.numbers) - 1 - self.length
            yield self.at(torch.clamp(share(items) * self.length + shift, max=last))
            number += 1


def language(request: Request) -> DataSet:
    """A text's pieces in order: training, then test if `split` asks for it, then validation.

    Fields `tokens` and `next`. An epoch is the text once.
    """
    path = request.path(WANTED)
    text = read_text(path)
    length = int(request.options.get("window", 128))
    parts = request.taken({"train": text}) or cut(text, request)
    # Characters are those of the whole text: one that validation alone has would have no number.
    kind = request.options.get("tokenizer", "characters")
    pieces = [text] if kind == "characters" else first(parts).splitlines(keepends=True)
    learnt = coder(request, pieces, (), "characters")
    made: dict[str, Windows] = {}
    for part, piece in parts.items():
        numbers = torch.from_numpy(learnt.encode(piece))
        if len(numbers) <= length:
            raise InputError.of(
                "E806",
                f"{path}: {part} has {len(numbers)} tokens, too few for windows of {length}",
                help=f"window: {max(1, len(numbers) // 2)}",
            )  # fmt: skip
        made[part] = Windows(numbers, length)
    sequence = TensorType("int64", (symbol("N"), symbol("T")))
    facts: dict[str, Any] = learnt.facts()
    return DataSet(request.name, made, {"tokens": sequence, "next": sequence}, facts)


def cut(text: str, request: Request) -> dict[str, str]:
    """A text's parts; the share of validation is one of what the test part leaves."""
    test = request.share("test", len(text)) if "test" in request.split else 0
    val = request.share("val", len(text) - test)
    begin, end = len(text) - test - val, len(text) - val
    parts = {"train": text[:begin], "val": text[end:], "test": text[begin:end]}
    return parts if test else {part: parts[part] for part in ("train", "val")}


def read_text(path: Path) -> str:
    """A file's text. Raises E806."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise malformed(path, f"is no UTF-8 text: {error}", WANTED) from error
