"""A run measured on any part of its data, or on other data."""

from __future__ import annotations

import logging
from pathlib import Path

from archc.errors import InputError, UsageError, render
from archc.train import Moment, Training, join, read
from archc_train.data.check import check, fitting
from archc_train.data.program import data_of
from archc_train.device import Device
from archc_train.evaluate import evaluate
from archc_train.learner import moment
from archc_train.loop import turns, turns_per_epoch
from archc_train.metrics import untold
from archc_train.run import Run
from archc_train.trainee import Trainee

LOG = logging.getLogger("archc.train")


def measure(
    folder: Path,
    *,
    part: str = "test",
    data: str | None = None,
    weights: str = "best.safetensors",
    device: str = "auto",
) -> dict[str, float]:
    """The loss's terms and the metrics of a run's weights, by name.

    `part` is train, val or test of the run's data, or of that at `data`. What changes with time is
    as it was when the weights were made. A metric that the part's items cannot tell is left out,
    with a warning. Raises ArchcError.
    """
    run = Run.open(folder)
    file = run.weights(weights)
    program = run.program(final=True)
    training, about = read(program, run.about["changes"]), run.about
    found = data_of(program, training, data or about["data"], about["download"], about.get("facts"))
    if part not in found.parts:
        parts = ", ".join(found.parts)
        what = f"{found.name} has no part '{part}'"
        raise UsageError.of("E811", what, help=f"--part val; there are {parts}")
    fitting(program, training, found)
    graphs = join(program, training, found.types)
    check(program, training, graphs, found)
    trainee = Trainee(program, graphs, file, training.seed)
    # What fp16 needs while training, nobody needs to measure.
    precision = "fp32" if training.precision == "fp16" else training.precision
    where = Device(precision, cpu=device == "cpu")
    when = moments(run, training, len(found.train), chosen=weights == "best.safetensors")
    measured = evaluate(where.place(trainee), training, graphs, when, found.parts[part], where)
    for warning in untold(training, measured, part).values():
        LOG.warning("%s", render(warning))
    return measured


def moments(run: Run, training: Training, items: int, chosen: bool) -> dict[str, Moment]:
    """When the weights were made: the best ones as they were chosen, others at the end."""
    per_epoch = turns_per_epoch(training, max(1, items // training.batch))
    try:
        saved = run.saved() or {}
    except InputError:  # it is of no use for going on, but what was trained can be measured
        saved = {}
    steps = {
        name: state["done"] for name, state in saved.get("loop", {}).get("learners", {}).items()
    }
    if chosen:
        steps |= saved.get("chosen", {})
    found = {}
    for update in training.updates:
        own = -(-turns(training, per_epoch) // update.every) * update.repeat
        each = per_epoch / update.every * update.repeat
        found[update.name] = moment(steps.get(update.name, own), own, each)
    return found
