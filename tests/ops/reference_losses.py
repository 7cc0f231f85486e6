"""What losses compute, said with PyTorch alone: a part of `reference`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def reduced(a: Any, values: Tensor) -> Tensor:
    """A loss's values as its `reduction` says."""
    if a.reduction == "none":
        return values
    if a.reduction == "sum_per_item":
        return values.flatten(1).sum(1).mean() if values.ndim > 1 else values.mean()
    return values.sum() if a.reduction == "sum" else values.mean()


def distance(loss: Callable[..., Tensor], *settings: str) -> Callable[..., Tensor]:
    """A loss of torch, position by position."""

    def f(a: Any, i: Any, w: Any) -> Tensor:
        given = {name: getattr(a, name) for name in settings}
        return reduced(a, loss(i.x, i.target.expand_as(i.x), reduction="none", **given))

    return f


def cross_entropy(a: Any, i: Any, w: Any) -> Tensor:
    x, target = i.x, i.target
    last = tuple(target.shape) == tuple(x.shape[:-1])
    axis = a.axis if a.axis is not None else -1 if last else 1
    x = x.movedim(axis, 1)
    if target.is_floating_point():
        target = target.movedim(axis, 1)
    else:
        target = target.long()
    given = {"label_smoothing": a.smoothing}
    if a.ignore is not None:
        given["ignore_index"] = a.ignore
    if a.reduction in ("mean", "sum"):
        return F.cross_entropy(x, target, reduction=a.reduction, **given)
    return reduced(a, F.cross_entropy(x, target, reduction="none", **given))


def gaussian_kl(a: Any, i: Any, w: Any) -> Tensor:
    other = (0.0, 1.0) if i.mean2 is None else (i.mean2, (i.log_var2 / 2).exp())
    first = torch.distributions.Normal(i.mean, (i.log_var / 2).exp())
    return reduced(a, torch.distributions.kl_divergence(first, torch.distributions.Normal(*other)))


def adversarial(a: Any, i: Any, w: Any) -> Tensor:
    """The losses as they stand in the papers, where D is a probability or a score."""
    d, fake = i.d, a.role == "fake"
    probability = torch.sigmoid(d)
    games = {
        "minimax": {"real": -torch.log(probability), "generator": torch.log(1 - probability)},
        "non_saturating": {"real": -torch.log(probability), "generator": -torch.log(probability)},
        "hinge": {"real": torch.clamp(1 - d, min=0), "generator": -d},
        "wasserstein": {"real": -d, "generator": -d},
        "least_squares": {"real": (d - 1) ** 2, "generator": (d - 1) ** 2},
    }
    of_fake = {
        "minimax": -torch.log(1 - probability),
        "non_saturating": -torch.log(1 - probability),
        "hinge": torch.clamp(1 + d, min=0),
        "wasserstein": d,
        "least_squares": d**2,
    }
    return reduced(a, of_fake[a.kind] if fake else games[a.kind][a.role])


LOSSES: dict[str, Callable[[Any, Any, Any], Tensor]] = {
    "mse": distance(F.mse_loss),
    "l1": distance(F.l1_loss),
    "huber": distance(F.huber_loss, "delta"),
    "binary_cross_entropy": distance(F.binary_cross_entropy),
    "binary_cross_entropy_with_logits": distance(F.binary_cross_entropy_with_logits),
    "cross_entropy": cross_entropy,
    "gaussian_kl": gaussian_kl,
    "cosine_distance": lambda a, i, w: reduced(a, 1 - F.cosine_similarity(i.x, i.y, dim=-1)),
    "adversarial": adversarial,
    "penalty": lambda a, i, w: sum(
        torch.linalg.vector_norm(value, 2 if a.kind == "l2" else 1) ** (2 if a.kind == "l2" else 1)
        for value in i.inputs
    ),
}
