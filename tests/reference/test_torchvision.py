"""The zoo against torchvision: state dicts load strictly, outputs agree.

Weights and batch statistics are random, so that a swapped or missing normalisation shows.
Agreement is to 1e-4 of the largest magnitude, in float32, before any softmax, for PyTorch
and for onnxruntime alike; outputs differ for different inputs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reference.agreement import check, randomised

import archc
import archc_torch

QUICK = ["alexnet", "vgg11_bn", "resnet18", "resnet50", "densenet121", "efficientnet_b0", "swin_t"]
SLOW = [
    "vgg16", "vgg19", "vgg11", "vgg13", "vgg13_bn", "vgg16_bn", "vgg19_bn", "resnet34", "resnet101",
    "resnet152", "densenet169", "swin_s",
]  # fmt: skip


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
