"""PyTorch files as arrays by name, read without running what they may hold."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from archc.errors import InputError

# Keys under which training scripts keep a state dict.
WRAPPED = ("state_dict", "model_state_dict", "model")


def load(path: Path) -> Mapping[str, object]:
    """The tensors of a file that torch.save wrote, by name, mapped from the file where it can be.

    A state dict within a dictionary, under `state_dict` or `model`, is taken out. Only tensors are
    unpickled. Raises InputError E503 for anything else.
    """
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise InputError.of(
            "E503",
            f"{path} cannot be read as a state dict: {reason}",
            help="save what state_dict() gives, and nothing else",
        ) from error
    if isinstance(found, Mapping):
        found = next((found[key] for key in WRAPPED if isinstance(found.get(key), Mapping)), found)
    if not isinstance(found, Mapping):
        raise InputError.of(
            "E503",
            f"{path} holds a {type(found).__name__}, not a state dict",
            help="save what state_dict() gives: names to tensors",
        )
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise InputError.of(
                "E503",
                f"{path}: '{str(name)[:80]}' is a {type(value).__name__}, not a tensor",
                help="save what state_dict() gives: names to tensors",
            )
    return dict(found)
