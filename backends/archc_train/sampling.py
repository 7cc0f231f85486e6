"""Drawing from a run: a language model's text, a generator's pictures."""

from __future__ import annotations

from pathlib import Path

import torch

from archc.errors import UsageError, did_you_mean
from archc.ir.program import Program
from archc.train import Training
from archc_train.drawing import artist, pictures, save_grid
from archc_train.run import Run
from archc_train.writing import author, written

NEITHER = "--model NAME; it takes `tokens` and gives logits, or gives pictures and takes none"


def sample(
    folder: Path,
    *,
    model: str | None = None,
    count: int = 16,
    length: int = 400,
    prompt: str | None = None,
    temperature: float = 1.0,
    top: int | None = None,
    seed: int = 0,
    output: Path | None = None,
    last: bool = False,
) -> str:
    """Text, or the path of a picture with a grid of `count` drawn ones.

    What is drawn follows from the model: one that takes tokens and gives a vocabulary's logits
    writes text, one with an output of pictures `[N, C, H, W]` draws. The weights are the best, or
    the `last`. Raises UsageError E703, E706, E812.
    """
    check(count, length, temperature, top)
    run = Run.open(folder)
    weights = run.weights("weights.safetensors" if last else "best.safetensors")
    program = run.program(final=True)
    if model is not None and model not in program.models:
        help = did_you_mean(model, program.models)
        raise UsageError.of("E703", f"the spec has no model '{model}'", help=help)
    generator = torch.Generator().manual_seed(seed)
    writes = author(program, model)
    if writes is not None:
        return written(run, program, writes, weights, prompt, length, temperature, top, generator)
    training = run.training(program)
    name = artist(program, training, model)
    if name is None:
        if model is None:
            what = f"no model of {program.name} draws or writes by itself"
            raise UsageError.of("E812", what, help=NEITHER)
        definition = program.models[model]
        types = [(definition.input_types(), "takes"), (definition.output_types(), "gives")]
        told = [f"it {does} {', '.join(f'{n} {t}' for n, t in of.items())}" for of, does in types]
        others = [one for one in program.models if drawn_by(program, training, one)]
        what = f"the model '{model}' neither draws nor writes by itself"
        help = f"--model {' or '.join(others)}" if others else NEITHER
        raise UsageError.of("E812", what, notes=told, help=help)
    target = output or folder / "samples.png"
    torch.manual_seed(seed)
    images = pictures(run, program, name, weights, count)
    save_grid(images, target, run.about.get("facts", {}).get("preprocess", {}))
    return target.as_posix()


def draws(run: Run) -> bool:
    """Whether there is something to draw from a run."""
    program = run.program(final=True)
    if author(program, None) is not None:
        return bool(run.about.get("facts", {}).get("vocabulary"))
    return artist(program, run.training(program), None) is not None


def drawn_by(program: Program, training: Training, model: str) -> bool:
    """Whether a model draws or writes."""
    return author(program, model) is not None or artist(program, training, model) is not None


def check(count: int, length: int, temperature: float, top: int | None) -> None:
    """Raises UsageError E706 for numbers that mean nothing."""
    wrong = {
        f"--count {count}: at least one": count < 1,
        f"--length {length}: not negative": length < 0,
        f"--temperature {temperature}: not negative": not temperature >= 0,
        f"--top {top}: at least one": top is not None and top < 1,
    }
    for what, there in wrong.items():
        if there:
            raise UsageError.of("E706", what)
