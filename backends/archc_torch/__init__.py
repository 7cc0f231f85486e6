"""A program as readable PyTorch source, and as the module which that source defines.

    print(archc_torch.source(program))
    module = archc_torch.module(program, weights="resnet50.safetensors")

The source needs PyTorch alone, and the module is that very source, imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from archc.arrays import Array
    from archc.ir.program import Program
    from archc.store import Source as Weights

__all__ = ["evaluate", "module", "set_threads", "settled", "source", "write_weights"]


def source(program: Program, model: str | None = None) -> str:
    """The text of a `model.py` for one model, the main one if none is named.

    Raises UsageError E702 for an unknown model, UnsupportedError E601 for a step that PyTorch
    cannot say.
    """
    from archc_torch.emit import emit

    return emit(program, model).text


def module(
    program: Program, weights: Weights = None, seed: int = 0, model: str | None = None
) -> nn.Module:
    """The network as an nn.Module, in training mode; its state dict has the spec's names.

    `weights` is a safetensors, .npz or PyTorch file, or a mapping of names to arrays. Without it
    the weights are the spec's initial ones, drawn from `seed`. Raises as `source`, and InputError
    where weights do not fit.
    """
    from archc_torch.instance import build

    return build(program, weights, seed, model)


def evaluate(module: nn.Module, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """The module's outputs by name for inputs by name, without dropout and without gradients."""
    from archc_torch import instance

    return instance.evaluate(module, feeds)


def settled(module: nn.Module, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Running statistics of batch normalisations as the signals of `feeds` have them, by full name.

    The module takes them over. With others, a deep network's signals die out or blow up.
    """
    from archc_torch import statistics

    return statistics.settled(module, feeds)


def write_weights(
    program: Program, path: str | Path, *, weights: Weights = None, seed: int = 0
) -> None:
    """All weights of the program as a safetensors file. Raises InputError."""
    from archc_torch import instance

    instance.write_weights(program, path, weights=weights, seed=seed)


def set_threads(count: int) -> None:
    """How many threads PyTorch uses within an op, in this process."""
    import torch

    torch.set_num_threads(count)
