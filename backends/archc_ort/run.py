"""One run of a model on named inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from archc_ort.session import Device, evaluate, open_session

Array = np.ndarray[Any, Any]


def run(
    model: str | Path | bytes,
    inputs: Mapping[str, Array],
    *,
    device: Device = "auto",
    threads: int | None = None,
) -> dict[str, Array]:
    """The model's outputs by name. Raises InputError for models and inputs that do not fit."""
    return evaluate(open_session(model, device=device, threads=threads), inputs)
