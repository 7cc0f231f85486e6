"""What convolutional and hybrid networks promise beside the names and values of a reference."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo.both import BACKENDS, Networks, close, drawn

import archc
from archc.store import stored
from archc.zoo import locate, variants

both = pytest.mark.parametrize("backend", BACKENDS)

# ---- AlexNet of 2012


class AlexNet2012(nn.Module):
    """Section 3 of the paper; on two cards, whose maps are the two halves of the channels."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.fc6 = nn.Linear(256 * 6 * 6, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(among_neighbours(F.relu(self.conv1(x))), 3, 2)
        x = F.max_pool2d(among_neighbours(F.relu(self.conv2(x))), 3, 2)
        x = F.relu(self.conv5(F.relu(self.conv4(F.relu(self.conv3(x))))))
        x = F.max_pool2d(x, 3, 2).flatten(1)
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(x)))))


def among_neighbours(x: Tensor) -> Tensor:
    """b = a / (2 + 1e-4 · Σ a²)^0.75, the sum over two channels before to two behind."""
    squares = F.pad(x**2, (0, 0, 0, 0, 2, 2))
    total = sum(squares[:, k : k + x.shape[1]] for k in range(5))
    return x / (2 + 1e-4 * total) ** 0.75


@both
def test_the_alexnet_of_2012(backend: str, tmp_path) -> None:
    reference = AlexNet2012(16)
    torch.manual_seed(0)
    state = drawn(reference)
    image = 20 * torch.randn(2, 3, 227, 227)  # so large that normalisation has something to do
    program = archc.compile("alexnet_2012", set={"hidden": 16})
    found = Networks(program, state, tmp_path, backend)(image=image)["logits"]
    with torch.inference_mode():
        close(found, reference(image))


def test_the_alexnet_of_2012_has_the_papers_60_million() -> None:
    program = archc.compile("alexnet_2012")
    assert (program.params, program.macs) == (60_965_224, 724_406_816)


# ---- sizes that papers print

# Tables 6 and 7 of MobileNets (2017): millions of multiply-adds and of parameters.
MOBILENET_V1 = {
    "mobilenet_v1": (569, 4.2), "mobilenet_v1_075": (325, 2.6), "mobilenet_v1_050": (149, 1.3),
    "mobilenet_v1_025": (41, 0.5), "mobilenet_v1_100_192": (418, 4.2),
    "mobilenet_v1_100_160": (290, 4.2), "mobilenet_v1_100_128": (186, 4.2),
}  # fmt: skip


@pytest.mark.parametrize("name", MOBILENET_V1)
def test_mobilenet_v1_has_the_papers_sizes(name: str) -> None:
    program = archc.compile(name)
    macs, params = MOBILENET_V1[name]
    assert abs(program.macs / 1e6 - macs) < 1
    assert abs(program.params / 1e6 - params) < 0.05


def test_mobilenet_v1_has_every_width_at_every_resolution() -> None:
    path, _ = locate("mobilenet_v1")
    found = {
        (program.parameters["alpha"], program.parameters["resolution"])
        for program in (archc.compile(name) for name in variants(path))
    }
    assert found == {(a, r) for a in (0.25, 0.5, 0.75, 1.0) for r in (128, 160, 192, 224)}


def test_squeezenet_has_a_fiftieth_of_alexnets_weights() -> None:
    alexnet, old, new = map(archc.compile, ["alexnet", "squeezenet1_0", "squeezenet1_1"])
    assert 48 < alexnet.params / old.params < 50
    assert 2.3 < old.macs / new.macs < 2.4


# ---- EfficientNet's compound scaling


def test_efficientnet_begins_at_b0() -> None:
    b0, scaled = archc.compile("efficientnet_b0"), archc.compile("efficientnet_phi", set={"phi": 0})
    assert (scaled.params, scaled.macs, scaled.digest) == (b0.params, b0.macs, b0.digest)


def test_phi_scales_depth_width_and_resolution_together() -> None:
    programs = [archc.compile("efficientnet_phi", set={"phi": phi}) for phi in range(4)]
    for phi, program in enumerate(programs):
        found = program.parameters
        assert found["depth"] == 1.2**phi
        assert found["width"] == 1.1**phi
        assert found["resolution"] == round(224 * 1.15**phi)
        (type,) = program.model.input_types().values()
        assert type.dims[2:] == (found["resolution"],) * 2
    macs = [program.macs for program in programs]
    for less, more in pairwise(macs):
        assert 1.7 < more / less < 2.7  # 1.2 · 1.1² · 1.15² is 1.92, and layers are whole


# ---- ConvNeXt


def test_layer_scale_begins_almost_at_zero() -> None:
    small = {"depths": [1, 1, 2, 1], "dims": [8, 16, 24, 32], "classes": 10}
    program = archc.compile("convnext_tiny", set=small)
    with stored(program) as entries:
        scales = [e.array() for name, e in entries.items() if name.endswith("layer_scale")]
    assert len(scales) == 5
    assert all(np.all(scale == np.float32(1e-6)) for scale in scales)


# ---- Swin


@pytest.mark.parametrize(("height", "width"), [(224, 224), (184, 288)])
def test_swin_halves_its_maps_three_times_whatever_the_picture(height: int, width: int) -> None:
    program = archc.compile("swin_t_taps", set={"height": height, "width": width})
    sizes = [type.dims for type in program.model.output_types().values()]
    for k, (_, rows, columns, channels) in enumerate(sizes):
        assert rows == -(-height // (4 * 2**k))
        assert columns == -(-width // (4 * 2**k))
        assert channels == 96 * 2**k
    assert prod(sizes[0][1:]) == 8 * prod(sizes[3][1:]) or (height, width) != (224, 224)
