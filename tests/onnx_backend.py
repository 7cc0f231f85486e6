"""What the tests of the ONNX backend share: files read back, runs, small specs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

import archc_onnx
from archc.ir.program import Program
from archc.pipeline import compile_text

Arrays = dict[str, np.ndarray[Any, Any]]
LEVELS = {
    "optimised": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "as written": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
SPECS = Path(__file__).parent.parent / "specs"


def spec(inputs: str, graph: str, more: str = "") -> Program:
    """A program from the inputs and the steps of a spec, each as YAML in flow style."""
    return compile_text(f"archc: 1\nname: m\ninputs: {inputs}\ngraph: {graph}\n{more}")


def checked(path: Path) -> onnx.ModelProto:
    """The model as the onnx package reads it, after its full check with shape inference."""
    onnx.checker.check_model(str(path), full_check=True)
    return onnx.load(path)


def exported(program: Program, folder: Path, **settings: Any) -> onnx.ModelProto:
    """The program's file, `m.onnx` in the folder, checked and read back."""
    archc_onnx.export(program, folder / "m.onnx", **settings)
    return checked(folder / "m.onnx")


def session(model: Path | bytes, level: str = "optimised") -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(model: Path | bytes, feeds: Mapping[str, Any], level: str = "optimised") -> Arrays:
    """The outputs by name."""
    opened = session(model, level)
    names = [output.name for output in opened.get_outputs()]
    return dict(zip(names, opened.run(names, dict(feeds)), strict=True))


def kinds(model: onnx.ModelProto) -> list[str]:
    """The operators of its nodes, in order."""
    return [node.op_type for node in model.graph.node]


def made(graph: onnx.GraphProto) -> set[str]:
    """The names of the values that the graph's own nodes make."""
    return {name for node in graph.node for name in node.output if name}


def assert_typed(
    model: onnx.ModelProto, feeds: Mapping[str, Any], sizes: Mapping[str, int]
) -> None:
    """Every value that the model's own nodes make has the type that the file says."""
    values = {value.name: value for value in [*model.graph.value_info, *model.graph.output]}
    assert values.keys() == made(model.graph)
    everything = onnx.ModelProto()
    everything.CopyFrom(model)
    del everything.graph.output[:]
    everything.graph.output.extend(values.values())
    found = run(everything.SerializeToString(), feeds, "as written")
    for name, value in values.items():
        type = value.type.tensor_type
        dims = tuple(
            eval(dim.dim_param, {"max": max}, dict(sizes)) if dim.dim_param else dim.dim_value
            for dim in type.shape.dim
        )
        assert found[name].shape == dims, name
        assert found[name].dtype == onnx.helper.tensor_dtype_to_np_dtype(type.elem_type), name


def text(model: onnx.ModelProto) -> str:
    """The nodes, a line each: outputs = operator(inputs) with attributes, and bodies indented."""
    return "\n".join(_lines(model.graph, ""))


def _lines(graph: onnx.GraphProto, margin: str) -> list[str]:
    lines = []
    for node in graph.node:
        shown = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        bodies = {key: value for key, value in shown.items() if isinstance(value, onnx.GraphProto)}
        rest = [f"{key}={_shown(value)}" for key, value in shown.items() if key not in bodies]
        call = f"{node.op_type}({', '.join([*node.input, *rest])})"
        lines.append(f"{margin}{', '.join(node.output)} = {call}")
        for body in bodies.values():
            given = ", ".join(value.name for value in body.input)
            lines.append(f"{margin}  ({given}) ->")
            lines += _lines(body, margin + "    ")
            lines.append(f"{margin}  -> {', '.join(value.name for value in body.output)}")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return str(onnx.numpy_helper.to_array(value).tolist())
    return f"{value:.6g}" if isinstance(value, float) else str(value)
