"""Data as training sees it: parts of a set, which give batches of named tensors by item numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from archc.ir.types import TensorType

Batch = dict[str, Tensor]
Share = Callable[[Tensor], Tensor]  # which of a batch's items this process takes


class Part(Protocol):
    """One part of a set, such as the training part."""

    def __len__(self) -> int:
        """How many items there are."""
        ...

    def batch(self, items: Tensor) -> Batch:
        """The fields of these items, int64 `[n]`, each `[n, …]` on the CPU."""
        ...


@runtime_checkable
class Streamed(Protocol):
    """A part that can make batches ahead of their use, or in an order of its own."""

    def stream(self, order: Order, number: int, share: Share) -> Iterator[Batch]:
        """The batches of the order from one on, without end."""
        ...


class Field(Protocol):
    """One field of all items: a tensor `[items, …]`, or what makes such rows when asked."""

    def __len__(self) -> int: ...

    def __getitem__(self, items: Tensor) -> Tensor:
        """The rows of these items, int64 `[n]`."""
        ...


@dataclass(frozen=True, slots=True)
class Fields:
    """A part whose fields give their rows by themselves."""

    fields: Mapping[str, Field]

    def __len__(self) -> int:
        return len(next(iter(self.fields.values())))

    def batch(self, items: Tensor) -> Batch:
        return {name: values[items] for name, values in self.fields.items()}


class InMemory(Fields):
    """A part whose fields are whole tensors, `[items, …]` each."""

    fields: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A set with its parts, and what is known about its fields.

    `parts` are train, val and test as far as there are such; what is trained on has the first two.
    `types` have a symbolic first size. `facts` are carried along with a trained network: labels,
    preprocess, vocabulary, scale. Fields in `asked` are there because the spec names them, those in
    `columns` because a file has them, as it may have columns that are no field: all are meant to be
    used.
    """

    name: str
    parts: Mapping[str, Part]
    types: Mapping[str, TensorType]
    facts: Mapping[str, Any] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()

    @property
    def train(self) -> Part:
        return self.parts["train"]

    @property
    def test(self) -> Part | None:
        return self.parts.get("test")

    @property
    def val(self) -> Part:
        return self.parts["val"]


@dataclass(frozen=True, slots=True)
class Order:
    """The batches of a training in their order, any of them at once: batch k is what it is.

    Every epoch is a new permutation, drawn from the seed and the epoch's number. What is left over
    at an epoch's end is not used, unless the part is smaller than one batch.
    """

    count: int
    size: int
    seed: int

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""
        return max(1, self.count // self.size)

    def batches(self, number: int) -> Iterator[Tensor]:
        """The batches' items from one on, without end; an epoch's permutation is drawn once."""
        while True:
            epoch, place = divmod(number, self.per_epoch)
            generator = torch.Generator().manual_seed(hash_of(self.seed, epoch))
            order = torch.randperm(self.count, generator=generator)
            for k in range(place, self.per_epoch):
                yield order[k * self.size : (k + 1) * self.size]
            number = (epoch + 1) * self.per_epoch


def stream(
    part: Part, order: Order, number: int, share: Share = lambda items: items
) -> Iterator[Batch]:
    """A part's batches in an order from one on, without end; made ahead where the part can."""
    if isinstance(part, Streamed):
        return part.stream(order, number, share)
    return (part.batch(share(items)) for items in order.batches(number))


def in_turn(part: Part, size: int) -> Iterator[tuple[Tensor, Batch]]:
    """A part's items from the first to the last, as measuring wants them, and their batches."""
    for items in torch.split(torch.arange(len(part)), size):
        yield items, part.batch(items)


def hash_of(seed: int, number: int | str) -> int:
    """A seed of its own for every number or name."""
    return int.from_bytes(blake2b(f"{seed}:{number}".encode(), digest_size=7).digest(), "big")
