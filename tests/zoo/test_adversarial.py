"""Adversarial networks by count and by value against modules written here after the papers' own
code, in both backends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo.both import BACKENDS, Networks, close, drawn

import archc
import archc_torch

IN_BOTH = pytest.mark.parametrize("backend", BACKENDS)
rng = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray[Any, Any]:
    return rng.standard_normal(shape).astype(np.float32)


def params(name: str, model: str, **settings: Any) -> int:
    program = archc.compile(name, set=settings)
    return program.count_params(model)


def matters(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """The module's state dict, every weight and batch statistic drawn."""
    weights = drawn(module, prefix)
    for name, value in weights.items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            value.normal_(0, 0.1)
    return dict(weights)


# -- GAN -------------------------------------------------------------------------------------------


@IN_BOTH
def test_gan_is_a_dense_generator_against_a_judge_of_maxout_units(
    tmp_path: Path, backend: str
) -> None:
    program = archc.compile("gan", set={"latent": 5, "hidden": 7, "units": 4, "pieces": 3})
    weights = {entry.name: noise(*entry.weight.type.dims) for entry in program.weights()}
    run = Networks(program, weights, tmp_path, backend)
    given = {name: torch.from_numpy(value) for name, value in weights.items()}

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ given[f"{name}.weight"].T + given[f"{name}.bias"]

    z = noise(3, 5)
    x = torch.from_numpy(z)
    for name in ("h0", "h1"):
        x = linear(x, f"generator.{name}").clamp(min=0)
    picture = torch.sigmoid(linear(x, "generator.y")).reshape(3, 1, 28, 28)
    close(run("generator", z=z)["image"], picture)

    image = noise(3, 1, 28, 28)
    x = torch.from_numpy(image).flatten(1)
    for name in ("h0", "h1"):
        pieces = linear(x, f"discriminator.{name}.fc")
        x = torch.stack([pieces[:, 3 * k : 3 * k + 3].amax(1) for k in range(4)], dim=1)
    close(run("discriminator", image=image)["logits"], linear(x, "discriminator.y"))


# -- DCGAN, WGAN, WGAN-GP --------------------------------------------------------------------------


class Painter(nn.Module):
    """DCGAN's generator as PyTorch's example has it."""

    def __init__(self, latent: int, width: int, channels: int = 3, steps: int = 3) -> None:
        super().__init__()
        sizes = [width * 2**k for k in reversed(range(steps + 1))]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, sizes[0], 4, 1, 0, bias=False)]
        for before, after in pairwise(sizes):
            layers += [nn.BatchNorm2d(before), nn.ReLU()]
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.main = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.main(z)


class LayerNorm(nn.Module):
    """Over channels, height and width, with a scale and a shift of each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        normal = F.layer_norm(x, x.shape[1:])
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


class Judge(nn.Module):
    """DCGAN's discriminator as PyTorch's example has it, without the sigmoid."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        for k in (1, 2, 4):
            layers += [nn.Conv2d(k * width, 2 * k * width, 4, 2, 1, bias=False)]
            layers += [norm(2 * k * width), nn.LeakyReLU(0.2)]
        self.main = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False))

    def forward(self, image: Tensor) -> Tensor:
        return self.main(image).flatten(1)


def test_dcgan_has_the_examples_parameters() -> None:
    assert params("dcgan", "generator") == 3_576_704
    assert params("dcgan", "discriminator") == 2_765_568
    assert params("dcgan", "generator", width=128) == 12_658_432  # 1024 channels first, as drawn


@IN_BOTH
@pytest.mark.parametrize(
    ("spec", "model", "output", "norm"),
    [
        ("dcgan", "discriminator", "logits", nn.BatchNorm2d),
        ("wgan", "critic", "score", nn.BatchNorm2d),
        ("wgan_gp", "critic", "score", LayerNorm),
    ],
)
def test_dcgans_networks_and_those_after_it_equal_the_examples(
    spec: str, model: str, output: str, norm: type[nn.Module], tmp_path: Path, backend: str
) -> None:
    program = archc.compile(spec, set={"width": 6, "latent": 5})
    painter, judge = Painter(5, 6), Judge(6, norm)
    weights = {**matters(painter, "generator."), **matters(judge, f"{model}.")}
    run = Networks(program, weights, tmp_path, backend)
    z, image = noise(2, 5, 1, 1), noise(3, 3, 64, 64)
    close(run("generator", z=z)["image"], painter(torch.from_numpy(z)))
    close(run(model, image=image)[output], judge(torch.from_numpy(image)))


def test_a_critic_with_a_gradient_penalty_judges_each_picture_by_itself() -> None:
    image = torch.from_numpy(noise(3, 3, 64, 64))
    alone = {}
    for spec in ("wgan", "wgan_gp"):
        critic = archc_torch.module(archc.compile(spec, set={"width": 4}), model="critic").train()
        alone[spec] = torch.allclose(critic(image)[:1], critic(image[:1]), atol=1e-5)
    assert alone == {"wgan": False, "wgan_gp": True}


