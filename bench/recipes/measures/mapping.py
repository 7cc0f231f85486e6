"""Whether a translation between two domains is the right one: a classifier reads what arrives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from archc_train.drawing import save_grid
from bench.recipes.judging import Judge, plain
from bench.recipes.trained import Trained, batches, gathered

SECTION = {"mean": [0.5], "deviation": [0.5]}


@torch.inference_mode()
def measure(trained: Trained) -> dict[str, float]:
    """`accuracy` of outlined test digits brought back to plain ones, as lenet5_mnist tells them.

    `identity` is that of the outlines as they are. Draws translated.png.
    """
    judge = Judge("lenet5_mnist", trained.others)
    network = trained.network("to_plain")
    test = trained.test
    seen = gathered(test, "b")
    label = torch.from_numpy(np.load(Path(trained.run.about["data"]) / "label.npy"))
    back = torch.cat([network(batch["b"]) for batch in batches(test)])
    both = torch.stack([seen[:32], back[:32]], dim=1).flatten(0, 1)
    save_grid(both.numpy(), trained.picture("translated.png"), SECTION)
    return {
        name: float((judge.told(plain(images, SECTION))[0] == label).float().mean())
        for name, images in (("accuracy", back), ("identity", seen))
    }
