"""A linear model on the bag of a text's words, on the same parts: what a network has to beat."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, vstack
from sklearn.linear_model import LogisticRegression

from archc_train.data.part import Part
from bench.recipes.trained import Trained, batches, gathered


def measure(trained: Trained) -> dict[str, float]:
    """`bag_of_words`: test accuracy, with the strength of the ridge that is best on validation."""
    data, size = trained.data, len(trained.facts["vocabulary"])
    train, val, test = (bags(part, size) for part in (data.train, data.val, trained.test))
    labels = [gathered(part, "label").numpy() for part in (data.train, data.val, trained.test)]
    best = max(
        (
            LogisticRegression(C=c, max_iter=500).fit(train, labels[0])
            for c in (0.03, 0.1, 0.3, 1.0, 3.0)
        ),
        key=lambda model: model.score(val, labels[1]),
    )
    return {"bag_of_words": float(best.score(test, labels[2]))}


def bags(part: Part, size: int) -> csr_matrix:
    """Which words each text has, `[texts, words]`."""
    found = []
    for batch in batches(part):
        rows = np.zeros((len(batch["tokens"]), size), dtype=np.float32)
        for row, tokens, mask in zip(rows, batch["tokens"], batch["mask"], strict=True):
            row[tokens[mask].numpy()] = 1
        found.append(csr_matrix(rows))
    return vstack(found)
