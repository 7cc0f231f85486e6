"""Gradient norms by layer, before and after training: where they vanish, and where not.

Of a stack of layers the norms of the weights' gradients, one number a layer; of a recurrent network
those of the loss with respect to the outputs of the embedding, one number a step. `first_to_last`
is the first one's over the last one's: far below 1 is a gradient that vanished on its way.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archc.train import join
from archc_train.trainee import Trainee
from bench.recipes.trained import Trained

BATCH = 256


def measure(trained: Trained) -> dict[str, float]:
    """`gradient.first_to_last.before` and `.after`; draws gradients.png."""
    profiles = {when: profile(trained, when == "after") for when in ("before", "after")}
    draw(trained, profiles)
    return {
        f"gradient.first_to_last.{when}": float(one[0] / one[-1].clamp(min=1e-30))
        for when, one in profiles.items()
    }


def profile(trained: Trained, after: bool) -> Tensor:
    """The norms, float32 `[layers]` or `[steps]`, from the first on."""
    graphs = join(trained.program, trained.training, trained.data.types)
    weights = trained.folder / "best.safetensors" if after else None
    trainee = Trainee(trained.program, graphs, weights, trained.training.seed).eval()
    update = trained.training.updates[0].name
    batch = trained.data.train.batch(torch.arange(min(BATCH, len(trained.data.train))))
    read: list[Tensor] = []
    for module in trainee.modules():
        if isinstance(module, nn.Embedding):
            module.register_forward_hook(lambda module, given, output: kept(read, output))
    trainee(update, batch)["loss"].backward()
    if read:
        gradient = read[0].grad
        assert gradient is not None
        return gradient.square().sum(dim=2).sqrt().mean(dim=0)
    layers = [value for name, value in trainee.shared.items() if name.endswith("fc.weight")]
    return torch.stack([one.grad.norm() for one in layers if one.grad is not None])


def kept(read: list[Tensor], output: Tensor) -> None:
    output.retain_grad()
    read.append(output)


def draw(trained: Trained, profiles: dict[str, Tensor]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for when, one in profiles.items():
        axis.semilogy(one.clamp(min=1e-30).tolist(), label=f"{when} training", marker=".")
    axis.set_xlabel("layer or step")
    axis.set_ylabel("gradient norm")
    axis.legend()
    figure.savefig(trained.picture("gradients.png"), dpi=110)
    plt.close(figure)
