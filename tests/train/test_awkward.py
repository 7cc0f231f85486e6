"""Trainings that could only fail in their midst say so before, or say what it was."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from train.specs import PLAIN, written
from train.test_phases import GROWING

import archc_train.training as training_module
from archc.cli.main import main
from archc.pipeline import compile_text
from archc.train import check
from archc_train.report import number

SHORT = PLAIN + "  steps: 2\n"
TURNS = """\
archc: 1
name: turns
models:
  net: {inputs: {image: [N, 1, 8, 8]}, graph: [flatten, {linear: 10, name: head}]}
train:
  data: digits
  optimizer: adam
  updates:
    - {name: a, model: net, every: 3, graph: [{net: [image], name: y}, {cross_entropy: [y, label], name: f}], loss: {f: 1}}
    - {name: b, model: net, every: EVERY, graph: [{net: [image], name: z}, {cross_entropy: [z, label]}, {add: [prev, a.f], name: g}], loss: {g: 1}}
"""
DRAWN = SHORT.replace("8, 8]}", "8, 8], noise: [N, 64]}").replace(
    "graph: [flatten,", "graph: [{flatten: , in: image}, {add: [prev, noise]},"
)


def told(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a training that fails says."""
    assert main(["train", str(written(folder, text)), "-o", str(folder / "run"), "-q"]) == 1
    return capsys.readouterr().err


def test_an_infinite_metric_has_its_place_in_the_report() -> None:
    assert (number(math.inf), number(-math.inf), number(0.5)) == ("inf", "-inf", "0.50000")


@pytest.mark.parametrize(("every", "codes"), [(3, []), (6, []), (1, ["E802"]), (4, ["E802"])])
def test_an_update_uses_values_of_turns_that_have_them(every: int, codes: list[str]) -> None:
    program = compile_text(TURNS.replace("EVERY", str(every)))
    assert [one.code for one in check(program)] == codes


def test_an_input_may_be_drawn_in_the_short_form(tmp_path: Path) -> None:
    text = DRAWN + "  feed: {noise: {normal: [N, 64]}}\n"
    assert main(["train", str(written(tmp_path, text)), "-o", str(tmp_path / "run"), "-q"]) == 0


def test_images_of_another_size_are_told_before_the_first_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(tmp_path, SHORT + "  augment: [{random_crop: {size: [4, 4]}}]\n", capsys)
    assert "error[E807]: random_crop makes images of [1, 4, 4], and 'image' is [1, 8, 8]" in said


def test_what_a_step_makes_of_finite_numbers_is_told_as_its_doing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(tmp_path, SHORT.replace("relu", "sqrt"), capsys)
    assert "what goes into head (Linear) is not finite: it is a step before it" in said


def test_ctrl_c_in_the_last_turn_of_a_phase_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = training_module.turned

    def asked(*given: Any) -> bool:
        turned(*given)
        return True

    spec, run = written(tmp_path, GROWING), tmp_path / "run"
    monkeypatch.setattr(training_module, "turned", asked)
    assert main(["train", str(spec), "-o", str(run), "-q"]) == 130
    log = run / "log.jsonl"
    assert '"phase": 1' not in log.read_text("utf-8")
    monkeypatch.undo()
    assert main(["train", "--resume", str(run), "-q"]) == 0
    assert '"phase": 1' in log.read_text("utf-8")
