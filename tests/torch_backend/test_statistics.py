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


def test_statistics_have_the_scale_of_what_reaches_the_norm() -> None:
    program = small("vgg", norm=True)
    weights = {name: entry.array() * 30 for name, entry in lively(program).items()}
    module = archc_torch.module(program, weights)
    seen: list[float] = []
    norms = [one for one in module.modules() if isinstance(one, nn.BatchNorm2d)]
    for norm in norms:
        norm.register_forward_pre_hook(lambda module, given: seen.append(given[0].square().mean()))
    found = archc_torch.settled(module, inputs(program.model, FEEDS))
    names = [entry.name for entry in program.weights() if entry.weight.slot == "running_var"]
    assert len(names) == len(norms) and set(names) < found.keys()
    for name, scale in zip(names, seen, strict=True):
        assert np.allclose(found[name], weights[name] * float(scale), rtol=1e-5)
        mean = name.replace("running_var", "running_mean")
        assert np.allclose(found[mean], weights[mean] * float(scale) ** 0.5, rtol=1e-5)
