"""A run measured on any part of its data, or on other data."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from archc.errors import InputError, UsageError, render
from archc.train import Moment, Training, join
from archc.train.news import Measured
from archc_train.data.check import check, fitting
from archc_train.data.program import data_of
from archc_train.data.raw import ALL
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
    part: str | None = None,
    data: str | None = None,
    weights: str = "best.safetensors",
    device: str = "auto",
) -> Measured:
    """The loss's terms and the metrics of a run's weights.

    `part` is train, val or test of the run's data, or of other data at `data`; without it the test
    part, or all of other data that has no parts of its own. What changes with time is as it was
    when the weights were made. A metric that the items cannot tell is left out, with a warning.
    Raises ArchcError.
    """
    run = Run.open(folder)
    file, about = run.weights(weights), run.about
    program = run.program(final=True)
    training = run.training(program)
    place = about["data"] if data is None else str(Path(data).resolve())
    other = place != about["data"]
    found = data_of(
        program, training, place, about["download"], about.get("facts"), measured=other, part=part
    )
    name = part or (ALL if ALL in found.parts else "test")
    if name not in found.parts:
        what = f"{found.name} has no part '{name}'"
        raise UsageError.of("E811", what, help=f"--part val; there are {', '.join(found.parts)}")
    items, trained = found.parts[name], about["items"] if other else len(found.train)
    found = replace(found, parts={name: items})
    fitting(program, training, found)
    graphs = join(program, training, found.types)
    check(program, training, graphs, found)
    trainee = Trainee(program, graphs, file, training.seed)
    # What fp16 needs while training, nobody needs to measure.
    precision = "fp32" if training.precision == "fp16" else training.precision
    where = Device(precision, cpu=device == "cpu")
    when = moments(run, training, trained, chosen=weights == "best.safetensors")
    numbers = evaluate(where.place(trainee), training, graphs, when, items, where)
    for warning in untold(training, numbers, name).values():
        LOG.warning("%s", render(warning))
    return Measured(found.name, name, len(items), numbers, where.is_main)


def moments(run: Run, training: Training, items: int, chosen: bool) -> dict[str, Moment]:
    """When the weights were made: the best ones as they were chosen, others at the end.

    `items` are those that the run was trained on.
    """
    per_epoch = turns_per_epoch(training, max(1, items // training.batch))
    try:
        saved = run.saved() or {}
    except InputError:  # it is of no use for going on, but what was trained can be measured
        saved = {}
    if saved.get("phase") != run.about.get("phase"):  # one that has no weights yet
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
