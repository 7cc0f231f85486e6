"""Agreement with a reference implementation, in both backends, with its own state dict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import archc
import archc_onnx
import archc_ort
import archc_torch

TOLERANCE = 1e-4  # of the largest magnitude of the reference's output


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
