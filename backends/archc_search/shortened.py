"""The ONNX file whose latency is measured: large weights are one drawn row, expanded on opening.

onnxruntime works the expansion out once, before anything else, so that what it then optimises and
runs is the network's own graph. To draw, write and read all of ResNet-50's values takes longer than
the rest of the way to a session, and of values nothing but their magnitude has a say in the time.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from archc.arrays import little
from archc.ir.program import Program
from archc.ir.types import FLOATING
from archc.store import stored
from archc.weights import Entry
from archc_onnx.lower import lower
from archc_onnx.model import Node, Tensor
from archc_onnx.writer import write

MOST = 4096  # values of a weight that is written as it is


def write_model(program: Program, path: Path) -> None:
    """Writes the file that is measured."""
    with stored(program) as entries:
        model = lower(program, weights=entries)
        graph = model.graph
        kept: list[Tensor] = []
        expansions: list[Node] = []
        for tensor in graph.initialisers:
            entry = entries.get(tensor.name)
            if entry is None or tensor.data != entry.chunks or not is_long(entry):
                kept.append(tensor)  # gates in another order, for one, are values of their own
                continue
            row, shape = row_of(entry), shape_of(entry)
            kept += [row, shape]
            expansions.append(Node("Expand", [row.name, shape.name], [tensor.name]))
        graph.initialisers = kept
        graph.nodes = [*expansions, *graph.nodes]
        write(model, path)


def is_long(entry: Entry) -> bool:
    """Whether the weight is large, drawn, and of several rows; a table stays as it is."""
    drawn = entry.stream is not None and entry.dtype in FLOATING
    return drawn and entry.size > MOST and len(entry.shape) > 1 and entry.shape[0] > 1


def row_of(entry: Entry) -> Tensor:
    """The first of the weight's rows, as its only one."""
    rest = entry.shape[1:]
    values = next(entry.blocks(prod(rest)))
    return Tensor(f"{entry.name}/row", entry.dtype, (1, *rest), little(values).tobytes())


def shape_of(entry: Entry) -> Tensor:
    shape = np.array(entry.shape, np.dtype("<i8"))
    return Tensor(f"{entry.name}/shape", "int64", shape.shape, shape.tobytes())
