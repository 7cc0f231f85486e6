"""Drawings from a variational autoencoder: new pictures, ways between two, arithmetic on codes."""

from __future__ import annotations

import torch
from torch import Tensor

from archc_train.drawing import save_grid
from bench.recipes.trained import Trained, gathered


@torch.inference_mode()
def measure(trained: Trained) -> dict[str, float]:
    """Draws samples.png, between.png and arithmetic.png; gives `active`, the codes that are used.

    A code is used if its mean varies by more than 0.01 over the pictures (Burda et al., 2016). The
    arithmetic makes each digit thinner or bolder, by the mean difference of such codes.
    """
    encoder, decoder = trained.network("encoder"), trained.network("decoder")
    images = gathered(trained.test, "image", most=2000)
    means: Tensor = encoder((images > 0.5).float())[0]

    def draw(codes: Tensor, name: str) -> None:
        save_grid(decoder(codes).sigmoid().numpy(), trained.picture(name), {})

    source = torch.Generator().manual_seed(0)
    draw(torch.randn(64, means.shape[1], generator=source), "samples.png")
    share = torch.linspace(0, 1, 8)[:, None]
    ways = [means[2 * k] * (1 - share) + means[2 * k + 1] * share for k in range(8)]
    draw(torch.cat(ways), "between.png")
    ink = images.flatten(1).sum(dim=1)
    bold = means[ink > ink.quantile(0.8)].mean(dim=0) - means[ink < ink.quantile(0.2)].mean(dim=0)
    steps = torch.linspace(-1.5, 1.5, 8)[:, None]
    draw(torch.cat([means[k] + steps * bold for k in range(8)]), "arithmetic.png")
    return {"active": float((means.var(dim=0) > 0.01).sum())}
