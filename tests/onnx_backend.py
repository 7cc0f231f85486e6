"""What the tests of the ONNX backend share: programs of one op, files read back, runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from ops.cases import Case, inferred, substituted

from archc.ir.graph import Graph
from archc.ir.nodes import InputNode, OpNode, Weight
from archc.ir.program import Definition, Program
from archc.ir.types import TensorType
from archc.ops.base import Op

Arrays = dict[str, np.ndarray[Any, Any]]
LEVELS = {
    "optimised": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "as written": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}


def program_of(case: Case) -> Program:
    """A model that applies the op of an example: inputs, and fed weights, under the slots' names.

    The sizes of a last input, which nothing reads, tell the symbols that stand in attributes alone.
    """
    op, site = case.op, case.site()
    types = inferred(site)
    graph, slots, values, inputs = Graph(), [], [], []

    def given(name: str, type: TensorType) -> None:
        id = graph.add(InputNode(path=name, types=(type,), name=name))
        inputs.append(id)
        slots.append(name)
        values.append(id)

    for port in op.inputs:
        parts = case.inputs.get(port.name, ())
        if port.variadic:
            for k, part in enumerate(parts):
                given(f"{port.name}.{k}", part.type)
        elif parts:
            given(port.name, parts[0].type)
        else:
            slots.append(port.name)
            values.append(None)
    for name, part in case.fed.items():
        given(name, part.type)
    weights = tuple(
        Weight(
            name,
            f"step.{name}",
            weight.type,
            weight.init,
            weight.buffer,
            not weight.buffer,
            value=weight.value,
        )  # fmt: skip
        for name, weight in site.weights.items()
    )
    node = OpNode(path="step", types=types, slots=tuple(slots), op=op, weights=weights)
    from archc.ir.graph import Value

    id = graph.add(node, [None if value is None else Value(value) for value in values])
    known = {name for one in inputs for name in graph.node(one).types[0].symbols}
    unknown = [name for name in case.symbols if name not in known]
    if unknown:
        from archc.ir.dims import symbol

        type = TensorType("bool", tuple(map(symbol, unknown)))
        inputs.append(graph.add(InputNode(path="sizes", types=(type,), name="sizes")))
    outputs = {f"out_{name}": Value(id, port) for port, name in enumerate(op.outputs)}
    model = Definition("m", "model", graph, inputs=tuple(inputs), outputs=outputs)
    return Program("m", {"m": model}, "m", prefixed=False)


def feeds_of(case: Case, program: Program, binding: Mapping[str, int]) -> Arrays:
    """The example's random inputs, and its weights where they are fed, by the model's inputs."""
    given: dict[str, Any] = dict(case.arrays(binding))
    weights = case.weights(binding)
    feeds: Arrays = {}
    for name, type in program.model.input_types().items():
        if name == "sizes":
            dims = [size for size in substituted(type, binding).dims if isinstance(size, int)]
            feeds[name] = np.zeros(dims, bool)
            continue
        base, _, place = name.rpartition(".")
        value = given[base][int(place)] if base else given.get(name, weights.get(name))
        feeds[name] = value.numpy()
    return feeds


def weights_of(case: Case, binding: Mapping[str, int]) -> Arrays:
    """The weights that the op declares, by their names in `program_of`."""
    return {
        f"step.{name}": value.numpy()
        for name, value in case.weights(binding).items()
        if name not in case.fed
    }


def checked(path: Path) -> onnx.ModelProto:
    """The model as the onnx package reads it, after its full check with shape inference."""
    onnx.checker.check_model(str(path), full_check=True)
    return onnx.load(path)


def session(model: Path | bytes, level: str = "optimised") -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(model: Path | bytes, feeds: Arrays, level: str = "optimised") -> Arrays:
    """The outputs by name."""
    opened = session(model, level)
    names = [output.name for output in opened.get_outputs()]
    return dict(zip(names, opened.run(names, feeds), strict=True))


def exposed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with every value that its own nodes make as an output."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {output.name for output in copy.graph.output}
    copy.graph.output.extend(value for value in copy.graph.value_info if value.name not in known)
    return copy


def made(model: onnx.ModelProto) -> set[str]:
    """The names of the values that the model's own nodes make."""
    return {name for node in model.graph.node for name in node.output if name}


def attributes_of(op: Op) -> dict[str, Any]:
    return dict(op.values)
