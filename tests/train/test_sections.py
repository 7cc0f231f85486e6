"""The zoo's `train` sections: each joins with the data that it names, and a turn moves weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from small_zoo import SMALL, SPECS
from torch import Tensor

from archc.ir.dims import Size, symbol
from archc.ir.program import Program
from archc.ir.substitution import substitute
from archc.ir.types import TensorType
from archc.pipeline import compile, compile_text
from archc.spec.data import Mapping as Section
from archc.spec.load import Loader
from archc.train import Moment, check, join, read
from archc.train.moment import at
from archc_train.data.part import DataSet, InMemory
from archc_train.device import Device
from archc_train.loop import Loop
from archc_train.trainee import Trainee

ITEMS, BATCH, LENGTH = 12, 2, 6
WHOLE = ("tokens", "label", "source", "target", "next")  # fields of whole numbers
MORE = {"nasbench201": {"width": 4, "cells": 1}, "vae": {"hidden": 12, "latent": 4}}


def trained() -> list[str]:
    """The specs of the zoo that say how they are trained."""
    files = {path.stem: Loader().load(path) for path in SPECS.glob("*.yaml")}
    return sorted(
        name for name, file in files.items() if isinstance(file.section("train"), Section)
    )


def small(spec: str) -> Program:
    return compile(SPECS / f"{spec}.yaml", set=MORE.get(spec, SMALL.get(spec, {})))


def fields(program: Program, data: Any) -> dict[str, TensorType]:
    """What the data named in a section gives: as the models want it, and targets beside it."""
    inputs = {k: t for model in program.models.values() for k, t in model.input_types().items()}
    n = symbol("N")
    label = TensorType("int64", (n,))
    match data:
        case str() if "image" in inputs:
            return {"image": inputs["image"], "label": label}
        case {"horses": _, "zebras": _}:
            return dict.fromkeys(("a", "b"), inputs["image"])
        case {"text": {"label": True}}:
            return {"tokens": inputs["tokens"], "label": label}
        case {"text": _}:
            return {"tokens": inputs["tokens"], "next": inputs["tokens"]}
        case {"windows": {"horizon": horizon}}:
            history = inputs["history"]
            future = history.with_dims((n, horizon, history.dims[-1]))
            return {"history": history, "future": future}
        case {"windows": _}:
            return {"series": inputs["series"]}
    target = TensorType("int64", (n, symbol("T")))
    source = TensorType("int64", (n, symbol("S")))
    mask = TensorType("bool", source.dims)
    return {"source": source, "mask": mask, "target": target, "next": target}


def drawn(types: Mapping[str, TensorType], source: torch.Generator) -> dict[str, Tensor]:
    """Random values of the fields, for every item."""

    def number(size: Size) -> int:
        known = substitute(size, {"N": ITEMS})
        return known if isinstance(known, int) else LENGTH

    found: dict[str, Tensor] = {}
    for name, type in types.items():
        dims = [number(size) for size in type.dims]
        values = torch.rand(dims, generator=source)
        found[name] = (2 * values).long() if name in WHOLE else values
        if type.dtype == "bool":
            found[name] = torch.ones(dims, dtype=torch.bool)
    return found


@pytest.mark.parametrize("spec", trained())
def test_a_turn_moves_the_weights_of_every_update(spec: str) -> None:
    program = small(spec)
    training = read(program, {"batch": BATCH})
    types = fields(program, training.data)
    graphs = join(program, training, types)
    for update in training.updates:
        outputs = graphs.program.models[graphs.models[update.name]].output_types()
        assert {str(outputs[term]) for term in update.loss} == {"float32[]"}
    part = InMemory(drawn(types, torch.Generator().manual_seed(0)))
    data = DataSet(spec, {"train": part, "val": part}, types)
    torch.manual_seed(0)
    loop = Loop(Trainee(program, graphs, None, 0), training, graphs, data, Device(cpu=True))
    before = {name: value.clone() for name, value in loop.trainee.shared.items()}
    loop.next_turn()
    after = loop.trainee.shared
    for update in training.updates:
        for model in update.models:
            names = [f"{loop.trainee.prefix}{n}" for n in loop.trainee.parameters_of((model,))]
            assert any(not torch.equal(before[name], after[name]) for name in names), model


@pytest.mark.parametrize("spec", trained())
def test_nothing_is_wrong_with_a_section(spec: str) -> None:
    assert check(small(spec)) == []


def test_the_zoo_says_how_to_train() -> None:
    assert {"vae", "cyclegan", "seq2seq"} <= set(trained())


SHARED = """
archc: 1
models:
  a: {inputs: {x: [N, 4]}, graph: [{linear: 1, name: fc}]}
  b: {inputs: {x: [N, 4]}, graph: [{linear: 1, name: fc}]}
train:
  data: none
  optimizer: {sgd: {lr: 0.1}}
  schedule: cosine
  clip: 2.0
  average: 0.9
  updates:
    - {name: first, model: a, graph: [{a: [x]}, {mean, name: y}], loss: {y: 1}}
    - name: second
      model: b
      graph: [{b: [x]}, {mean, name: y}]
      loss: {y: =progress}
      optimizer: adam
      clip: {value: 0.5}
"""


def test_what_an_update_does_not_say_the_section_does() -> None:
    first, second = read(compile_text(SHARED)).updates
    assert (first.optimizer.name, second.optimizer.name) == ("sgd", "adam")
    assert first.schedule is not None and second.schedule is not None
    assert (first.clip.name, first.clip.options) == ("norm", {"value": 2.0})
    assert (second.clip.name, second.clip.options) == ("value", {"value": 0.5})
    assert (first.average, second.average) == (0.9, 0.9)
    assert at(first.loss["y"], Moment(0, 0.0, 0.5)) == 1.0
    assert at(second.loss["y"], Moment(0, 0.0, 0.5)) == 0.5
