"""The zoo against torchvision: state dicts load strictly, outputs agree.

Weights and batch statistics are random, so that a swapped or missing normalisation shows.
Agreement is to 1e-4 of the largest magnitude, in float32, before any softmax, for PyTorch
and for onnxruntime alike; outputs differ for different inputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from reference.agreement import check, randomised

import archc
import archc_torch

QUICK = [
    "alexnet", "vgg11_bn", "resnet18", "resnet50", "densenet121", "squeezenet1_0", "squeezenet1_1",
    "efficientnet_b0", "mobilenet_v2", "convnext_tiny", "swin_t",
]  # fmt: skip
SLOW = [
    "vgg16", "vgg19", "vgg11", "vgg13", "vgg13_bn", "vgg16_bn", "vgg19_bn", "resnet34", "resnet101",
    "resnet152", "densenet161", "densenet169", "densenet201",
    *(f"efficientnet_b{k}" for k in range(1, 8)),
    "convnext_small", "convnext_base", "convnext_large", "swin_s", "swin_b",
]  # fmt: skip
WIDTHS = {"035": 0.35, "050": 0.5, "075": 0.75, "130": 1.3, "140": 1.4}

# Windows of 7 are padded at all of these. At 184 the stages have 46, 23, 12 and 6 positions, so
# merges are padded, too, and the last stage has a single window; 288 by 160 has one window
# along an axis alone.
SIZES = [(184, 184), (256, 256), (288, 160)]


def vision(name: str, folder: Path, **settings: Any) -> None:
    """The network at its own resolution, or at `height` and `width`."""
    models = pytest.importorskip("torchvision.models")
    program = archc.compile(name, set=settings)
    agree(program, getattr(models, name)(), folder)


def agree(program: archc.Program, model: torch.nn.Module, folder: Path) -> None:
    reference, images = seeded(program, model)
    with torch.inference_mode():
        expected = reference(images).numpy()
    module = archc_torch.module(program)
    module.load_state_dict(reference.state_dict(), strict=True)  # `num_batches_tracked` included
    check(program, reference.state_dict(), images.numpy(), expected, folder)


def seeded(program: archc.Program, model: torch.nn.Module) -> tuple[torch.nn.Module, torch.Tensor]:
    """The reference with random weights, and two images of the size that the program takes."""
    torch.manual_seed(0)
    (type,) = program.model.input_types().values()
    images = torch.randn(2, *type.dims[1:])
    gated = program.name.startswith("efficientnet")
    return randomised(model, images if gated else None), images


@pytest.mark.parametrize("name", QUICK)
def test_torchvision(name: str, tmp_path: Path) -> None:
    vision(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_more_of_torchvision(name: str, tmp_path: Path) -> None:
    vision(name, tmp_path)


@pytest.mark.parametrize("width", WIDTHS)
def test_mobilenet_v2_of_every_width(width: str, tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    program = archc.compile(f"mobilenet_v2_{width}")
    agree(program, models.mobilenet_v2(width_mult=WIDTHS[width]), tmp_path)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_swin_where_windows_and_merges_are_padded(height: int, width: int, tmp_path: Path) -> None:
    vision("swin_t", tmp_path, height=height, width=width)


@pytest.mark.parametrize(
    ("name", "reference", "taps"),
    [
        ("swin_t_taps", "swin_t", {f"c{k + 2}": f"features.{2 * k + 1}" for k in range(4)}),
        ("taps", "resnet50", {f"c{k + 2}": f"layer{k + 1}" for k in range(4)}),
    ],
)
def test_taps_are_what_the_reference_has_on_its_way(
    name: str, reference: str, taps: dict[str, str], tmp_path: Path
) -> None:
    """The weights of the rest of the network are left out of the state dict."""
    models = pytest.importorskip("torchvision.models")
    program = archc.compile(name)
    torch.manual_seed(0)
    images = torch.randn(2, 3, 224, 224)
    whole = randomised(getattr(models, reference)())
    seen: dict[str, Any] = {}
    for output, place in taps.items():
        part = whole.get_submodule(place)
        part.register_forward_hook(lambda _, __, y, at=output: seen.update({at: y.numpy()}))
    with torch.inference_mode():
        whole(images)
    state = archc_torch.module(program).state_dict()
    for key, value in whole.state_dict().items():
        for own in (key, f"body.{key}"):
            if own in state:
                state[own] = value
    check(program, state, images.numpy(), seen, tmp_path)