# -- several discriminators ------------------------------------------------------------------------


@IN_BOTH
@pytest.mark.parametrize("judges", [1, 2, 5])
def test_gman_has_as_many_judges_as_one_asks_for(judges: int, tmp_path: Path, backend: str) -> None:
    program = archc.compile("gman", set={"judges": judges, "hidden": 64, "width": 4})
    image = noise(3, 1, 32, 32)
    expected, weights = [], {}
    for k in range(judges):
        width = max(64 // 2**k, 16)
        judge = nn.Sequential()
        for name, sizes, stride in (
            ("conv0", (1, width // 4), 2),
            ("conv1", (width // 4, width // 2), 2),
            ("conv2", (width // 2, width), 1),
        ):
            judge.add_module(name, nn.Conv2d(*sizes, 3, stride, 1))
            judge.add_module(f"{name}_act", nn.LeakyReLU(0.2))
        judge.add_module("flat", nn.Flatten())
        judge.add_module("prediction", nn.Linear(width * 64, 1))
        weights |= matters(judge, f"discriminators.judges.{k}.0.")
        expected.append(judge(torch.from_numpy(image)))
    weights |= matters(Painter(100, 4, 1, steps=2), "generator.")
    run = Networks(program, weights, tmp_path, backend)
    found = run("discriminators", image=image)["logits"]
    assert found.shape == (3, judges)
    close(found, torch.cat(expected, dim=1))
    assert run("generator", z=noise(2, 100, 1, 1))["image"].shape == (2, 1, 32, 32)


def test_gmans_judges_drop_more_and_more() -> None:
    crowd = archc.compile("gman").models["discriminators"]
    rates = [judge.arguments["drop"] for judge in crowd.calls()]
    assert rates == pytest.approx([0.3, 0.4, 0.5, 0.6, 0.7])


# -- CycleGAN --------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class Translator(nn.Module):
    """The generator of the authors' code: residual blocks between two halvings and doublings."""

    def __init__(self, width: int, deep: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7)]
        layers += [nn.InstanceNorm2d(width), nn.ReLU()]
        for k in (1, 2):
            layers += [nn.Conv2d(k * width, 2 * k * width, 3, 2, 1)]
            layers += [nn.InstanceNorm2d(2 * k * width), nn.ReLU()]
        layers += [Residual(4 * width) for _ in range(deep)]
        for k in (4, 2):
            layers += [nn.ConvTranspose2d(k * width, k * width // 2, 3, 2, 1, output_padding=1)]
            layers += [nn.InstanceNorm2d(k * width // 2), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)


class PatchJudge(nn.Module):
    """The authors' discriminator of patches of 70 x 70 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for k, stride in ((1, 2), (2, 2), (4, 1)):
            layers += [nn.Conv2d(k * width, 2 * k * width, 4, stride, 1)]
            layers += [nn.InstanceNorm2d(2 * k * width), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)


def test_cyclegan_has_the_authors_parameters() -> None:
    for model in ("g_ab", "g_ba"):
        assert params("cyclegan", model) == 11_378_179
    for model in ("d_a", "d_b"):
        assert params("cyclegan", model) == 2_764_737


def test_a_judge_of_cyclegan_sees_patches_of_70_pixels() -> None:
    program = archc.compile("cyclegan", set={"width": 2, "size": 128})
    judge = archc_torch.module(program, model="d_a")
    for part in judge.modules():
        if isinstance(part, nn.InstanceNorm2d):
            part.forward = lambda x: x  # its statistics are of the whole picture
    image = torch.from_numpy(noise(1, 3, 128, 128)).requires_grad_()
    found = judge(image)
    found[0, 0, found.shape[2] // 2, found.shape[3] // 2].backward()
    seen = image.grad.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [70, 70]


@IN_BOTH
def test_cyclegans_four_networks_equal_the_authors(tmp_path: Path, backend: str) -> None:
    program = archc.compile("cyclegan", set={"width": 6, "deep": 2, "size": 32})
    modules: dict[str, nn.Module] = {
        "g_ab": Translator(6, 2), "g_ba": Translator(6, 2), "d_a": PatchJudge(6),
        "d_b": PatchJudge(6),
    }  # fmt: skip
    weights: dict[str, Tensor] = {}
    for k, (name, module) in enumerate(modules.items()):
        weights |= {key: value + 0.01 * k for key, value in matters(module, f"{name}.").items()}
        module.load_state_dict({key: weights[f"{name}.{key}"] for key in module.state_dict()})
    run = Networks(program, weights, tmp_path, backend)
    image = noise(2, 3, 32, 32)
    for name, module in modules.items():
        (found,) = run(name, image=image).values()
        close(found, module(torch.from_numpy(image)), tolerance=1e-4)
