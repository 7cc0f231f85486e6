"""Precision, and several processes: they give the weights of one with the same global batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from train import killing
from train.specs import ADVERSARIES, CLASSIFIER, data, finished, loop, made, written

from archc.cli.main import main
from archc.errors import SpecError, UsageError
from archc.safetensors import read
from archc_train.device import Device
from archc_train.loop import Loop
from archc_train.trainee import Trainee

PLAIN = """
archc: 1
name: net
inputs: {image: [N, 1, 8, 8]}
graph: [flatten, {linear: 8, name: fc}, tanh, {linear: 10, name: head}]
outputs: {logits: prev}
train:
  data: {digits: {range: [0, 400]}}
  batch: 16
  steps: 12
  evaluate: 5
  accumulate: 2
  loss: {cross_entropy: [logits, label]}
  optimizer: {adam: {lr: 3.0e-3}}
  clip: 1.0
  average: 0.9
  metrics: {accuracy: [logits, label]}
"""
PAIR = """
archc: 1
name: pair
models:
  generator:
    inputs: {z: [N, 64]}
    graph: [{linear: 8, name: fc}, relu, {linear: 64, name: out}, {reshape: {shape: [N, 1, 8, 8]}}]
  critic:
    inputs: {image: [N, 1, 8, 8]}
    graph: [flatten, {linear: 8, name: fc}, tanh, {linear: 1, name: out}]
train:
  data: {digits: {range: [0, 400]}}
  batch: 16
  steps: 6
  updates:
    - name: critic
      model: critic
      graph:
        - {flatten, in: image, name: z}
        - {generator: [z], name: fake, detach: true}
        - {critic: [fake]}
        - {mean: , name: f}
        - {critic: [image]}
        - {mean: , name: r}
        - {gradient_penalty: {model: critic, target: 0}, in: {real: image}, name: slope}
      loss: {f: 1, r: -1, slope: 1}
      optimizer: {adam: {lr: 1.0e-3}}
    - name: generator
      model: generator
      graph: [{flatten, in: image}, {generator: [prev]}, {critic: [prev]}, {adversarial: {kind: wasserstein, role: generator}, name: g}]
      loss: {g: 1}
      optimizer: {adam: {lr: 1.0e-3}}
"""


def weights(run: Path, name: str = "weights.safetensors") -> dict[str, np.ndarray]:
    with read(run / name) as entries:
        return {key: np.array(entry.array()) for key, entry in entries.items()}


@pytest.mark.parametrize("text", [PLAIN, PAIR], ids=["plain", "two updates"])
def test_two_processes_give_the_weights_of_one(text: str, tmp_path: Path) -> None:
    spec = written(tmp_path, text)
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(["train", str(spec), "-o", str(one), "--device", "cpu", "-q"]) == 0
    members = killing.team(["train", str(spec), "-o", str(two), "--device", "cpu"], tmp_path)
    codes = [killing.done(member) for member in members]
    said = [(tmp_path / f"said.{rank}").read_text() for rank in (0, 1)]
    assert codes == [0, 0], said
    assert "2 processes, each on cpu" in said[0]
    assert said[1] == ""  # one of them speaks and writes
    for name in ("weights.safetensors", "best.safetensors"):
        expected, found = weights(one, name), weights(two, name)
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            assert np.allclose(value, found[key], atol=2e-5), key
    logs = [
        [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        for run in (one, two)
    ]
    assert [line["turn"] for line in logs[0]] == [line["turn"] for line in logs[1]]
    for line, twin in zip(*logs, strict=True):
        for key in line:
            if key.startswith("val."):
                assert line[key] == pytest.approx(twin[key], abs=1e-4), key


def test_a_killed_team_goes_on_to_the_bit(tmp_path: Path) -> None:
    text = PLAIN.replace("tanh,", "tanh, {dropout: 0.3},").replace("evaluate: 5", "evaluate: 1")
    spec = written(tmp_path, text)
    runs = [tmp_path / "whole", tmp_path / "part"]
    for run in runs:
        arguments = ["train", str(spec), "-o", str(run), "--device", "cpu", "-q"]
        members = killing.team(arguments, tmp_path)
        if run.name == "part":
            killing.until((run / "best.safetensors").exists)
            for member in members:
                killing.killed_after(member, 0)
            members = killing.team(["train", "--resume", *arguments[3:]], tmp_path)
        assert {killing.done(one) for one in members} == {0}
    state = torch.load(runs[1] / "last.pt", weights_only=True)
    assert len(state["loop"]["random"]) == 2
    assert not torch.equal(*(one["cpu"] for one in state["loop"]["random"]))  # draws differ
    assert all(
        (a == b).all() for a, b in zip(*(weights(run).values() for run in runs), strict=True)
    )


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    spec = written(tmp_path, PLAIN.replace("batch: 16", "batch: 15"))
    arguments = ["train", str(spec), "-o", str(tmp_path / "run"), "--device", "cpu"]
    members = killing.team(arguments, tmp_path)
    assert [killing.done(member) for member in members] == [1, 1]
    assert "E813" in (tmp_path / "said.0").read_text()
    assert "batch: 16" in (tmp_path / "said.0").read_text()


@pytest.mark.parametrize("cut", ["false", "true"], ids=["whole weights", "shards"])
def test_a_batch_norms_statistics_are_kept_with_the_weights(
    cut: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PLAIN.replace("tanh,", "{batch_norm: , name: norm}, tanh,")
    spec, run = written(tmp_path, text), tmp_path / "run"
    arguments = ["train", str(spec), "-o", str(run), "--device", "cpu", "-q"]
    members = killing.team(arguments, tmp_path, asked={"ACCELERATE_USE_FSDP": cut})
    assert [killing.done(member) for member in members] == [0, 0]
    assert abs(weights(run, "best.safetensors")["norm.running_mean"]).max() > 0.01
    told = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    arguments = ["eval", str(run), "--part", "val", "--device", "cpu", "--json", "-q"]
    assert main(arguments) == 0
    numbers = json.loads(capsys.readouterr().out)["numbers"]
    assert numbers["loss"] == pytest.approx(told["val.loss"], abs=1e-5)
    members = killing.team(arguments, tmp_path)
    assert [killing.done(member) for member in members] == [0, 0]
    said = [(tmp_path / f"said.{rank}").read_text() for rank in (0, 1)]
    assert json.loads(said[0])["numbers"] == pytest.approx(numbers, abs=1e-5)
    assert said[1] == ""  # one of them speaks


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["--multi_gpu", "--use_fsdp"])
def test_accelerates_launcher_starts_them(mode: str, tmp_path: Path) -> None:
    spec, run = written(tmp_path, PLAIN), tmp_path / "run"
    launcher = [sys.executable, "-m", "accelerate.commands.launch", mode, "--num_processes"]
    arguments = ["-m", "archc", "train", str(spec), "-o", str(run), "--device", "cpu"]
    done = subprocess.run([*launcher, "2", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    held = " with a share of the weights" if mode == "--use_fsdp" else ""
    assert f"2 processes, each{held} on cpu" in done.stderr
    assert done.stdout.splitlines()[-1] == run.as_posix()


# ---- layout


@pytest.mark.parametrize("normed", [True, False])
def test_where_images_are_normalised_their_channels_are_last(
    normed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is faster, and makes no difference to what is learnt."""
    norm = "{batch_norm: , name: norm}, " if normed else ""
    convolution = f"{{conv2d: {{out: 4, kernel: 3}}, name: conv}}, {norm}relu, flatten"
    spec = written(tmp_path, PLAIN.replace("[flatten", f"[{convolution}"))
    seen, moved = list[bool](), Trainee.moved

    def spy(trainee: Trainee, device: torch.device, channels_last: bool = False) -> None:
        if not seen:
            moved(trainee, device, channels_last)
            (filters,) = (one for one in trainee.parameters() if one.ndim == 4)
            assert filters.is_contiguous(memory_format=torch.channels_last)
        seen.append(channels_last)

    monkeypatch.setattr(Trainee, "moved", spy)
    for name in ("one", "two"):
        arguments = ["train", str(spec), "-o", str(tmp_path / name), "--device", "cpu", "-q"]
        assert main(arguments) == 0
    assert seen == [True] * 2 * normed
    found = weights(tmp_path / "one", "weights.safetensors")
    for key, value in weights(tmp_path / "two", "weights.safetensors").items():
        assert np.allclose(value, found[key], atol=1e-4), key


