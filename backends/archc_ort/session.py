"""onnxruntime sessions with explicit threads and providers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort

from archc.errors import InputError, UsageError

Array = np.ndarray[Any, Any]
Device = Literal["auto", "cpu", "cuda"]
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def open_session(
    model: str | Path | bytes,
    *,
    device: Device = "auto",
    threads: int | None = None,
    optimise: bool = True,
) -> ort.InferenceSession:
    """A session on one device with `threads` threads within an op and one op at a time.

    `auto` takes CUDA where onnxruntime has it. `optimise` False runs the graph as written. Raises
    InputError
    E640 for a model that onnxruntime refuses, UsageError E711 for a device it does not have.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or available_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimise else level.ORT_DISABLE_ALL
    content = model if isinstance(model, bytes) else os.fspath(model)
    if isinstance(content, str) and not Path(content).is_file():
        raise InputError.of("E640", f"there is no model {content}")
    try:
        return ort.InferenceSession(content, options, providers=providers(device))
    except Exception as error:  # onnxruntime's errors share no base class of their own
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        shown = "the model" if isinstance(content, bytes) else content
        raise InputError.of(
            "E640", f"onnxruntime does not open {shown}: {_first_line(error)}"
        ) from error


def providers(device: Device) -> list[str]:
    """Onnxruntime's providers for a device, best first. Raises UsageError E711."""
    have = ort.get_available_providers()
    if device == "auto":
        return [name for name in (PROVIDERS["cuda"], PROVIDERS["cpu"]) if name in have]
    if device not in PROVIDERS:
        raise UsageError.of("E711", f"no device '{device}'", help="devices: auto, cpu, cuda")
    if PROVIDERS[device] not in have:
        raise UsageError.of(
            "E711",
            f"this onnxruntime has no {device}",
            help='pip install "archc-compiler[gpu]" in place of [onnx]',
        )
    return [PROVIDERS[device], *([PROVIDERS["cpu"]] if device != "cpu" else [])]


def available_threads() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def evaluate(session: ort.InferenceSession, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs by name. Raises InputError E641 for inputs that the model does not take."""
    check_inputs(session, inputs)
    try:
        found = session.run(None, dict(inputs))
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise InputError.of(
            "E642", f"onnxruntime stopped: {_first_line(error)}", notes=_where(error, session)
        ) from error
    names = spec_names(session)
    return {
        names.get(output.name, output.name): np.asarray(value)
        for output, value in zip(session.get_outputs(), found, strict=True)
    }


def spec_names(session: ort.InferenceSession) -> dict[str, str]:
    """The spec's names of outputs that have another in the file: an input may be called so."""
    text = session.get_modelmeta().custom_metadata_map.get("archc.outputs", "{}")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError.of("E640", "the file's 'archc.outputs' is no mapping of names")
    return {str(own): name for name, own in found.items()}


def check_inputs(session: ort.InferenceSession, inputs: Mapping[str, Array]) -> None:
    """Names, element types and known sizes, compared with what the model declares."""
    from archc.errors import did_you_mean

    declared = {one.name: one for one in session.get_inputs()}
    for name in inputs:
        if name not in declared:
            raise InputError.of(
                "E641", f"the model has no input '{name}'", help=did_you_mean(name, declared)
            )
    for name, one in declared.items():
        if name not in inputs:
            raise InputError.of("E641", f"the input '{name}' is missing: {one.type}{one.shape}")
        value = inputs[name]
        wanted = list(one.shape)
        fits = len(wanted) == value.ndim and all(
            not isinstance(size, int) or size == found
            for size, found in zip(wanted, value.shape, strict=False)
        )
        if not fits:
            shape = ", ".join(map(str, wanted))
            raise InputError.of(
                "E641", f"the input '{name}' is [{shape}], found {list(value.shape)}"
            )
        if TYPES.get(one.type, value.dtype.name) != value.dtype.name:
            raise InputError.of(
                "E641", f"the input '{name}' is {TYPES[one.type]}, found {value.dtype.name}"
            )


TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16",
    "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(bool)": "bool",
}  # fmt: skip


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]


def _where(error: Exception, session: ort.InferenceSession) -> list[str]:
    """The place in the spec of the node that onnxruntime names, from the model's own metadata."""
    places = session.get_modelmeta().custom_metadata_map.get("archc.places", "")
    found = [line for line in places.splitlines() if line and f"'{line.split()[0]}'" in str(error)]
    return found[:1]
