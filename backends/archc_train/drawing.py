"""Pictures from a generator: its inputs drawn as the training draws them, side by side in a PNG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archc.arrays import Array
from archc.errors import UsageError
from archc.files import replacing
from archc.ir.dims import symbol
from archc.ir.program import Definition, Program
from archc.ir.substitution import substitute
from archc.ir.types import FLOATING, TensorType
from archc.spec.data import Data, Sequence
from archc.train import Training, Update, join
from archc.train.data import record
from archc.train.moment import at
from archc.train.section import Choice, Metric
from archc_train.measuring import moments
from archc_train.run import Run
from archc_train.trainee import Trainee


def artist(program: Program, training: Training, model: str | None) -> str | None:
    """The model that draws: from what the training feeds, or else from numbers that it needs."""
    names = [model] if model is not None else list(program.models)
    fed = {*training.draws, *training.numbers}
    drawing = [name for name in names if output(program.models[name])]
    for name in drawing:
        if inputs(program.models[name]) <= fed:
            return name
    for name in drawing:
        types = program.models[name].input_types()
        own = {n: type for n, type in types.items() if n.partition(".")[0] not in fed}
        if all(type.rank != 4 and type.dtype in FLOATING for type in own.values()):
            return name
    return None


def inputs(model: Definition) -> set[str]:
    """Its inputs, lists by their own names."""
    return {name.partition(".")[0] for name in model.input_types()}


def output(model: Definition) -> str | None:
    """The output that is pictures, `[N, C, H, W]` of one or three colours; logits are the last."""
    found = [
        name
        for name, type in model.output_types().items()
        if type.rank == 4 and type.dtype in FLOATING and type.dims[1] in (1, 3)
    ]
    return next((name for name in found if "logits" not in name), found[0] if found else None)


def pictures(run: Run, program: Program, model: str, weights: Path, count: int) -> Array:
    """Drawn pictures, `[count, C, H, W]`.

    The training's own draws are used where an input has one; other inputs are normal noise, and
    numbers are as they were when the weights were made.
    """
    training = run.training(program)
    definition = program.models[model]
    name = output(definition)
    assert name is not None
    alone, fields = by_itself(training, definition, model, name)
    graphs = join(program, alone, fields)
    trainee = Trainee(program, graphs, weights, training.seed).eval()
    chosen = weights.name == "best.safetensors"
    when = next(iter(moments(run, training, run.about["items"], chosen).values()))
    values: dict[str, Tensor] = {n: torch.tensor(at(v, when)) for n, v in alone.numbers.items()}
    for one, type in fields.items():
        shape = [int(str(substitute(d, dict.fromkeys(type.symbols, count)))) for d in type.dims]
        values[one] = torch.randn(shape) if type.dtype in FLOATING else torch.zeros(shape).long()
    with torch.no_grad():
        images = trainee("drawing", values)[name]
    if "logits" in name:
        images = images.sigmoid()
    found: Array = images.float().numpy()
    return found


def by_itself(
    training: Training, definition: Definition, model: str, name: str
) -> tuple[Training, dict[str, TensorType]]:
    """A training whose only update calls the model, and what has to be fed to it."""
    fed = {*training.draws, *training.numbers}
    types = definition.input_types()
    fields = {n: type for n, type in types.items() if n.partition(".")[0] not in fed}
    listed = [one for one in fields if "." in one]
    if listed:
        what = f"{model} takes the list '{listed[0].partition('.')[0]}', which nothing draws"
        raise UsageError.of("E812", what, help="train: {feed: …} says how an input is drawn")
    place = training.place
    given = dict.fromkeys(inputs(definition))
    steps: list[Data] = [
        record({model: None, "in": record(given, place), "name": "made"}, place),
        record({"identity": None, "in": f"made.{name}", "name": name}, place),
        record({"mean": None, "in": name, "name": "mean"}, place),
    ]
    update = Update(
        "drawing", (model,), Sequence(steps, place), {"mean": 1.0}, place, Choice("sgd")
    )
    metrics = (Metric(name, "mean", (f"drawing.{name}",)),)
    n = symbol("N")
    fields["drawn_items"] = TensorType("int64", (n,))  # tells draws of [N, …] how many
    return replace(training, updates=(update,), metrics=metrics), fields


def save_grid(images: Array, path: Path, preprocess: Mapping[str, Any]) -> None:
    """The pictures side by side in a PNG file, their values brought to 0…255."""
    from PIL import Image

    if "mean" in preprocess:
        mean, deviation = (np.array(preprocess[k])[:, None, None] for k in ("mean", "deviation"))
        images = images * deviation + mean
    elif images.min() < -0.01:
        images = (images + 1) / 2
    columns = int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    _, channels, height, width = images.shape
    grid = np.ones((rows * (height + 2) + 2, columns * (width + 2) + 2, channels))
    for k, image in enumerate(images):
        y, x = divmod(k, columns)
        top, left = 2 + y * (height + 2), 2 + x * (width + 2)
        grid[top : top + height, left : left + width] = np.moveaxis(image, 0, -1)
    pixels = (grid.clip(0, 1) * 255).round().astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    with replacing(path) as file:
        picture.save(file, format="PNG")