# ---- precision


@pytest.mark.parametrize("text", [CLASSIFIER, ADVERSARIES], ids=["one update", "two updates"])
def test_bf16_trains_with_weights_in_full_precision(text: str) -> None:
    program, training, graphs = made(text)
    trainee = Trainee(program, graphs, None, 0)
    seen = []
    for module in trainee.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
    device = Device("bf16", cpu=True)
    one = Loop(trainee, training, graphs, data(), device)
    terms = one.next_turn()
    assert set(seen) == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in trainee.parameters())
    plain = loop(text).next_turn()
    for update, values in plain.items():
        for name, value in values.items():
            assert float(terms[update][name]) == pytest.approx(float(value), rel=0.1, abs=0.05)
    finished(one)


def test_fp16_without_a_gpu_is_refused() -> None:
    with pytest.raises(UsageError, match="E813") as caught:
        Device("fp16", cpu=True)
    assert "bf16" in caught.value.diagnostics[0].help


class Scaled(Device):
    """fp16's scaling of losses, where there is no GPU to compute in fp16."""

    def __init__(self, scale: float) -> None:
        super().__init__(cpu=True)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=scale)


def test_scaled_losses_give_the_same_step_and_too_large_ones_none() -> None:
    program, training, graphs = made(CLASSIFIER + "  clip: 0.1\n  schedule: {linear: {}}\n")
    found = []
    for device in (Device(cpu=True), Scaled(1024.0), Scaled(3.4e38)):
        one = Loop(Trainee(program, graphs, None, 0), training, graphs, data(), device)
        if device.scaler is not None and device.scaler.get_scale() > 1e30:
            one.learners["train"].total = lambda terms: 1000 * terms["loss"]
        one.next_turn()
        found.append(one)
    plain, scaled, skipped = found
    for name, value in plain.trainee.shared.items():
        assert torch.allclose(value, scaled.trainee.shared[name], atol=1e-6), name
    fresh = Trainee(program, graphs, None, 0)
    for name, value in skipped.learners["train"].parameters.items():
        assert torch.equal(value, fresh.shared[f"net.{name}"])
    assert skipped.learners["train"].rate() == 1e-2  # its schedule waits for a step
    assert scaled.learners["train"].rate() < 1e-2


def test_an_optimiser_that_asks_again_cannot_be_scaled() -> None:
    program, training, graphs = made(CLASSIFIER.replace("{adamw: {lr: 1.0e-2}}", "lbfgs"))
    with pytest.raises(SpecError, match="fp16"):
        Loop(Trainee(program, graphs, None, 0), training, graphs, data(), Scaled(1.0))
