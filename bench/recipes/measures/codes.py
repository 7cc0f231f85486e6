"""What an autoencoder's code knows: a linear probe's accuracy, and a drawing of it."""

from __future__ import annotations

import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from archc_train.data.part import Part
from bench.recipes.trained import Trained, batches, gathered

MOST = 10_000


@torch.inference_mode()
def measure(trained: Trained) -> dict[str, float]:
    """`probe`: test accuracy of a logistic regression on codes of 10,000 training pictures.

    `probe.pixels`: the same on as many principal components of the pixels. Draws codes.png.
    """
    encoder = trained.network("encoder")

    def codes(part: Part) -> Tensor:
        return torch.cat([encoder(batch["image"]) for batch in batches(part, most=MOST)])

    train, test = trained.data.train, trained.test
    labels = [gathered(part, "label", MOST).numpy() for part in (train, test)]
    found = [codes(part).numpy() for part in (train, test)]
    pixels = [gathered(part, "image", MOST).flatten(1).numpy() for part in (train, test)]
    reduce = PCA(found[0].shape[1], random_state=0).fit(pixels[0])
    draw(trained, found[1], labels[1])
    return {
        "probe": probe(found, labels),
        "probe.pixels": probe([reduce.transform(one) for one in pixels], labels),
    }


def probe(values: list, labels: list) -> float:
    scale = StandardScaler().fit(values[0])
    model = LogisticRegression(max_iter=300).fit(scale.transform(values[0]), labels[0])
    return float(model.score(scale.transform(values[1]), labels[1]))


def draw(trained: Trained, codes, labels) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    flat = PCA(2, random_state=0).fit_transform(codes)
    figure, axis = plt.subplots(figsize=(6, 5), layout="constrained")
    dots = axis.scatter(flat[:, 0], flat[:, 1], c=labels, s=2, cmap="tab10")
    figure.colorbar(dots)
    figure.savefig(trained.picture("codes.png"), dpi=110)
    plt.close(figure)
