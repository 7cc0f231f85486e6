"""Metrics that are told of all items at once, and those among them that compare items.

torchmetrics takes a batch whose scores lie between 0 and 1 for probabilities, and puts any other
through a sigmoid or a softmax in single precision. So what a logit means would depend on the batch
that it is in, scores above 17 would all be the same, and those of two batches might not compare.
Scores are gathered as they are. Of AUROC and average precision torchmetrics gets their ranks, which
have the same order and the same ties.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torchmetrics import CatMetric, Metric


class Gathered:
    """A metric while its values come in, which is given them all at once in the end.

    Several processes each bring their own.
    """

    def __init__(self, inner: Metric) -> None:
        """`inner` is torchmetrics' own, new."""
        self.inner = inner
        self.classes: int | None = getattr(inner, "num_classes", None)  # None: two, and one score
        self.scores: CatMetric | None = None
        self.labels: CatMetric | None = None

    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Scores `[N, …]` or `[N, C, …]`, and class numbers. Raises as torchmetrics."""
        if self.scores is None or self.labels is None:
            self.inner.update(scores, labels)  # whether these can be measured is told at once
            self.scores, self.labels = gathering(scores), gathering(labels)
        if self.classes is not None:
            scores = scores.movedim(1, -1).reshape(-1, self.classes)
        else:
            scores = scores.flatten()
        self.scores.update(scores)
        self.labels.update(labels.flatten())

    def all(self) -> tuple[Tensor, Tensor]:
        """The scores and the class numbers, of all processes."""
        assert self.scores is not None and self.labels is not None
        return self.scores.compute().cpu().double(), self.labels.compute().cpu().long()

    def compute(self) -> float | None:
        return self.told(*self.all())

    def told(self, scores: Tensor, labels: Tensor) -> float:
        metric = self.inner.cpu()
        metric.reset()
        metric.sync_on_compute = False  # every process has the values of all
        metric.update(scores, labels)
        return float(metric.compute())


class Ranking(Gathered):
    """One of the metrics that compare items."""

    def __init__(self, inner: Metric) -> None:
        super().__init__(inner)
        self.ignored: int | None = getattr(inner, "ignore_index", None)
        self.binned = getattr(inner, "thresholds", None) is not None

    def compute(self) -> float | None:
        """The number; none where some class has no item, and not a number where a score is none."""
        scores, labels = self.all()
        if len(set(labels.tolist()) - {self.ignored}) < (self.classes or 2):
            return None
        if not self.binned:  # thresholds are of probabilities, and no matter of order
            if self.classes is not None and not bool(((scores >= 0) & (scores <= 1)).all()):
                scores = log_odds(scores)
            if scores.isnan().any():
                return float("nan")
            scores = ranks(scores)
        return self.told(scores, labels)


def gathering(first: Tensor) -> CatMetric:
    """What keeps values like these as they are, of all processes."""
    made: CatMetric = import_module("torchmetrics").CatMetric(nan_strategy="disable")
    made = made.to(first.device)  # before: this takes the type back
    made.set_dtype(first.dtype if first.is_floating_point() else torch.float32)
    return made


def ranks(scores: Tensor) -> Tensor:
    """Scores `[N]`, or `[N, C]` by columns, as numbers from 0 to 1 of the same order and ties."""
    if scores.ndim == 2:
        return torch.stack([ranks(column) for column in scores.unbind(1)], 1)
    places: Tensor = torch.unique(scores, return_inverse=True)[1].to(scores.dtype)
    return places / places.max().clamp(min=1)


def log_odds(logits: Tensor) -> Tensor:
    """log(p / (1 - p)) of each class's softmax p, `[N, C]`: of its order, and nowhere saturated.

    That is a logit less the logarithm of the sum of the others' exponentials. Of all but the
    greatest logit the others have the greatest among them, so that a difference loses nothing.
    """
    most, place = logits.max(1, keepdim=True)
    shares = (logits - most).exp()
    found: Tensor = logits - most - (shares.sum(1, keepdim=True) - shares).log()
    others = logits.scatter(1, place, float("-inf")).logsumexp(1, keepdim=True)
    return found.scatter(1, place, most - others)
