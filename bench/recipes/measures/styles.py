"""A grid of mixed styles: coarse layers of each row's picture, fine ones of each column's."""

from __future__ import annotations

import torch

from archc_torch.calling import call
from archc_train.drawing import save_grid
from bench.recipes.trained import Trained

SIDE = 8


@torch.inference_mode()
def measure(trained: Trained) -> dict[str, float]:
    """Draws mixed.png; gives `crossing`, the layer from which the columns' styles hold."""
    network = trained.network("generator")
    types = trained.program.models["generator"].input_types()
    dim = int(trained.program.parameters["dim"])
    source = torch.Generator().manual_seed(0)
    rows, columns = (torch.randn(SIDE, dim, generator=source) for _ in range(2))
    layers = int(types["noise"].dims[1])
    fed = {
        "z": rows.repeat_interleave(SIDE, dim=0),
        "z2": columns.repeat(SIDE, 1),
        "crossing": torch.tensor(layers // 2),
        "noise": torch.randn(1, *map(int, types["noise"].dims[1:]), generator=source).expand(
            SIDE**2, -1, -1, -1
        ),
        "alpha": torch.ones(()),
    }
    (images,) = call(network, fed).values()
    save_grid(images.numpy(), trained.picture("mixed.png"), trained.facts["preprocess"])
    return {"crossing": float(layers // 2)}
