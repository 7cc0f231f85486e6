"""A build is whole or not there: what was built before survives one that fails."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import archc
from archc.errors import ArchcError

pytest.importorskip("archc_torch")
pytest.importorskip("archc_onnx")

from archc.build import build


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(archc.compile("lenet5", set={"classes": 7}), folder)
    return folder


def test_a_build_has_everything_and_says_so(built: Path) -> None:
    report = json.loads((built / "report.json").read_text())
    assert sorted(report["files"]) == [
        "model.onnx", "model.py", "spec.yaml", "weights.safetensors",
    ]  # fmt: skip
    assert report["params"] == archc.compile("lenet5", set={"classes": 7}).params
    assert all(parity <= 1e-4 for parity in report["parity"].values())


def test_the_spec_that_was_built_gives_the_same_network(built: Path) -> None:
    again = archc.compile(built / "spec.yaml")
    assert again.digest == json.loads((built / "report.json").read_text())["digest"]


def test_a_build_that_fails_leaves_the_old_one_whole(built: Path) -> None:
    before = contents(built)
    with pytest.raises(ArchcError):
        build(archc.compile("lenet5"), built, weights={"c1.weight": np.zeros((6, 1, 5, 5))})
    assert contents(built) == before


def test_the_same_build_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build(archc.compile("lenet5", set={"classes": 7}), tmp_path, check=False)
    ours, theirs = contents(tmp_path), contents(built)
    for name in ("model.onnx", "model.py", "spec.yaml", "weights.safetensors"):
        assert ours[name] == theirs[name], name
