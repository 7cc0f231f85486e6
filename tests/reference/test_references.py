"""The zoo against the reference implementations: state dicts load strictly, outputs agree.

Weights and batch statistics are random, so that a swapped or missing normalisation shows.
Agreement is to 1e-4 of the largest magnitude, in float32, before any softmax, for PyTorch
and for onnxruntime alike; outputs differ for different inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import archc
import archc_onnx
import archc_ort
import archc_torch

TOLERANCE = 1e-4
SIZES = {"efficientnet_b0": 224, "swin_t": 224}
QUICK = ["alexnet", "vgg11_bn", "resnet18", "resnet50", "densenet121", "efficientnet_b0", "swin_t"]
SLOW = [
    "vgg16", "vgg19", "vgg11", "vgg13", "vgg13_bn", "vgg16_bn", "vgg19_bn", "resnet34", "resnet101",
    "resnet152", "densenet169", "swin_s",
]  # fmt: skip


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    """The module with batch statistics, scales and shifts that all matter."""
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d | torch.nn.LayerNorm):
            part.weight.data.uniform_(0.5, 1.5, generator=generator)
            part.bias.data.normal_(0, 0.1, generator=generator)
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1, generator=generator)
            part.running_var.uniform_(0.5, 1.5, generator=generator)
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight, generator=generator)
    return module.eval()


def check(
    program: archc.Program,
    state: Mapping[str, Any],
    feed: np.ndarray,
    expected: np.ndarray,
    folder: Path,
) -> None:
    """Both backends, loaded with the reference's own state dict, give its outputs."""
    name = next(iter(program.model.input_types()))
    module = archc_torch.module(program, weights=state)
    found = {"PyTorch": archc_torch.evaluate(module, {name: feed})["logits"]}
    archc_onnx.export(program, folder / "model.onnx", weights=state)
    found["onnxruntime"] = archc_ort.run(folder / "model.onnx", {name: feed})["logits"]
    scale = np.abs(expected).max()
    assert np.isfinite(expected).all()
    assert np.abs(expected[0] - expected[1]).max() > 1e-3 * scale
    for backend, value in found.items():
        assert np.abs(value - expected).max() <= TOLERANCE * scale, backend


def vision(name: str, folder: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    reference = randomised(getattr(models, name)())
    images = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        expected = reference(images).numpy()
    program = archc.compile(name)
    module = archc_torch.module(program)
    module.load_state_dict(reference.state_dict(), strict=True)  # `num_batches_tracked` included
    check(program, reference.state_dict(), images.numpy(), expected, folder)


@pytest.mark.parametrize("name", QUICK)
def test_torchvision(name: str, tmp_path: Path) -> None:
    vision(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_more_of_torchvision(name: str, tmp_path: Path) -> None:
    vision(name, tmp_path)


def test_timm_mobilenet_v1(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    reference = randomised(timm.create_model("mobilenetv1_100"))
    images = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        expected = reference(images).numpy()
    check(archc.compile("mobilenet_v1"), reference.state_dict(), images.numpy(), expected, tmp_path)


@pytest.mark.parametrize("layers", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_transformers_gpt2(layers: int, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_layer=layers)
    reference = randomised(transformers.GPT2LMHeadModel(config))
    tokens = torch.randint(0, config.vocab_size, (2, 17))
    with torch.inference_mode():
        expected = reference(tokens).logits.numpy()
    program = archc.compile("gpt2", set={"layers": layers})
    check(program, reference.state_dict(), tokens.numpy(), expected, tmp_path)
