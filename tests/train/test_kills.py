"""A run that is killed at any moment goes on to the same weights, to the bit."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from train import killing
from train.specs import written

IMAGES = """
archc: 1
name: net
inputs: {image: [N, 1, 8, 8]}
graph:
  - {conv2d: {out: 4, kernel: 3}, name: conv}
  - {batch_norm, name: norm}
  - relu
  - flatten
  - {dropout: 0.1}
  - {linear: 10, name: head}
outputs: {logits: prev}
train:
  data: {digits: {normalize: true, range: [0, 300]}}
  batch: 16
  steps: 24
  evaluate: 4
  augment: [{random_horizontal_flip: 0.5}, {mixup: {lambda_val: [0.0, 0.5]}}]
  loss: {cross_entropy: [logits, label]}
  optimizer: {sgd: {lr: 0.1, momentum: 0.9}}
  schedule: {plateau: {patience: 0, factor: 0.5}}
  average: 0.95
  metrics: {accuracy: [logits, label]}
"""
ADVERSARIES = """
archc: 1
name: gan
params: {wide: 4}
models:
  generator:
    inputs: {z: [N, 3]}
    graph: [{linear: =wide, name: fc}, {batch_norm, name: norm}, relu, {linear: 64, name: out}, {reshape: {shape: [N, 1, 8, 8]}}]
  judge:
    inputs: {image: [N, 1, 8, 8]}
    graph: [flatten, {linear: 8, name: fc}, leaky_relu, {dropout: 0.1}, {linear: 1, name: out}]
train:
  data: {digits: {range: [0, 200]}}
  batch: 16
  evaluate: 4
  feed: {z: {normal: [N, 3]}}
  phases: [{set: {wide: 4}, steps: 6}, {set: {wide: 8}, steps: 8, batch: 8}, {set: {wide: 12}, steps: 6}]
  updates:
    - name: judge
      model: judge
      repeat: 2
      graph:
        - {generator: [z], name: fake, detach: true}
        - {image_pool: 20, name: older}
        - {judge: [older]}
        - {adversarial: {kind: hinge, role: fake}, name: f}
        - {judge: [image]}
        - {adversarial: {kind: hinge, role: real}, name: r}
      loss: {f: 1, r: "=1 + progress"}
      optimizer: {adam: {lr: 1.0e-2}}
    - name: generator
      model: generator
      every: 2
      graph: [{generator: [z]}, {judge: [prev]}, {adversarial: {kind: hinge, role: generator}, name: g}]
      loss: {g: 1}
      optimizer: {adamw: {lr: 1.0e-2}}
      schedule: {one_cycle: {}}
      average: 0.9
"""
SPECS = {"images": IMAGES, "adversaries": ADVERSARIES}


class Whole:
    """A run that nothing disturbed, and how long it took."""

    def __init__(self, folder: Path, text: str) -> None:
        self.spec = written(folder, text)
        killing.warm()
        before = time.monotonic()
        assert killing.done(killing.begun(self.spec, folder / "run")) == 0
        self.seconds = time.monotonic() - before
        self.result = killing.result(folder / "run")


@pytest.fixture(scope="module", params=SPECS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp(request.param), SPECS[request.param])


def finished(whole: Whole, run: Path) -> dict[str, object]:
    assert killing.done(killing.begun(whole.spec, run)) == 0
    return killing.result(run)


def killed_while_writing(whole: Whole, folder: Path, how: str) -> None:
    folder.mkdir(exist_ok=True)
    chance = random.randrange(60)
    code = killing.done(killing.begun(whole.spec, folder / "run", (how, chance)))
    assert code in (-9, 0)  # not every run writes so often
    assert finished(whole, folder / "run") == whole.result, (how, chance)


@pytest.mark.parametrize("how", ["half", "before", "after"])
def test_killed_while_it_writes(whole: Whole, how: str, tmp_path: Path) -> None:
    killed_while_writing(whole, tmp_path, how)


def test_killed_again_and_again_whatever_it_does(whole: Whole, tmp_path: Path) -> None:
    run, delays = tmp_path / "run", []
    for _ in range(2):
        delays.append(random.uniform(0.1, 0.8) * whole.seconds)
        killing.killed_after(killing.begun(whole.spec, run), delays[-1])
    assert finished(whole, run) == whole.result, delays


@pytest.mark.slow
@pytest.mark.parametrize("how", ["half", "before", "after"])
def test_killed_while_it_writes_at_many_moments(whole: Whole, how: str, tmp_path: Path) -> None:
    for number in range(20):
        killed_while_writing(whole, tmp_path / f"{number}", how)
