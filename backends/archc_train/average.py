"""Moving averages of weights, which serve in their place when a network is measured and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from archc_train.shards import local, spread


class Average:
    """The exponential moving average of tensors by name.

    Statistics of a batch norm are averaged like the weights that they belong to: those of the
    weights as they are now would fit weights of some steps ago badly. Whole numbers and flags are
    taken as they are.
    """

    def __init__(self, decay: float, tensors: Mapping[str, Tensor]) -> None:
        self.decay = decay
        self.tensors = dict(tensors)
        self.values = {name: value.detach().clone() for name, value in tensors.items()}
        floating = [name for name, value in tensors.items() if value.is_floating_point()]
        self.floating = [(self.values[name], self.tensors[name]) for name in floating]
        self.others = [
            (self.values[name], self.tensors[name]) for name in tensors if name not in floating
        ]

    @torch.no_grad()
    def follow(self, done: int) -> None:
        """Moves the averages after `done` steps.

        At first they follow faster, as there is nothing yet to average.
        """
        decay = min(self.decay, (1 + done) / (10 + done))
        averages = [local(average) for average, _ in self.floating]
        values = [local(value.detach()) for _, value in self.floating]
        follow: Any = get_ema_multi_avg_fn
        follow(decay)(averages, values, done)
        for average, value in self.others:
            average.copy_(value)

    def load(self, state: Mapping[str, Tensor]) -> None:
        for name, value in state.items():
            self.values[name].copy_(spread(value, self.values[name]))


@contextmanager
def averaged(averages: Iterable[Average | None]) -> Iterator[None]:
    """The averages in the place of what is trained."""
    pairs = [
        (one.tensors[name], one.tensors[name].detach().clone(), value)
        for one in averages
        if one is not None
        for name, value in one.values.items()
    ]
    with torch.no_grad():
        for tensor, _, average in pairs:
            tensor.copy_(average)
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, own, _ in pairs:
                tensor.copy_(own)
