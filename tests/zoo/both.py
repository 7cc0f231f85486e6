"""One network in both backends, with given weights and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import archc_onnx
import archc_ort
import archc_torch
from archc.ir.program import Program

TOLERANCE = 1e-5  # of the largest magnitude expected
BACKENDS = ("PyTorch", "onnxruntime")
Array = np.ndarray[Any, Any]


class Networks:
    """Every model of a program, made once and run by name in one of the backends."""

    def __init__(self, program: Program, weights: Any, folder: Path, backend: str) -> None:
        self.program, self.weights, self.folder, self.backend = program, weights, folder, backend
        self.made: dict[str, Any] = {}

    def __call__(self, model: str | None = None, **feeds: Any) -> dict[str, Array]:
        """The outputs of a model, the main one without a name; `state__0` stands for `state.0`."""
        name = model or self.program.main
        arrays = {key.replace("__", "."): np.asarray(value) for key, value in feeds.items()}
        if self.backend == "PyTorch":
            if name not in self.made:
                self.made[name] = archc_torch.module(self.program, self.weights, model=name)
            return dict(archc_torch.evaluate(self.made[name], arrays))
        if name not in self.made:
            self.made[name] = self.folder / f"{name}.onnx"
            archc_onnx.export(self.program, self.made[name], weights=self.weights, model=name)
        return archc_ort.run(self.made[name], arrays, threads=1)


def close(found: Array, expected: Array | torch.Tensor, tolerance: float = TOLERANCE) -> None:
    """Both are alike, of the largest magnitude expected; and what is expected is no constant."""
    expected = np.asarray(expected.detach() if isinstance(expected, torch.Tensor) else expected)
    assert found.shape == expected.shape
    assert np.isfinite(expected).all()
    assert expected.std() > 0
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def drawn(module: torch.nn.Module, prefix: str = "") -> Mapping[str, torch.Tensor]:
    """The module's state dict with weights that all matter, under names with the prefix."""
    torch.manual_seed(0)
    for parameter in module.eval().parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return {f"{prefix}{name}": value for name, value in module.state_dict().items()}
