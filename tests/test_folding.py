"""Folded normalisations leave the outputs as they are, from the same weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archc
from archc.passes import run
from archc.sample import inputs, lively

archc_onnx = pytest.importorskip("archc_onnx")
archc_ort = pytest.importorskip("archc_ort")


def test_a_folded_network_gives_the_same(tmp_path: Path) -> None:
    program = archc.compile("resnet18", set={"depths": [1, 1, 1, 1], "classes": 10})
    folded = run(program, "inference")
    weights, feeds = lively(program), inputs(program.model, {"N": 1})
    outputs = []
    for name, one in (("plain", program), ("folded", folded)):
        archc_onnx.export(one, tmp_path / f"{name}.onnx", weights=weights)
        outputs.append(archc_ort.run(tmp_path / f"{name}.onnx", feeds)["logits"])
    assert not [entry for entry in folded.weights() if "running_mean" in entry.name]
    scale = np.abs(outputs[0]).max()
    np.testing.assert_allclose(outputs[0] / scale, outputs[1] / scale, atol=1e-5)
