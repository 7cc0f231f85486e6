"""Checkpoints: all that a training needs to go on, in one file that is always whole."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch

from archc.errors import InputError
from archc.files import replacing
from archc.ir.digest import digest
from archc.train import Graphs, Training
from archc_train.data.part import DataSet

FORMAT = 1


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a checkpoint; the one before stays whole until this one is.

    Raises InputError E520 for a full disk, E521 where the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **state}, buffer)
    with replacing(path, buffer.getbuffer().nbytes, durable=True) as file:
        file.write(buffer.getbuffer())


def load(path: Path) -> dict[str, Any] | None:
    """A checkpoint, if there is one. Raises InputError E811 for one that is not whole."""
    if not path.exists():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, OSError, EOFError, KeyError, pickle.UnpicklingError) as error:
        what = str(error).partition("\n")[0][:200]
        raise InputError.of("E811", f"{path} is no checkpoint: {what}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError.of("E811", f"{path} is a checkpoint of another archc", help="train anew")
    return found


def fingerprint(training: Training, graphs: Graphs, data: DataSet) -> dict[str, str]:
    """What a checkpoint belongs to, by what it is about: it fits no other.

    Comments, names of metrics and places in files are no part of it.
    """
    program = graphs.program
    weights = [(one.name, str(one.type), one.owner) for one in program.weights()]
    updates = [
        (
            one.name, one.models, sorted((name, told(w)) for name, w in one.loss.items()),
            told(one.optimizer), told(one.schedule), told(one.clip), one.clip_weights,
            one.accumulate, one.average, one.repeat, one.every,
        )
        for one in training.updates
    ]  # fmt: skip
    settings = (
        training.batch, training.epochs, training.steps, training.seed, training.precision,
        sorted((name, told(value)) for name, value in training.numbers.items()),
        [told(one) for one in training.augment],
    )  # fmt: skip
    return {
        "network": hashed(weights, [digest(program, name) for name in program.models]),
        "settings": hashed(updates, settings),
        "data": hashed(len(data.train), sorted((n, str(t)) for n, t in data.types.items())),
    }


def told(value: Any) -> str:
    """A choice or a number without its place."""
    name, options = getattr(value, "name", None), getattr(value, "options", None)
    if isinstance(name, str) and isinstance(options, Mapping):
        return f"{name} {dict(options)!r}"
    formula = getattr(value, "formula", None)
    return repr(value) if formula is None else f"={formula.text}"


def hashed(*values: Any) -> str:
    return blake2b(repr(values).encode(), digest_size=16).hexdigest()


def check_fingerprint(found: Mapping[str, str], wanted: Mapping[str, str], folder: Path) -> None:
    """Raises InputError E811 for a checkpoint of another network, training or data."""
    other = [name for name in wanted if found.get(name) != wanted[name]]
    if other:
        what = " and ".join(filter(None, [", ".join(other[:-1]), other[-1]]))
        raise InputError.of(
            "E811",
            f"{folder / 'last.pt'} is of another training: the {what} changed since it was written",
            notes=(f"{folder / 'spec.yaml'} and the data have to stay as they are",),
            help=f"begin anew with its weights: --weights {folder}/best.safetensors",
        )
