"""The updates of `train` sections: steps over the spec's own models, which give losses."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from torch_backend.small import SMALL

import archc
import archc_torch
from archc.sample import inputs
from archc.spec.data import plain
from archc.spec.reader import read_text

# The ops that only training has, written with others.
LOSSES = """
binary_cross_entropy_with_logits:
  inputs: [x, target]
  graph: [{softplus, in: x, name: all}, {mul: [x, target]}, {sub: [all, prev]}, mean]
mse: {inputs: [x, target], graph: [{sub: [x, target]}, square, mean]}
l1: {inputs: [x, target], graph: [{sub: [x, target]}, abs, mean]}
image_pool: {params: {size: int}, graph: [identity]}
gradient_penalty:
  inputs: {real, fake: {optional: true}, alpha: {optional: true}}
  params: {model: str, target: 1.0}
  graph: [{add: [real, fake], name: slope}, {sub: [slope, =target]}, square, mean]
"""


def training(spec: str) -> archc.Program:
    """The updates of a `train` section as one model: data and feeds are inputs, losses outputs."""
    data = plain(archc.compile(spec).file.data)
    train = data.pop("train")
    images = next(m["inputs"]["image"] for m in data["models"].values() if "image" in m["inputs"])
    source = train["data"]
    fields = (
        ["image"]
        if isinstance(source, str)
        else [new for s in source.values() for new in s.values()]
    )
    inputs: dict[str, Any] = dict.fromkeys(fields, images)
    for name, drawn in train.get("feed", {}).items():
        if isinstance(drawn, str) or "value" in drawn:  # one number
            inputs[name] = {"shape": []}
            continue
        ((how, what),) = ((key, value) for key, value in drawn.items() if key != "repeat")
        assert how in {"normal", "uniform", "integers", "ones"}
        inputs[name] = {
            "shape": what["shape"] if isinstance(what, dict) else what,
            "dtype": "int64" if how == "integers" else "float32",
            **{key: value for key, value in drawn.items() if key == "repeat"},
        }
    graph, outputs = [], {}
    for update in train["updates"]:
        models = update["model"] if isinstance(update["model"], list) else [update["model"]]
        assert set(models) <= set(data["models"])
        steps = [{k: v for k, v in step.items() if k != "detach"} for step in update["graph"]]
        graph.append({"name": update["name"], "do": steps})
        outputs |= {
            f"{update['name']}_{term}": f"{update['name']}.{term}" for term in update["loss"]
        }
    outputs |= train.get("metrics", {})
    data["models"]["objective"] = {"inputs": inputs, "graph": graph, "outputs": outputs}
    blocks = {**data.pop("blocks", {}), **plain(read_text(LOSSES, "losses"))}
    text = json.dumps({**data, "blocks": blocks})
    text = re.sub(r'": "(int|float|str|list)"', r'": \1', text)  # the names of types stand bare
    return archc.compile_text(text, set=SMALL[spec])


@pytest.mark.parametrize(
    "spec", ["gan", "dcgan", "wgan", "wgan_gp", "gman", "cyclegan", "stylegan"]
)
def test_the_losses_of_a_train_section_are_numbers_that_its_models_give(spec: str) -> None:
    program = training(spec)
    model = program.models["objective"]
    assert {str(type) for type in model.output_types().values()} == {"float32[]"}
    sizes = dict.fromkeys(model.symbols(), 2)
    module = archc_torch.module(program, model="objective")
    found = archc_torch.evaluate(module, inputs(model, sizes))
    assert all(np.isfinite(value) for value in found.values())
