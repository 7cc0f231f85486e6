"""Running statistics from real signals: what keeps a deep network's trial from blowing up."""

from __future__ import annotations

import numpy as np
from small_zoo import small
from torch import nn

import archc_torch
from archc.sample import inputs, lively

FEEDS = {"N": 3}


def magnitude(module: nn.Module, feeds: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(one).max()) for one in archc_torch.evaluate(module, feeds).values())


def test_a_deep_network_neither_dies_out_nor_blows_up() -> None:
    program = small("efficientnet", depth=4.0)
    feeds = inputs(program.model, FEEDS)
    module = archc_torch.module(program, lively(program))
    assert magnitude(module, feeds) > 1e3
    found = archc_torch.settled(module, feeds)
    assert 0.1 < magnitude(module, feeds) < 1e2
    again = archc_torch.module(program, {**lively(program), **found})
    assert magnitude(again, feeds) == magnitude(module, feeds)


def test_statistics_are_those_of_what_reaches_the_norm() -> None:
    program = small("vgg", norm=True)
    module = archc_torch.module(program)
    found = archc_torch.settled(module, inputs(program.model, FEEDS))
    entries = {entry.name for entry in program.weights() if "running" in entry.weight.slot}
    assert found.keys() == entries
    seen: list[np.ndarray] = []
    norm = next(one for one in module.modules() if isinstance(one, nn.BatchNorm2d))
    norm.register_forward_hook(lambda module, given, result: seen.append(result.numpy().copy()))
    archc_torch.evaluate(module, inputs(program.model, FEEDS))
    assert np.allclose(seen[0].mean((0, 2, 3)), 0, atol=1e-4)
    assert seen[0].std((0, 2, 3)).max() < 1.01
