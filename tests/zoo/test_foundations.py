"""The perceptron, the multi-layer perceptron with each activation, and LeNet-5, by value."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from zoo.both import BACKENDS, Networks, close, drawn

import archc
from archc.zoo import locate, variants

both = pytest.mark.parametrize("backend", BACKENDS)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


# ---- perceptron


@both
def test_a_perceptron_fires_where_the_weighted_sum_reaches_the_threshold(
    backend: str, tmp_path
) -> None:
    weights = {"sum.weight": np.float32([[2.0, -1.0]]), "sum.bias": np.float32([-1.0])}
    network = Networks(archc.compile("perceptron"), weights, tmp_path, backend)
    found = network(x=np.float32([[1, 0], [0, 1], [1, 1], [0, 0]]))
    assert found["sum"].tolist() == [[1.0], [-2.0], [0.0], [-1.0]]
    assert found["decision"].tolist() == [[1.0], [0.0], [1.0], [0.0]]


# ---- multi-layer perceptron

SLOPE, BETA = 0.3, 1.7  # what is learned has other values than at the beginning
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "mlp_sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "mlp_tanh": lambda x: (torch.exp(2 * x) - 1) / (torch.exp(2 * x) + 1),
    "mlp_relu": lambda x: x * (x > 0),
    "mlp_leaky_relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "mlp_prelu": lambda x: torch.where(x > 0, x, SLOPE * x),
    "mlp_elu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
    "mlp_swish": lambda x: x / (1 + torch.exp(-x)),
    "mlp_swish_learned": lambda x: x / (1 + torch.exp(-BETA * x)),
    "mlp_gelu": lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2,
    "mlp_gelu_tanh": lambda x: x / 2 * (1 + torch.tanh((2 / pi) ** 0.5 * (x + 0.044715 * x**3))),
}


@both
@pytest.mark.parametrize("variant", ACTIVATIONS)
def test_an_mlp_is_its_formula(variant: str, backend: str, tmp_path) -> None:
    layers = nn.ModuleDict({"0": layer(6, 5), "1": layer(5, 4), "head": nn.Linear(4, 3)})
    state = dict(drawn(layers))
    for k in range(2):
        if variant == "mlp_prelu":
            state[f"{k}.act.weight"] = torch.tensor([SLOPE])
        if variant == "mlp_swish_learned":
            state[f"{k}.act.beta"] = torch.tensor(BETA)
    program = archc.compile(variant, set={"features": 6, "hidden": [5, 4], "classes": 3})
    act, x = ACTIVATIONS[variant], 2 * noise(7, 6)
    hidden = act(layers["1"].fc(act(layers["0"].fc(x))))
    found = Networks(program, state, tmp_path, backend)(x=x)["logits"]
    close(found, layers["head"](hidden))


def layer(inputs: int, outputs: int) -> nn.ModuleDict:
    return nn.ModuleDict({"fc": nn.Linear(inputs, outputs)})


def test_there_is_a_variant_for_each_activation() -> None:
    path, _ = locate("mlp")
    assert set(variants(path)) == set(ACTIVATIONS)


# ---- LeNet-5


@both
def test_lenet5_as_everybody_builds_it(backend: str, tmp_path) -> None:
    reference = nn.ModuleDict({
        "c1": nn.Conv2d(1, 6, 5), "c3": nn.Conv2d(6, 16, 5), "c5": nn.Conv2d(16, 120, 5),
        "f6": nn.Linear(120, 84), "output": nn.Linear(84, 10),
    })  # fmt: skip
    state, image = drawn(reference), noise(3, 1, 32, 32)
    pool = nn.AvgPool2d(2)
    x = pool(torch.tanh(reference["c3"](pool(torch.tanh(reference["c1"](image))))))
    x = torch.tanh(reference["f6"](torch.tanh(reference["c5"](x)).flatten(1)))
    found = Networks(archc.compile("lenet5"), state, tmp_path, backend)(image=image)
    close(found["logits"], reference["output"](x))


# Table I of the paper, a row for each S2 map, a column for each C3 map that sees it.
TABLE = """
X . . . X X X . . X X X X . X X
X X . . . X X X . . X X X X . X
X X X . . . X X X . . X . X X X
. X X X . . X X X X . . X . X X
. . X X X . . X X X X . X X . X
. . . X X X . . X X X X . X X X
"""


class Published(nn.Module):
    """LeNet-5 as sections II.B and III of the paper have it; subsampling takes means."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = Subsampling(6)
        rows = [line.split() for line in TABLE.strip().splitlines()]
        self.sees = [[k for k in range(6) if rows[k][c] == "X"] for c in range(16)]
        self.c3 = nn.ModuleList(nn.Conv2d(len(maps), 1, 5) for maps in self.sees)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        x = self.s2(squashed(self.c1(x)))
        maps = [one(x[:, self.sees[k]]) for k, one in enumerate(self.c3)]
        x = self.s4(squashed(torch.cat(maps, 1)))
        x = squashed(self.f6(squashed(self.c5(x)).flatten(1)))
        return -(torch.cdist(x, codes, compute_mode="donot_use_mm_for_euclid_dist") ** 2)


class Subsampling(nn.Module):
    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.ones(maps, 1, 1))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        sums = x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]
        return squashed(sums / 4 * self.coefficient + self.bias)


def squashed(x: Tensor) -> Tensor:
    return 1.7159 * torch.tanh(2 / 3 * x)


@both
def test_lenet5_as_published(backend: str, tmp_path) -> None:
    reference = Published()
    state = {
        name.replace("c3.", "c3.map.").replace("weight", "conv.weight").replace("bias", "conv.bias")
        if name.startswith("c3.")
        else name: value
        for name, value in drawn(reference).items()
    }
    program = archc.compile("lenet5_1998")
    assert program.params == sum(weight.numel() for weight in reference.parameters()) == 60_000
    codes = next(e.weight.value for e in program.weights() if e.name == "output.codes")
    table = torch.tensor(codes)
    image = noise(3, 1, 32, 32)
    found = Networks(program, state, tmp_path, backend)(image=image)["logits"]
    close(found, reference(image, table), 2e-5)


def test_the_drawings_of_digits_differ_and_are_of_two_values() -> None:
    program = archc.compile("lenet5_1998")
    codes = next(e.weight.value for e in program.weights() if e.name == "output.codes")
    table = np.array(codes)
    assert table.shape == (10, 84) and set(table.ravel()) == {-1.0, 1.0}
    assert len(np.unique(table, axis=0)) == 10
