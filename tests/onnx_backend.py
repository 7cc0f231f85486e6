"""What the tests of the ONNX backend share: files read back, runs, small specs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import archc_onnx
from archc.ir.program import Program
from archc.pipeline import compile, compile_text

Arrays = dict[str, np.ndarray[Any, Any]]
LEVELS = {
    "optimised": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "as written": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
SPECS = Path(__file__).parent.parent / "specs"

# Settings that make a spec of the zoo small, with every kind of its blocks left.
SMALL: dict[str, dict[str, Any]] = {
    "alexnet": {"hidden": 32, "classes": 10},
    "alexnet_2012": {"hidden": 32, "classes": 10},
    "additive_attention": {"query": 12, "memory": 10, "hidden": 8},
    "anomaly_detector": {"features": 3, "hidden": 5},
    "autoencoder": {"size": 8, "code": 6},
    "bert": {"layers": 2, "dim": 24, "vocab": 50, "context": 32},
    "bert_pretraining": {"layers": 2, "dim": 24, "vocab": 50, "context": 32},
    "conv_autoencoder": {"size": 8, "filters": [4, 6]},
    "conv_vae": {"size": 8, "filters": [4, 6], "hidden": 12, "latent": 5},
    "convnext": {"depths": [1, 1, 1, 1], "dims": [8, 12, 16, 20], "classes": 10},
    "cyclegan": {"size": 32, "width": 4, "deep": 1},
    "dcgan": {"latent": 6, "width": 4, "size": 32},
    "densenet": {"growth": 4, "depths": [1, 2, 1, 1], "stem": 8, "classes": 10},
    "dot_product_attention": {"dim": 12, "general": True, "scaled": True},
    "efficientnet": {"width": 0.25, "depth": 0.5, "resolution": 64, "classes": 10},
    "forecaster": {
        "features": 5,
        "window": 30,
        "horizon": 3,
        "filters": 6,
        "kernel": 3,
        "hidden": 7,
        "period": 4,
        "skip_hidden": 2,
        "linear_window": 8,
    },
    "gan": {"latent": 6, "hidden": 12, "units": 5},
    "gman": {"latent": 6, "width": 4, "hidden": 16, "judges": 3},
    "gpt2": {"layers": 2, "dim": 48, "vocab": 50, "context": 32},
    "language_model": {"vocab": 20, "dim": 8, "hidden": 6},
    "mobilenet_v1": {"alpha": 0.25, "resolution": 64, "classes": 10},
    "mobilenet_v2": {"alpha": 0.35, "resolution": 64, "classes": 10},
    "multi_head_attention": {"dim": 16, "heads": 4},
    "nasbench201": {"width": 4, "cells": 1},
    "resnet": {"depths": [1, 1, 1, 1], "block": "basic", "classes": 10},
    "self_attention": {"dim": 16, "causal": True},
    "seq2seq": {"vocab": 20, "embed": 8, "hidden": 6, "align": 5},
    "stylegan": {"resolution": 8, "dim": 16, "widest": 12},
    "swin": {"dim": 24, "depths": [2, 1, 1, 1], "classes": 10},
    "swin_taps": {"dim": 24, "depths": [2, 1, 1, 2], "height": 64, "width": 96},
    "taps": {"depths": [1, 1, 1, 1], "channels": 8},
    "text_classifier": {"vocab": 20, "dim": 8, "hidden": 6, "layers": 2},
    "transformer": {"vocab": 20, "dim": 32, "layers": 2, "hidden": 48},
    "unet": {"width": 2},
    "vgg": {"depths": [1, 1, 1, 1, 1], "norm": True, "hidden": 32, "classes": 10},
    "wgan": {"latent": 6, "width": 4, "size": 32},
    "wgan_gp": {"latent": 6, "width": 4, "size": 32},
}


def small(name: str, **settings: Any) -> Program:
    """A spec of the zoo, made small."""
    return compile(SPECS / f"{name}.yaml", set={**SMALL.get(name, {}), **settings})


def zoo() -> list[object]:
    """A parameter for each spec of the zoo."""
    return [pytest.param(path.stem) for path in sorted(SPECS.glob("*.yaml"))]


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
