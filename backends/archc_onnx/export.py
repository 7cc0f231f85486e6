"""A program's model as a file, weights included, streamed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archc.ir.program import Program
from archc.store import Source, stored
from archc_onnx.external import data_files
from archc_onnx.lower import lower
from archc_onnx.model import Model
from archc_onnx.target import Target
from archc_onnx.writer import write


@dataclass(frozen=True, slots=True)
class Report:
    """What was written. `size` is in bytes, that of a data file beside the model included."""

    path: Path
    files: tuple[Path, ...]
    size: int
    opset: int
    ir_version: int
    target: str
    nodes: int
    initialisers: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def export(
    program: Program,
    path: str | Path,
    weights: Source = None,
    seed: int = 0,
    target: Target | str | None = None,
    model: str | None = None,
) -> Report:
    """Writes one model of a program, the main one or another, as an ONNX file.

    `weights` is a safetensors, `.npz` or `.pt` path or a mapping of names to arrays; without it the
    weights are initial values by `seed`. They pass through in pieces: memory does not grow with
    them. The same program, weights and target give the same bytes. Raises what `lower`, the
    weights' source and the writer raise: UnsupportedError, InputError, UsageError.
    """
    chosen, file = Target.parse(target), Path(path)
    with stored(program, weights, seed, model) as entries:
        picture = lower(program, chosen, model, weights=entries)
        write(picture, file)
    return _report(picture, file, chosen)


def _report(picture: Model, path: Path, target: Target) -> Report:
    files = (path, *data_files(path.resolve()))
    graph = picture.graph
    return Report(
        path=path,
        files=files,
        size=sum(file.stat().st_size for file in files),
        opset=picture.opsets[""],
        ir_version=picture.ir_version,
        target=str(target),
        nodes=len(graph.nodes),
        initialisers=len(graph.initialisers),
        inputs=tuple(value.name for value in graph.inputs),
        outputs=tuple(value.name for value in graph.outputs),
    )
