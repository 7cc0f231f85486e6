"""The file whose latency a search measures: the network's own, its large weights drawn in part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx.numpy_helper import to_array

import archc_onnx
from archc.pipeline import compile_text
from archc_ort import evaluate, open_session
from archc_search.clocked import DRAWN, write_model

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


def test_it_is_the_networks_file_but_for_the_values_of_its_large_weights(tmp_path: Path) -> None:
    program = compile_text(SPEC)
    short, whole = tmp_path / "short.onnx", tmp_path / "whole.onnx"
    write_model(program, short)
    archc_onnx.export(program, whole)
    assert short.stat().st_size == whole.stat().st_size
    found, wanted = onnx.load(short), onnx.load(whole)
    values = [
        {one.name: to_array(one) for one in model.graph.initializer} for model in (found, wanted)
    ]
    for model in (found, wanted):
        del model.graph.initializer[:]
    assert found == wanted
    names = {entry.name for entry in program.weights()}
    for name, array in values[1].items():
        if name == "large.weight":
            expected = np.resize(array.reshape(-1)[:DRAWN], array.shape)
            assert not np.array_equal(expected, array)
        elif name in names:
            expected = array
        else:
            continue  # the gates' values in another order
        assert np.array_equal(values[0][name], expected), name
    assert values[1]["table"].size > DRAWN


def test_it_runs(tmp_path: Path) -> None:
    write_model(compile_text(SPEC), tmp_path / "net.onnx")
    session = open_session(tmp_path / "net.onnx", device="cpu", threads=1)
    found = evaluate(session, {"x": np.ones((2, 5, 80), np.float32)})
    assert np.isfinite(found["y"]).all() and found["y"].std() > 0
