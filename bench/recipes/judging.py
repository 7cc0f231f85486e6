"""The classifiers that judge what other recipes draw: recipes themselves, trained before."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.recipes.trained import Trained


class Judge:
    """A trained classifier, its last features, and the pictures that it wants.

    Pictures are given to it as values of 0 to 1, `[N, 1, H, W]`, black around.
    """

    def __init__(self, recipe: str, runs: Path, layer: str = "f6") -> None:
        """Raises FileNotFoundError where the recipe was not run."""
        folder = runs / recipe / "0"
        if not (folder / "best.safetensors").exists():
            raise FileNotFoundError(
                f"{folder} holds no run: python -m bench.recipes {recipe} --seed 0"
            )
        self.trained = Trained(folder, runs)
        self.network = self.trained.network()
        section = self.trained.facts["preprocess"]
        self.mean, self.deviation = section["mean"][0], section["deviation"][0]
        self.pad = int(section.get("pad", 0))
        self.seen: Tensor | None = None
        found = [one for name, one in self.network.named_modules() if name.endswith(layer)]
        found[0].register_forward_hook(self.keep)

    def keep(self, module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        self.seen = output

    @torch.inference_mode()
    def told(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The classes `[N]` and the features before the last layer `[N, C]` of pictures."""
        classes, features = [], []
        for part in images.split(500):
            side = 28 + 2 * self.pad
            around = (side - part.shape[-1]) // 2
            framed = nn.functional.pad(part, (around,) * 4)
            logits = self.network((framed - self.mean) / self.deviation)
            assert self.seen is not None
            classes.append(logits.argmax(dim=1))
            features.append(self.seen.relu())
        return torch.cat(classes), torch.cat(features)


def plain(images: Tensor, section: dict[str, list[float]]) -> Tensor:
    """Pictures as a network draws them as values of 0 to 1."""
    if "mean" in section:
        images = images * section["deviation"][0] + section["mean"][0]
    return images.clamp(0, 1)


def frechet(one: Tensor, other: Tensor) -> float:
    """The Fréchet distance of two normal distributions fitted to features `[N, C]`.

    `|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½)` (Heusel et al., 2017), in float64.
    """
    one, other = one.double(), other.double()
    first, second = torch.cov(one.T), torch.cov(other.T)
    values = torch.linalg.eigvals(first @ second)
    root = values.real.clamp(min=0).sqrt().sum()
    away = (one.mean(dim=0) - other.mean(dim=0)).square().sum()
    return float(away + torch.trace(first) + torch.trace(second) - 2 * root)
