"""The zoo in sizes that take no time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archc.ir.program import Program
from archc.pipeline import compile

SPECS = Path(__file__).parents[2] / "specs"
SMALL = {
    "cyclegan": {"width": 8, "size": 32},
    "densenet": {"depths": [2, 3, 3, 2]},
    "gpt2": {"vocab": 100, "context": 20, "dim": 16, "heads": 2, "layers": 3},
    "resnet": {"depths": [2, 2, 3, 2]},
    "seq2seq": {"vocab": 50, "embed": 8, "hidden": 6, "align": 5},
    "stylegan": {"resolution": 16, "dim": 32},
    "swin": {"dim": 24, "heads": [1, 2, 4, 8], "depths": [2, 2, 3, 2]},
    "taps": {"depths": [2, 2, 3, 2], "channels": 32},
    "transformer": {"vocab": 50, "dim": 16, "heads": 2, "hidden": 8, "layers": 3},
    "unet": {"width": 8},
}
LARGE = 50_000_000  # parameters that are not worth drawing

EVERY_SPEC = pytest.mark.parametrize("spec", sorted(path.stem for path in SPECS.glob("*.yaml")))


def small(spec: str) -> Program:
    return compile(str(SPECS / f"{spec}.yaml"), set=SMALL.get(spec, {}))


def weights(program: Program) -> Mapping[str, Any] | None:
    """The initial weights, or ones that take no time to make."""
    if program.count_params(program.main) < LARGE:
        return None
    return {
        entry.name: np.full(entry.weight.type.dims, 1e-3, entry.weight.type.dtype)
        for entry in program.weights()
    }


def sizes(program: Program, model: str) -> dict[str, int]:
    """Numbers for the symbols of a model, all different."""
    symbols = program.models[model].symbols()
    return {name: 64 if name in ("H", "W") else k + 2 for k, name in enumerate(symbols)}
