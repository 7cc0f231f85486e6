"""The README's commands that prepare a machine, and the demonstration that they lead to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from docs.runner import ROOT, blocks, environment
from PIL import Image
from sklearn.datasets import load_digits

import archc
import archc_torch
from archc.cli.main import main
from bench.demo import RECIPES, mnist_form

README = ROOT / "README.md"


def demo(*arguments: str) -> str:
    """What bench/demo.py prints, in 80 columns."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "demo.py"), *arguments],
        env={**environment(), "COLUMNS": "80"},
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


@pytest.fixture(scope="module")
def lenet5(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the demonstration prints of LeNet-5, and the folder of its build."""
    folder = tmp_path_factory.mktemp("demo")
    return demo("lenet5", "--out", str(folder), "--seconds", "0.3"), folder / "lenet5"


def test_the_demonstration_reads_digits(lenet5: tuple[str, Path]) -> None:
    shown, folder = lenet5
    assert "61,706" in shown
    assert max(map(len, shown.splitlines())) <= 80
    built = {path.name for path in folder.iterdir()}
    assert built >= {"model.onnx", "model.py", "weights.safetensors", "spec.yaml", "report.json"}
    said = re.search(r"1,797 handwritten digits, ([0-9.]+) % of them read right", shown)
    counts = re.search(r"([\d,]+) right, ([\d,]+) wrong", shown)
    assert said and counts
    right, wrong = (int(one.replace(",", "")) for one in counts.groups())
    assert right + wrong == 1797
    assert float(said[1]) == round(100 * right / 1797, 1) > 90
    assert [f"reads {k}" in shown for k in range(5)] == [True] * 5
    assert len(re.findall(r"reads (\d), is (?!\1)\d", shown)) == 5


def test_what_the_demonstration_builds_reads_pictures(
    lenet5: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = lenet5
    digits = load_digits()
    for k in range(3):
        pixels = mnist_form((digits.images[k] * 255 / 16).astype(np.uint8))
        Image.fromarray(pixels).save(tmp_path / "digit.png")
        onnx, given = str(folder / "model.onnx"), f"image={tmp_path / 'digit.png'}"
        assert main(["run", onnx, "--input", given]) == 0
        best = capsys.readouterr().out.splitlines()[1]
        assert best.split()[-1] == str(digits.target[k])


def test_digits_are_brought_to_the_form_of_mnist() -> None:
    def centre(masses: np.ndarray) -> float:
        return float(np.average(np.arange(28), weights=masses))

    images = (load_digits().images[:50] * 255 / 16).astype(np.uint8)
    tall = np.zeros((30, 40), np.uint8)
    tall[5:25, 30:34] = 200
    for one in (*images, tall, tall.T, np.full((1, 1), 255, np.uint8)):
        found = mnist_form(one)
        assert found.shape == (28, 28) and found.dtype == np.uint8
        drawn = [np.flatnonzero(found.any(axis)) for axis in (1, 0)]
        assert max(side[-1] - side[0] + 1 for side in drawn) <= 20
        for axis in (0, 1):
            assert abs(centre(found.sum(axis, dtype=float)) - 13.5) <= 0.5
    assert (mnist_form(tall) > 0).sum() == 20 * 4  # proportions are kept


def test_the_zoos_network_takes_the_trained_weights_as_they_are() -> None:
    image = torch.from_numpy(load_digits().images[:4].astype(np.float32)).kron(torch.ones(4, 4))
    scores = []
    for spec in ("lenet5", RECIPES / "lenet5_mnist.yaml"):
        program = archc.compile(spec)
        module = archc_torch.module(
            program, weights=RECIPES / "weights" / "lenet5_mnist.safetensors"
        )
        scores.append(module.eval()(image[:, None]))
    assert torch.equal(*scores)


@pytest.mark.slow
def test_the_demonstration_runs_on_a_photograph(tmp_path: Path) -> None:
    shown = demo("--out", str(tmp_path))
    assert "640 x 427" in shown
    assert "11,689,512" in shown
