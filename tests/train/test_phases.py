"""Phases: a network that grows takes its weights along, and is used as it is in the end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from train.specs import written

from archc.cli.main import main
from archc.safetensors import read

GROWING = """
archc: 1
name: growing
params: {stages: 1}
models:
  generator:
    inputs: {z: [N, 3], alpha: {shape: []}}
    graph:
      - {linear: 16, name: fc}
      - {reshape: {shape: [N, 1, 4, 4]}}
      - {name: up, when: =stages > 1, do: [{resize: {scale: 2}}, {conv2d: {out: 1, kernel: 3, padding: 1}, name: conv}]}
      - mul: [prev, alpha]
    outputs: {image: prev}
  judge:
    inputs: {image: [N, 1, H, W]}
    graph:
      - {global_avg_pool, in: image}
      - {linear: 1, name: out}
train:
  data: {digits: {range: [0, 200]}}
  batch: 20
  feed: {z: {normal: [N, 3]}, alpha: "=min(1, 0.5 + progress)"}
  phases:
    - {set: {stages: 1}, steps: 4}
    - {set: {stages: 2}, steps: 6, batch: 10}
  evaluate: 3
  updates:
    - name: judge
      model: judge
      graph:
        - {generator: [z, alpha], name: fake, detach: true}
        - {judge: [fake]}
        - {mean: , name: f}
        - {judge: [image]}
        - {mean: , name: r}
      loss: {f: 1, r: -1}
      optimizer: {sgd: {lr: 0.01}}
    - name: generator
      model: generator
      graph: [{generator: [z, alpha]}, {judge: [prev]}, {mean: , name: m}]
      loss: {m: -1}
      optimizer: {sgd: {lr: 0.01}}
      average: 0.5
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grown")
    arguments = [
        "train",
        str(written(folder, GROWING)),
        "-o",
        str(folder / "run"),
        "--device",
        "cpu",
    ]
    assert main([*arguments, "-q"]) == 0
    return folder / "run"


def weights(path: Path) -> dict[str, np.ndarray]:
    with read(path) as entries:
        return {key: np.array(entry.array()) for key, entry in entries.items()}


def records(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]


def test_phases_follow_one_another(run: Path) -> None:
    log = records(run)
    assert [line["phase"] for line in log] == sorted(line["phase"] for line in log)
    assert [max(r["turn"] for r in log if r["phase"] == k) for k in (0, 1)] == [4, 6]
    assert "generator.up.conv.weight" in weights(run / "best.safetensors")


def test_a_phase_begins_with_the_weights_of_the_one_before(run: Path, tmp_path: Path) -> None:
    """Those that were trained, not their averages, wherever they fit."""
    import torch

    from archc_train.device import Device
    from archc_train.phases import phases
    from archc_train.run import Run

    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    state = torch.load(copy / "last.pt", weights_only=True)
    state["phase"] = 0
    torch.save(state, copy / "last.pt")
    again = Run.open(copy)
    _, second = list(phases(again.program(), again, Device(cpu=True)))
    trained, averaged = state["loop"]["weights"], weights(copy / "weights.safetensors")
    name = "generator.fc.weight"
    assert np.array_equal(second.weights[name], trained[name].numpy())
    assert not np.array_equal(averaged[name], trained[name].numpy())


def test_a_grown_run_is_measured_drawn_and_built_as_it_is_in_the_end(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    command = ["eval", str(run), "--last", "--part", "val", "--device", "cpu", "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)["numbers"]
    last = json.loads((run / "log.jsonl").read_text("utf-8").splitlines()[-1])
    assert found["generator.m"] == pytest.approx(last["val.generator.m"])  # `alpha` is 1, too
    picture = tmp_path / "grid.png"
    assert main(["sample", str(run), "--count", "4", "-o", str(picture)]) == 0
    with Image.open(picture) as grid:
        assert grid.size == (2 * 10 + 2, 2 * 10 + 2)  # 8 by 8, with borders
    assert main(["sample", str(run), "--model", "judge"]) == 2
    told = capsys.readouterr().err
    assert "the model 'judge' neither draws nor writes by itself" in told
    assert "it gives output float32[N, 1]" in told and "help: --model generator" in told
    assert main(["build", str(run), "-o", str(tmp_path / "out"), "-q"]) == 0
    assert {path.name for path in (tmp_path / "out").glob("*.onnx")} == {
        "generator.onnx",
        "judge.onnx",
    }


def test_a_run_killed_before_a_phase_has_weights_is_what_the_phase_before_left(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import archc_train
    from archc.train.news import Begun

    def kill(news: object) -> None:
        if isinstance(news, Begun) and news.phase == 1:
            raise RuntimeError("killed")

    stopped = tmp_path / "run"
    with pytest.raises(RuntimeError, match="killed"):
        archc_train.start(written(tmp_path, GROWING), folder=stopped, device="cpu", tell=kill)
    assert main(["eval", str(stopped), "--part", "val", "--device", "cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["numbers"]
    assert found["generator.m"] == pytest.approx(records(stopped)[-1]["val.generator.m"])
    assert main(["build", str(stopped), "-o", str(tmp_path / "out"), "-q"]) == 0
    archc_train.resume(stopped, device="cpu")
    again, whole = (weights(folder / "best.safetensors") for folder in (stopped, run))
    assert all(np.array_equal(again[name], value) for name, value in whole.items())


def test_what_is_wrong_with_a_later_phase_is_told_before_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = written(tmp_path, GROWING.replace("{stages: 2}", "{stage: 2}"))
    assert main(["train", str(spec), "-o", str(tmp_path / "run"), "--device", "cpu"]) == 1
    told = capsys.readouterr().err
    assert "E219" in told and f"{spec}:25:14" in told and "in phase 2" in told
    assert not (tmp_path / "run").exists()


def test_what_is_known_of_the_data_is_what_the_last_phase_knows(tmp_path: Path) -> None:
    """And the spec's own words about it stay."""
    from archc.pipeline import compile

    sized = "data: {digits: {range: [0, 200], size: =4 * stages}}"
    text = GROWING.replace("data: {digits: {range: [0, 200]}}", sized)
    text = text.replace("train:\n", "labels: [o, i, z, e, h, s, b, l, x, g]\ntrain:\n", 1)
    run = tmp_path / "run"
    arguments = ["train", str(written(tmp_path, text)), "-o", str(run), "--device", "cpu", "-q"]
    assert main(arguments) == 0
    facts = json.loads((run / "run.json").read_text("utf-8"))["facts"]
    program = compile(run / "spec.yaml")
    for known in (facts, program.metadata):
        assert known["preprocess"]["size"] == 8
    assert program.metadata["labels"][0] == "o"


def test_progress_tells_the_phase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", str(written(tmp_path, GROWING)), "-o", str(tmp_path / "run")]
    assert main([*arguments, "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    assert err.index("phase 1 of 2") < err.index("phase 2 of 2")
    assert out.startswith("last  epoch")  # adversaries' losses choose nothing
    assert "archc sample" in err
