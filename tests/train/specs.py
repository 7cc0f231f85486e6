"""Small networks with ways to train them, and data for them."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from archc.ir.dims import symbol
from archc.ir.program import Program
from archc.ir.types import TensorType
from archc.pipeline import compile_text
from archc.safetensors import read as opened
from archc.train import Graphs, Training, join, read
from archc_train.data.part import DataSet, InMemory
from archc_train.device import Device
from archc_train.loop import Loop
from archc_train.trainee import Trainee

PLAIN = """\
archc: 1
name: net
inputs: {image: [N, 1, 8, 8]}
graph: [flatten, {linear: 16, name: body}, relu, {linear: 10, name: head}]
outputs: {logits: prev}
train:
  data: digits
  loss: {cross_entropy: [logits, label]}
  optimizer: adam
"""

CLASSIFIER = """
archc: 1
name: net
params: {hidden: 12}
inputs: {x: [N, 4]}
graph: [{linear: =hidden, name: fc}, {batch_norm, name: norm}, relu, {dropout: 0.2}, {linear: 3, name: head}]
outputs: {logits: prev}
train:
  data: none
  batch: 8
  epochs: 3
  loss: {cross_entropy: [logits, label]}
  optimizer: {adamw: {lr: 1.0e-2}}
  metrics: {accuracy: [logits, label]}
"""

ADVERSARIES = """
archc: 1
name: gan
params: {latent: 3}
models:
  generator:
    inputs: {z: [N, =latent]}
    graph: [{linear: 8, name: fc}, relu, {linear: 4, name: out}]
  critic:
    inputs: {x: [N, 4]}
    graph: [{linear: 8, name: fc}, tanh, {linear: 1, name: out}]
train:
  data: none
  batch: 8
  epochs: 2
  feed: {z: {normal: [N, =latent]}}
  updates:
    - name: critic
      model: critic
      repeat: 2
      graph:
        - {generator: [z], name: fake, detach: true}
        - {critic: [fake]}
        - {mean: , name: f}
        - {critic: [x]}
        - {mean: , name: r}
        - {gradient_penalty: {model: critic}, in: [x, fake], name: penalty}
      loss: {f: 1, r: -1, penalty: "=min(10, 5 + step)"}
      optimizer: {adam: {lr: 1.0e-3, betas: [0.0, 0.9]}}
    - name: generator
      model: generator
      graph: [{generator: [z]}, {critic: [prev]}, {adversarial: {kind: wasserstein, role: generator}, name: g}]
      loss: {g: 1}
      optimizer: {adam: {lr: 1.0e-3}}
      average: 0.9
"""

DIGITS = """
archc: 1
name: net
params: {out: 4}
inputs: {image: [N, 1, 8, 8]}
graph: [{conv2d: {out: =out, kernel: 3}, name: conv}, {batch_norm, name: norm}, relu, flatten, {dropout: 0.1}, {linear: 10, name: head}]
outputs: {logits: prev}
train:
  data: {digits: {normalize: true}}
  batch: 32
  epochs: 2
  evaluate: 20
  loss: {cross_entropy: [logits, label]}
  optimizer: {adam: {lr: 3.0e-3}}
  schedule: {cosine: {warmup: 5}}
  average: 0.95
  metrics: {accuracy: [logits, label]}
  best: accuracy
"""


def data(count: int = 40) -> DataSet:
    """Points of three classes, which a line does not quite tell apart."""
    source = torch.Generator().manual_seed(0)
    label = torch.arange(count) % 3
    x = torch.randn(count, 4, generator=source) + label[:, None]
    fields = {"x": x, "label": label}
    n = symbol("N")
    types = {"x": TensorType("float32", (n, 4)), "label": TensorType("int64", (n,))}
    return DataSet("points", dict.fromkeys(("train", "val"), InMemory(fields)), types)


def made(text: str) -> tuple[Program, Training, Graphs]:
    program = compile_text(text)
    training = read(program)
    return program, training, join(program, training, data().types)


def loop(text: str) -> Loop:
    """The training of a spec, ready to begin."""
    program, training, graphs = made(text)
    torch.manual_seed(training.seed)
    trainee = Trainee(program, graphs, None, training.seed)
    return Loop(trainee, training, graphs, data(), Device(cpu=True))


def finished(one: Loop) -> Loop:
    """The loop after all its turns."""
    while one.turn < one.turns:
        one.next_turn()
    return one


def continued(text: str, after: int) -> Loop:
    """A training that was stopped after some turns, gone on with in another loop, to its end."""
    part = loop(text)
    for _ in range(min(after, part.turns)):
        part.next_turn()
    buffer = io.BytesIO()
    torch.save(part.state(), buffer)
    torch.manual_seed(4321)
    torch.rand(7)  # whatever happens in between
    rest = loop(text)
    rest.load(torch.load(io.BytesIO(buffer.getvalue()), weights_only=True))
    return finished(rest)


def assert_same(one: Loop, other: Loop) -> None:
    """Weights, averages and rates are equal to the bit."""
    assert one.turn == other.turn
    for name, value in one.trainee.shared.items():
        assert torch.equal(value, other.trainee.shared[name]), name
    for name, learner in one.learners.items():
        twin = other.learners[name]
        assert learner.rate() == twin.rate()
        if learner.average is not None:
            assert twin.average is not None
            for key, value in learner.average.values.items():
                assert torch.equal(value, twin.average.values[key]), key


def written(folder: Path, text: str) -> Path:
    path = folder / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def weights(run: Path, name: str = "weights.safetensors") -> dict[str, bytes]:
    """A run's weights, to the bit."""
    with opened(run / name) as entries:
        return {key: entry.array().tobytes() for key, entry in entries.items()}
