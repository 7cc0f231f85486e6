"""Exact match of strings that a network writes itself, character after character, from a source."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from archc_train.data.part import Batch
from archc_train.data.tokens import END, PAD, START, coder_of
from bench.recipes.trained import Trained, batches


def measure(trained: Trained) -> dict[str, float]:
    """`exact`: the share of the test part's targets that are written without a mistake."""
    return {"exact": exact(trained, batches(trained.test))}


def exact(trained: Trained, items: Iterable[Batch]) -> float:
    """The share of items whose `next` is written from `source` and `mask` without a mistake."""
    coder = coder_of(trained.facts)
    start, end, pad = (coder.number(token) for token in (START, END, PAD))
    network = trained.network()
    right = count = 0
    for batch in items:
        given = (batch["source"], batch["mask"])
        told = written(network, given, start, batch["next"].shape[1])
        told = cut(told, end, pad)
        right += int((told == batch["next"]).all(dim=1).sum())
        count += len(told)
    return right / count


@torch.inference_mode()
def written(network: nn.Module, given: tuple[Tensor, Tensor], start: int, most: int) -> Tensor:
    """The likeliest next character, again and again: int64 `[n, most]`."""
    so_far = torch.full((len(given[0]), 1), start)
    for _ in range(most):
        logits = network(*given, so_far)
        so_far = torch.cat([so_far, logits[:, -1].argmax(dim=1, keepdim=True)], dim=1)
    return so_far[:, 1:]


def cut(told: Tensor, end: int, pad: int) -> Tensor:
    """Nothing but padding after the end."""
    ended = (told == end).cumsum(dim=1) - (told == end).long() > 0
    return told.masked_fill(ended, pad)
