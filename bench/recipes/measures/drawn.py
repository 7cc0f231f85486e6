"""How near a generator of clothes comes to the real ones, in the features of their classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archc.ir.types import TensorType
from archc_torch.calling import call
from archc_train.drawing import save_grid
from bench.recipes.judging import Judge, frechet, plain
from bench.recipes.trained import Trained, gathered

COUNT, BATCH = 5000, 250


def measure(trained: Trained) -> dict[str, float]:
    """`frechet` to the test pictures, beside it `untrained` and, of training pictures, `real`.

    `classes` are those with at least a hundredth of what is drawn. Draws samples.png.
    """
    judge = Judge("lenet5_fashion_mnist", trained.others)
    section = trained.facts["preprocess"]

    def features(images: Tensor) -> tuple[Tensor, Tensor]:
        grey = images.mean(dim=1, keepdim=True)
        return judge.told(plain(grey, section))

    _, test = features(gathered(trained.test, "image", most=COUNT))
    _, train = features(gathered(trained.data.train, "image", most=COUNT))
    made = pictures(trained, trained.network("generator"))
    classes, now = features(made)
    _, before = features(pictures(trained, trained.network("generator", trained=False)))
    save_grid(made[:64].numpy(), trained.picture("samples.png"), section)
    shares = torch.bincount(classes, minlength=10) / len(classes)
    return {
        "frechet": frechet(now, test),
        "untrained": frechet(before, test),
        "real": frechet(train, test),
        "classes": float((shares >= 0.01).sum()),
        "least_share": float(shares.min()),
    }


@torch.inference_mode()
def pictures(trained: Trained, network: nn.Module) -> Tensor:
    """`COUNT` of them, from normal numbers; a fade is over, and a single style holds."""
    source = torch.Generator().manual_seed(0)
    types = trained.program.models["generator"].input_types()
    parts = []
    for _ in range(COUNT // BATCH):
        fed = {name: given(type, source) for name, type in types.items()}
        parts += call(network, fed).values()
    return torch.cat(parts)


def given(type: TensorType, source: torch.Generator) -> Tensor:
    shape = [dim if isinstance(dim, int) else BATCH for dim in type.dims]
    if type.dtype == "int64":
        return torch.zeros(shape, dtype=torch.int64)
    return torch.randn(shape, generator=source) if shape else torch.ones(())
