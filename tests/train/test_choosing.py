"""Which weights a run keeps, and when it stops because it gets no better."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from train.specs import ADVERSARIES, CLASSIFIER, data, made, written

from archc.cli.main import main
from archc.errors import SpecError
from archc_train.device import Device
from archc_train.keeper import Keeper, rule_of
from archc_train.loop import Loop
from archc_train.run import Run
from archc_train.trainee import Trainee
from archc_train.training import train

DIGITS = """
archc: 1
name: net
inputs: {image: [N, 1, 8, 8]}
graph: [flatten, {linear: 10, name: head}]
outputs: {logits: prev}
train:
  data: {digits: {range: [0, 200]}}
  batch: 20
  steps: 40
  evaluate: 2
  loss: {cross_entropy: [logits, label]}
  optimizer: {sgd: {lr: 0.0}}
  metrics: {accuracy: [logits, label]}
"""


def keeper(text: str, folder: Path) -> Keeper:
    program, training, graphs = made(text)
    loop = Loop(Trainee(program, graphs, None, 0), training, graphs, data(), Device(cpu=True))
    return Keeper(Run(folder), training, loop, 0)


def turns(run: Path) -> list[int]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line["turn"] for line in lines if "val.loss" in line]


def test_a_run_that_gets_no_better_stops(tmp_path: Path) -> None:
    spec, run = written(tmp_path, DIGITS + "  patience: 3\n"), tmp_path / "run"
    assert main(["train", str(spec), "-o", str(run), "--device", "cpu", "-q"]) == 0
    assert turns(run) == [2, 4, 6, 8]  # the first is the best, and three are no better
    assert Run.open(run).saved()["best"]["epoch"] == pytest.approx(2 / 8, abs=0.05)
    assert (run / "weights.safetensors").exists()
    assert main(["train", "--resume", str(run), "--device", "cpu", "-q"]) == 0
    assert turns(run) == [2, 4, 6, 8]


@pytest.mark.parametrize(
    ("best", "rule"),
    [
        ("", ("loss", False)),
        ("accuracy", ("accuracy", True)),
        ("{minimize: loss}", ("loss", False)),
        ("{maximize: accuracy}", ("accuracy", True)),
    ],
)
def test_the_best_is_by_what_the_spec_says_and_else_by_the_loss(
    best: str, rule: tuple[str, bool], tmp_path: Path
) -> None:
    one = keeper(CLASSIFIER + (f"  best: {best}\n" if best else ""), tmp_path)
    assert one.rule == rule
    name, more = rule
    one.best = {"loss": 1.0, "accuracy": 0.5}
    for value, better in ((2.0, more), (0.1, not more), (one.best[name], False), (math.nan, False)):
        assert one.better({name: value}) is better
    one.best = {name: math.nan}
    assert one.better({name: 0.0})


def test_where_losses_mean_nothing_the_latest_is_kept(tmp_path: Path) -> None:
    assert rule_of(made(ADVERSARIES)[1]) is None
    one = keeper(ADVERSARIES, tmp_path)
    one.best = {"critic.loss": 0.0}
    assert one.better({"critic.loss": 5.0})
    timed = ADVERSARIES.replace("  updates:", "  best: {minimize: critic.loss}\n  updates:")
    assert rule_of(made(timed)[1]) == ("critic.loss", False)


def test_each_update_has_its_own_plateau(tmp_path: Path) -> None:
    text = ADVERSARIES.replace(
        "  updates:", "  schedule: {plateau: {patience: 0, factor: 0.5}}\n  updates:"
    )
    one = keeper(text, tmp_path)
    learners = one.loop.learners
    losses = iter(
        [{"critic.loss": 1.0, "generator.loss": 1.0}, {"critic.loss": 2.0, "generator.loss": 0.5}]
    )
    one.measured = lambda trial=False: next(losses)
    one.evaluated(), one.evaluated()
    assert learners["critic"].rate() == pytest.approx(5e-4)
    assert learners["generator"].rate() == pytest.approx(1e-3)


def test_patience_without_a_best_is_said_before_the_first_step(tmp_path: Path) -> None:
    program, training, _ = made(ADVERSARIES + "  patience: 3\n")
    with pytest.raises(SpecError, match="best") as caught:
        train(program, training, data(), Run(tmp_path), device=Device(cpu=True))
    assert caught.value.diagnostics[0].code == "E203"
    assert not list(tmp_path.iterdir())


ODD = """
archc: 1
name: net
models:
  net: {inputs: {image: [N, 1, 8, 8]}, graph: [flatten, {linear: 1, name: head}], outputs: {score: prev}}
train:
  data: {digits: {range: [0, 200], val: {without: {label: 9}}}}
  batch: 20
  steps: 4
  evaluate: 2
  updates:
    - name: guess
      graph:
        - {net: [image], name: guess}
        - {mean, name: error}
        - {equal: [label, 9]}
        - {cast: int64, name: odd}
      model: net
      loss: {error: 1}
      optimizer: {sgd: {lr: 0.0}}
  metrics: {auroc: [guess.guess, guess.odd]}
"""


def test_a_ranking_that_the_part_cannot_tell_is_left_out_and_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, run = written(tmp_path, ODD), tmp_path / "run"
    assert main(["train", str(spec), "-o", str(run), "--device", "cpu"]) == 0
    told = capsys.readouterr().err
    assert told.count("the metric 'auroc' cannot be told on the val part, and is left out") == 1
    assert "some class has no item there" in told
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert not any("val.auroc" in line for line in lines)
    assert "auroc" not in json.dumps(Run.open(run).saved()["best"])
    assert main(["eval", str(run), "--part", "val", "--json"]) == 0
    found = capsys.readouterr()
    assert "auroc" not in json.loads(found.out)["numbers"]
    assert "cannot be told on the val part" in found.err
    assert main(["eval", str(run), "--json"]) == 0  # the test part has both
    found = capsys.readouterr()
    assert 0 <= json.loads(found.out)["numbers"]["auroc"] <= 1
    assert found.err == ""


def test_a_ranking_that_cannot_be_told_chooses_no_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, run = written(tmp_path, ODD + "  best: auroc\n"), tmp_path / "run"
    assert main(["train", str(spec), "-o", str(run), "--device", "cpu"]) == 1
    told = capsys.readouterr().err
    assert "error[E807]: 'best' asks for 'auroc', which cannot be told on the val part" in told
    assert "auroc: [guess.guess, guess.odd]" in told  # the line of the spec
    assert not (run / "log.jsonl").exists()  # before the first step
