"""What a model file says of itself, and its inputs from files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime as ort

from archc.errors import InputError, did_you_mean
from archc_ort.feeds import Array, Wanted, load
from archc_ort.session import TYPES


def metadata(session: ort.InferenceSession) -> dict[str, Any]:
    """What archc wrote into the file, by key: `labels`, `preprocess`, `digest` and the like.

    A file of another origin has none; what is not JSON there stays text.
    """
    found: dict[str, Any] = {}
    for key, text in session.get_modelmeta().custom_metadata_map.items():
        if key.startswith("archc."):
            found[key.removeprefix("archc.")] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def wanted_inputs(session: ort.InferenceSession) -> dict[str, Wanted]:
    """The model's inputs by name."""
    return {
        one.name: Wanted(
            one.name,
            TYPES.get(one.type, "float32"),
            tuple(size if isinstance(size, int) else None for size in one.shape),
        )
        for one in session.get_inputs()
    }


def load_inputs(
    session: ort.InferenceSession, files: Mapping[str, Path], found: Mapping[str, Any]
) -> dict[str, Array]:
    """Every named file as its input; `found` is the model's metadata. Raises InputError E641."""
    wanted = wanted_inputs(session)
    preprocess, scales = (section(found.get(name)) for name in ("preprocess", "scale"))
    feeds: dict[str, Array] = {}
    for name, path in files.items():
        if name not in wanted:
            raise InputError.of(
                "E641", f"the model has no input '{name}'", help=did_you_mean(name, wanted)
            )
        scale = scales.get(name)
        feeds[name] = load(
            wanted[name], path, preprocess, None if scale is None else section(scale)
        )
    return feeds


def section(value: Any) -> dict[str, Any]:
    """A mapping in the metadata; what else there is says nothing."""
    return value if isinstance(value, dict) else {}
