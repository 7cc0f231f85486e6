"""The file whose latency a search measures: the network's own, with one row of large weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.numpy_helper import to_array

import archc_onnx
from archc.pipeline import compile_text
from archc_ort import evaluate, open_session
from archc_search.shortened import MOST, write_model

SPEC = """\
archc: 1
name: net
inputs: {x: [N, 5, 80]}
graph:
  - {linear: 80, name: large}
  - {layer_norm, name: norm}
  - {weight: {value: "=[[(a - b) / 80 for a in range(80)] for b in range(80)]"}, name: table}
  - {matmul: [norm, table]}
  - {linear: 3, name: small}
  - {lstm: 50, name: arranged}
outputs: {y: arranged.y}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The file that is measured, and the one that `archc build` writes."""
    program = compile_text(SPEC)
    short, whole = tmp_path / "short.onnx", tmp_path / "whole.onnx"
    write_model(program, short)
    archc_onnx.export(program, whole)
    return short, whole


def test_it_is_the_networks_file_but_for_the_values_of_its_large_weights(
    files: tuple[Path, Path],
) -> None:
    short, whole = map(onnx.load, files)
    values, expected = (
        {one.name: to_array(one) for one in model.graph.initializer} for model in (short, whole)
    )
    for model in (short, whole):
        del model.graph.initializer[:]
    assert short.graph.node[0].op_type == "Expand"
    assert [*short.graph.node[0].output] == ["large.weight"]
    del short.graph.node[0]
    assert short == whole
    row = values.pop("large.weight/row")
    values["large.weight"] = np.broadcast_to(row, values.pop("large.weight/shape"))
    assert expected["large.weight"].size > MOST
    assert np.array_equal(expected["large.weight"][:1], row)
    expected["large.weight"] = values["large.weight"]
    assert values.keys() == expected.keys()
    assert all(np.array_equal(value, expected[name]) for name, value in values.items())


def test_onnxruntime_makes_the_same_graph_of_both(files: tuple[Path, Path]) -> None:
    found = []
    for path in files:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # its warning that such a file is for this machine alone
        options.optimized_model_filepath = str(path.with_suffix(".optimised"))
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        graph = onnx.load(path.with_suffix(".optimised")).graph
        found.append([(node.op_type, *node.input, *node.output) for node in graph.node])
    assert found[0] == found[1]


def test_it_runs(files: tuple[Path, Path]) -> None:
    session = open_session(files[0], device="cpu", threads=1)
    found = evaluate(session, {"x": np.ones((2, 5, 80), np.float32)})
    assert np.isfinite(found["y"]).all() and found["y"].std() > 0
