"""A baseline of anomaly detection on pictures: the distance to the nearest normal one."""

from __future__ import annotations

import torch
import torchmetrics

from bench.recipes.trained import Trained, gathered


def measure(trained: Trained) -> dict[str, float]:
    """`neighbour.auroc`: of the distance to the nearest training picture, on the test part."""
    train, test = trained.data.train, trained.test
    known, shown = (gathered(part, "image").flatten(1) for part in (train, test))
    odd = gathered(test, "label") == int(trained.program.parameters["odd"])
    distance = torch.cdist(shown, known).min(dim=1).values
    auroc = torchmetrics.AUROC(task="binary")
    scores = (distance - distance.min()) / (distance.max() - distance.min())
    return {"neighbour.auroc": float(auroc(scores, odd.long()))}
