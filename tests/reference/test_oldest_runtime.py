"""The files run in the oldest supported onnxruntime, 1.20, with the same results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import archc
from archc.sample import bindings
from archc.sample import inputs as sample

archc_onnx = pytest.importorskip("archc_onnx")
archc_ort = pytest.importorskip("archc_ort")

OLDEST = Path(sys.prefix) / "oldest"
NETWORKS: dict[str, dict[str, object]] = {
    "lenet5": {},
    "lenet5_1998": {},
    "resnet18": {},
    "lstm_classifier": {"vocab": 50, "dim": 8, "hidden": 8},
    "gpt2": {"layers": 2, "dim": 32, "heads": 2, "vocab": 100, "context": 64},
    "bert": {"layers": 2, "dim": 24, "vocab": 100, "context": 64},
    "unet_padded": {"width": 4},
    "mlp_gelu": {},
}
RUN = """
import sys, numpy, onnxruntime
assert onnxruntime.__version__.startswith("1.20."), onnxruntime.__version__
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
feeds = dict(numpy.load(sys.argv[2]))
names = [one.name for one in session.get_outputs()]
numpy.savez(sys.argv[3], **dict(zip(names, session.run(names, feeds))))
"""


@pytest.mark.skipif(not OLDEST.is_dir(), reason="make test-reference installs onnxruntime 1.20")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_oldest_runtime_agrees(name: str, tmp_path: Path) -> None:
    program = archc.compile(name, set=NETWORKS[name])
    path, feeds, found = tmp_path / "model.onnx", tmp_path / "feeds.npz", tmp_path / "found.npz"
    archc_onnx.export(program, path)
    values = sample(program.model, bindings(program.model, 1)[0])
    np.savez(feeds, **values)
    environment = {**os.environ, "PYTHONPATH": str(OLDEST)}
    command = [sys.executable, "-c", RUN, str(path), str(feeds), str(found)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    with np.load(found) as old:
        for key, value in archc_ort.run(path, values).items():
            np.testing.assert_allclose(old[key], value, rtol=1e-4, atol=1e-4 * np.abs(value).max())
