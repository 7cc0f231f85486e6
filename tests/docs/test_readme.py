"""The README's commands that prepare a machine, and the demonstration that they lead to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from docs.runner import ROOT, blocks, environment

README = ROOT / "README.md"


def demo(*arguments: str) -> str:
    """What bench/demo.py prints."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "demo.py"), *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_every_target_of_make_that_is_named_is_there() -> None:
    setup = "".join(block.text for block in blocks(README) if block.kind == "setup")
    targets = [line.split()[1] for line in setup.splitlines() if line.startswith("make ")]
    assert targets == ["demo", "test"]
    command = ["make", "--dry-run", *targets]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_the_demonstration_runs_on_digits(tmp_path: Path) -> None:
    shown = demo("lenet5", "--out", str(tmp_path), "--seconds", "0.3")
    assert "1,797 handwritten digits" in shown
    assert "61,706" in shown
    built = {path.name for path in (tmp_path / "lenet5").iterdir()}
    assert built >= {"model.onnx", "model.py", "weights.safetensors", "spec.yaml", "report.json"}


@pytest.mark.slow
def test_the_demonstration_runs_on_a_photograph(tmp_path: Path) -> None:
    shown = demo("--out", str(tmp_path))
    assert "640 x 427" in shown
    assert "11,689,512" in shown
