"""A build is whole or not there: what was built before survives one that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archc
from archc.errors import ArchcError
from archc.files import held

pytest.importorskip("archc_torch")
pytest.importorskip("archc_onnx")

import archc_ort
from archc.build import build, remove_leftovers


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


@pytest.mark.parametrize("target", ["fp16", "cuda, fp16, fp16-io"])
def test_half_precision_is_verified_as_what_it_is(target: str, tmp_path: Path) -> None:
    report = build(archc.compile("lenet5"), tmp_path, target=target)
    assert 1e-5 < max(report["parity"].values()) < 1e-2
    other, stored = archc.compile("lenet5", set={"act": "relu"}), tmp_path / "weights.safetensors"
    verdict = archc_ort.verify(other, tmp_path / "model.onnx", weights=stored, target=target)
    assert not verdict.passed  # of another network than the file's


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.parametrize(("what", "most"), [("build", 6), ("export", 6)])
def test_a_build_that_is_killed_leaves_whole_files(what: str, most: int, tmp_path: Path) -> None:
    """Killed at any moment: every file is the old or the new one, and the report changes last."""
    found = killed(tmp_path, what, most)
    assert len(found) >= 6
    assert {state for one in found for state in one["files"].values()} == {"old", "new"}
    names = found[0]["files"].keys()
    for one in found:
        assert one["files"].keys() == names, one
        if one["files"].get("report.json") == "new":
            assert set(one["files"].values()) == {"new"}, one
    assert not any(one["done"] for one in found[:-1])
    again = [one["again"] for one in found if one["again"] is not None]
    assert all(left == sorted(names) for left in again)  # leftovers are gone with the next build


def killed(folder: Path, what: str, most: int) -> list[dict[str, Any]]:
    """What killed work left behind, as tests/killed.py tells it."""
    script = Path(__file__).parent / "killed.py"
    run = subprocess.run(
        [sys.executable, str(script), str(folder), what, str(most)],
        capture_output=True, text=True, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_what_only_an_earlier_build_made_is_removed(tmp_path: Path) -> None:
    build(archc.compile("gan"), tmp_path, check=False)
    several = {path.name for path in tmp_path.glob("*.onnx")}
    (tmp_path / "notes.txt").write_text("mine")
    report = json.loads((tmp_path / "report.json").read_text())
    report["files"] |= {"notes.txt": 4, "../outside.py": 1}
    (tmp_path / "report.json").write_text(json.dumps(report))
    build(archc.compile("lenet5"), tmp_path, check=False)
    assert len(several) > 1
    assert {path.name for path in tmp_path.glob("*.onnx")} == {"model.onnx"}
    assert (tmp_path / "notes.txt").exists()


def test_a_build_that_is_running_is_left_alone(tmp_path: Path) -> None:
    running, left = tmp_path / ".building-one", tmp_path / ".building-two"
    for path in (running, left):
        path.mkdir()
        (path / "model.py").write_text("…", encoding="utf-8")
        os.utime(path, (0, 0))
    with held(running):
        remove_leftovers(tmp_path)
        assert running.is_dir() and not left.is_dir()
