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


def randomised(module: torch.nn.Module, example: torch.Tensor | None = None) -> torch.nn.Module:
    """The module with batch statistics, scales and shifts that all matter.

    With an example, statistics are near those that it has there: without, values grow from layer to
    layer, and where gates saturate (EfficientNet's), rounding is all that is compared in the end.
    Deep residual networks, on the other hand, need that growth: normalised again and again, their
    rounding errors grow.
    """
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
        if isinstance(part, torch.nn.Conv2d | torch.nn.Linear) and part.bias is not None:
            part.bias.data.normal_(0, 0.1, generator=generator)
    for name, weight in module.named_parameters():
        if name.endswith("layer_scale"):  # ConvNeXt's begins almost at zero
            weight.data.uniform_(0.2, 1.0, generator=generator)
        if name.endswith("relative_position_bias_table"):  # and Swin's, with no say in a softmax
            weight.data.normal_(0, 1.0, generator=generator)
    module.eval()
    if example is not None:
        measure(module, example)
    return module


def measure(module: torch.nn.Module, example: torch.Tensor) -> None:
    """Brings random batch statistics near what they are of, layer by layer."""

    def near(part: torch.nn.BatchNorm2d, given: tuple[torch.Tensor]) -> None:
        variance, mean = torch.var_mean(given[0], (0, 2, 3), correction=0)
        variance += 1e-3 * variance.mean()  # no channel without any
        part.running_mean.mul_(variance.sqrt()).add_(mean)
        part.running_var.mul_(variance)

    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    hooks = [part.register_forward_pre_hook(near) for part in norms]
    with torch.no_grad():
        module(example)
    for hook in hooks:
        hook.remove()


def check(
    program: archc.Program,
    state: Mapping[str, Any],
    feed: np.ndarray,
    expected: np.ndarray | Mapping[str, np.ndarray],
    folder: Path,
) -> None:
    """Both backends, loaded with the reference's own state dict, give its outputs.

    `expected` is the logits, or a value for each output's name.
    """
    name = next(iter(program.model.input_types()))
    wanted = expected if isinstance(expected, Mapping) else {"logits": expected}
    module = archc_torch.module(program, weights=state)
    found = {"PyTorch": archc_torch.evaluate(module, {name: feed})}
    archc_onnx.export(program, folder / "model.onnx", weights=state)
    found["onnxruntime"] = archc_ort.run(folder / "model.onnx", {name: feed})
    for output, value in wanted.items():
        scale = np.abs(value).max()
        assert np.isfinite(value).all()
        assert np.abs(value[0] - value[1]).max() > 1e-3 * scale
        for backend, values in found.items():
            assert np.abs(values[output] - value).max() <= TOLERANCE * scale, (backend, output)
