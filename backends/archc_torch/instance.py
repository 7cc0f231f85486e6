"""The emitted source as a Python module, and the network it defines with its weights filled in.

What runs is the text that `source` gives: tracebacks, debuggers and `inspect` show it.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from importlib.abc import ExecutionLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from archc import safetensors
from archc.arrays import Array
from archc.ir.program import Program
from archc.store import Source as Weights
from archc.store import stored
from archc.weights import Entry
from archc_torch.calling import call, sign
from archc_torch.emit import Source, emit

_DTYPES = {"bfloat16": torch.bfloat16}


class _Loader(ExecutionLoader):
    """Gives a module its code from text; `inspect` and tracebacks ask it for the text."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path

    def get_source(self, fullname: str) -> str:
        return self.text

    def get_filename(self, fullname: str) -> str:
        return self.path


def imported(source: Source) -> ModuleType:
    """The source as a module; the same text is the same one, so that pickles find their classes."""
    digest = blake2b(source.text.encode(), digest_size=8).hexdigest()
    name = f"archc_torch_model_{digest}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    path = f"{name}.py"
    spec = spec_from_loader(name, _Loader(source.text, path), origin=path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    module.__file__ = path
    lines = source.text.splitlines(keepends=True)
    linecache.cache[path] = (len(source.text), None, lines, path)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def build(program: Program, weights: Weights, seed: int, model: str | None) -> nn.Module:
    """The network of the emitted source with its weights from the one store."""
    source = emit(program, model)
    made: Any = getattr(imported(source), source.name)
    with torch.device("meta"):
        network: nn.Module = made()
    if _unfilled(network):  # tables that are no weights: only the constructor knows them
        with torch.random.fork_rng(devices=[]):
            network = made()
    with stored(program, weights, seed, model) as entries:
        fill(network, entries)
    sign(network, source.inputs, source.outputs)
    return network


def _unfilled(network: nn.Module) -> bool:
    saved = network.state_dict(keep_vars=True)
    return any(name not in saved for name, _ in network.named_buffers())


def fill(network: nn.Module, entries: Mapping[str, Entry]) -> None:
    """Puts the entries' values in the place of every parameter and buffer; shared stay shared."""
    made: dict[int, torch.Tensor] = {}
    places = list(tensors(network))
    for name, _, _, old in places:
        if name in entries and id(old) not in made:
            new = tensor(entries[name])
            if new.shape != old.shape:
                what = f"the source makes {name} {list(old.shape)}, and it is {list(new.shape)}"
                raise AssertionError(what)
            made[id(old)] = (
                nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
            )
    for name, holder, key, old in places:
        if id(old) in made:
            holder[key] = made[id(old)]
        elif key == "num_batches_tracked":
            holder[key] = torch.zeros((), dtype=torch.long)
        elif old.is_meta:
            raise AssertionError(f"the source has a weight that the spec has not: {name}")


def tensors(network: nn.Module) -> Iterator[tuple[str, dict[str, Any], str, torch.Tensor]]:
    """Every parameter and buffer by its full name, with the dictionary that holds it."""
    for prefix, module in network.named_modules():
        for holder in (module._parameters, module._buffers):
            for key, value in holder.items():
                if value is not None:
                    yield f"{prefix}.{key}" if prefix else key, holder, key, value


def tensor(entry: Entry) -> torch.Tensor:
    """An entry's values, copied: a network may change its weights."""
    values = np.array(entry.array())
    if entry.dtype == "bfloat16":
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(values)


def evaluate(network: nn.Module, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs by name for inputs by name, as at inference; items of lists are `name.0` …"""
    was_training = network.training
    given = {name: _given(array) for name, array in feeds.items()}
    try:
        with torch.inference_mode():
            found = call(network.eval(), given)
    finally:
        network.train(was_training)
    return {name: _taken(value) for name, value in found.items()}


def _given(array: Array) -> torch.Tensor:
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(np.array(array))


def _taken(value: torch.Tensor) -> Array:
    value = value.detach().cpu()
    array: Array = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    return array


def write_weights(
    program: Program, path: str | Path, *, weights: Weights = None, seed: int = 0
) -> None:
    """All weights of the program as a safetensors file, a tied one once, under its owner's name."""
    with stored(program, weights, seed) as entries:
        safetensors.write_safetensors(path, entries.values())
