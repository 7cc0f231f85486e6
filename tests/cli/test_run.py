"""`archc run`: what may be run, and what a folder of several models is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli.conftest import Archc

TWO = """\
archc: 1
name: two
models:
  first: {inputs: {x: [N, 4]}, graph: [{linear: 3, name: fc}], outputs: {y: prev}}
  second: {inputs: {x: [N, 4]}, graph: [{linear: 2, name: fc}], outputs: {y: prev}}
"""


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "x.npy"
    np.save(path, np.ones((2, 3, 8), np.float32))
    return path


def test_a_build_is_run_by_its_folder(archc: Archc, tiny: Path, feed: Path) -> None:
    assert archc("build", tiny, "-o", "out").code == 0
    found = [archc("run", one, "--input", feed, "--json") for one in ("out", "out/model.onnx")]
    assert found[0].json == found[1].json
    assert found[0].json == archc("run", "out", feed, "--json").json
    assert found[0].json["y"]["shape"] == [2, 3, 2]


def test_an_input_has_one_file(archc: Archc, tiny: Path, feed: Path) -> None:
    done = archc("run", tiny, feed, "--input", f"x={feed}")
    assert done.code == 2
    assert "error[E712]: two files are given for the input 'x'" in done.err


def test_of_several_models_one_is_named(archc: Archc, tmp_path: Path) -> None:
    spec, folder = tmp_path / "two.yaml", tmp_path / "out"
    spec.write_text(TWO, encoding="utf-8")
    assert archc("build", spec, "-o", folder).code == 0
    np.save(tmp_path / "x.npy", np.ones((5, 4), np.float32))
    given = ("--input", tmp_path / "x.npy", "--json")
    assert archc("run", folder, "--model", "second", *given).json["y"]["shape"] == [5, 2]
    for wrong in ([], ["--model", "third"]):
        done = archc("run", folder, *wrong, *given)
        assert done.code == 2
        assert "E703" in done.out
        assert "--model first or second" in done.out
