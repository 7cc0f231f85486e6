"""A package of somebody else's brings an op: installed by pip, found by its entry points.

`snake` has the op alone, as one class; `lines` adds one entry for each backend. CONTRIBUTING.md
shows both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXPECTED = """
import numpy as np
x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
expected = x + np.sin(0.5 * x) ** 2 / 0.5
"""
PYTORCH = f"""{EXPECTED}
import archc, archc_torch, torch
program = archc.compile("waves.yaml")
source = archc_torch.source(program)
assert "archc" not in source.partition("import torch")[2], source
own = "return x + torch.sin(self.snake.alpha * x).square() / self.snake.alpha"
assert (own in source) == LINES, source
module = archc_torch.module(program)
assert list(module.state_dict()) == ["snake.alpha"]
np.testing.assert_allclose(module(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-5)
"""
ONNX = f"""{EXPECTED}
import archc, archc_onnx, archc_ort, onnx
archc_onnx.export(archc.compile("waves.yaml"), "waves.onnx")
graph = onnx.load("waves.onnx").graph
assert [tensor.name for tensor in graph.initializer] == ["snake.alpha"]
found = [node.op_type for node in graph.node]
assert found == ["Mul", "Sin", "Mul", "Div", "Add"], found
assert any(node.name == "snake.square" for node in graph.node) != LINES
np.testing.assert_allclose(archc_ort.run("waves.onnx", {{"x": x}})["y"], expected, rtol=1e-5)
"""

Python = Callable[..., str]


@pytest.fixture(scope="module", params=[("snake",), ("snake", "lines")], ids="+".join)
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Python:
    """Runs Python, in a folder with the spec, where the packages are installed beside archc."""
    target, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("work")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *offline, *(str(HERE / name) for name in request.param)], check=True)
    shutil.copy(HERE / "waves.yaml", folder)
    lines = f"LINES = {'lines' in request.param}\n"

    def run(*arguments: str, script: str = "") -> str:
        command = [sys.executable, "-W", "error", *arguments]
        done = subprocess.run(
            [*command, "-c", lines + script] if script else command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(target), "NO_COLOR": "1", "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


def test_the_op_is_explained_by_its_own_class(python: Python) -> None:
    shown = python("-m", "archc.cli.main", "explain", "snake")
    assert "Ziyin, Hartwig and Ueda, 2020" in shown
    assert "where each frequency starts" in shown


def test_a_spec_that_uses_it_is_checked(python: Python) -> None:
    python("-m", "archc.cli.main", "check", "waves.yaml", "--strict")


def test_editors_know_it(python: Python) -> None:
    assert '"snake"' in python("-m", "archc.cli.main", "schema")


def test_pytorch_has_it(python: Python) -> None:
    python(script=PYTORCH)


def test_onnx_has_it(python: Python) -> None:
    python(script=ONNX)
