"""A whole training: turns, evaluations, checkpoints, and when to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from archc.errors import CheckError, InputError, SpecError, render
from archc.interrupt import interruptible
from archc.ir.program import Program
from archc.train import Training, join
from archc.train.measures import result_names
from archc.train.news import Begun, Tell, silence
from archc_train.data.check import check, entry_place, fitting
from archc_train.data.part import DataSet, hash_of
from archc_train.device import Device
from archc_train.interrupt import Stopped
from archc_train.keeper import Keeper, rule_of
from archc_train.loop import Loop
from archc_train.run import Run
from archc_train.trainee import Trainee

LOG = logging.getLogger("archc.train")
SAVE_EVERY = 60.0  # seconds between checkpoints, besides those of every evaluation
AGREE_EVERY = 10  # turns between questions that several processes must answer alike


def train(
    program: Program,
    training: Training,
    data: DataSet,
    run: Run,
    *,
    weights: Any = None,
    device: Device | None = None,
    phase: int = 0,
    tell: Tell = silence,
) -> dict[str, float]:
    """Trains one phase, or goes on with it where the run stopped; the best evaluation's numbers.

    Leaves `best.safetensors` and `weights.safetensors` in the run. Raises SpecError, InputError,
    CheckError E810 where a loss is not finite, Stopped after Ctrl-C.
    """
    device = device or Device(training.precision)
    fitting(program, training, data)
    graphs = join(program, training, data.types)
    warnings = check(program, training, graphs, data)
    for warning in warnings if phase == 0 else ():  # which later ones would repeat
        LOG.warning("%s", render(warning))
    sensible(program, training, data, device)
    trainee = Trainee(program, graphs, weights, training.seed)
    seed = training.seed if phase == 0 else hash_of(training.seed, f"phase {phase}")
    loop = Loop(trainee, training, graphs, data, device, seed)
    keeper = Keeper(run, training, loop, phase)
    keeper.tried()
    saved = run.saved()
    with going_on(run):
        keeper.begin(saved if saved is not None and saved["phase"] == phase else None)
        tell(begun(program, training, loop, run, phase))
        try:
            stopped = turned(loop, keeper, run, tell)
        except CheckError:
            keeper.close()  # with the curves until then
            raise
        keeper.finish()
        if stopped and phase + 1 < len(training.phases):
            raise Stopped(run.folder, loop.turn, loop.turns)
    return dict(keeper.best)


def turned(loop: Loop, keeper: Keeper, run: Run, tell: Tell) -> bool:
    """Makes all turns that are left; whether it was asked to stop during the last of them.

    Raises Stopped where it was before.
    """
    device, agreeing = loop.device, 1 if loop.device.count == 1 else AGREE_EVERY
    with interruptible() as asked:
        while loop.turn < loop.turns and not keeper.finished:
            keeper.note(loop.next_turn())
            last = loop.turn == loop.turns
            if loop.turn % keeper.log_every == 0 or last:
                tell(keeper.logged())
            if loop.turn % keeper.every == 0 or last:
                tell(keeper.evaluated())
            if loop.turn % agreeing == 0 and not last:
                if device.agreed(asked.is_set()):
                    keeper.save()
                    keeper.close()
                    raise Stopped(run.folder, loop.turn, loop.turns)
                if device.agreed(time.monotonic() - keeper.saved_at > SAVE_EVERY):
                    keeper.save()
        return device.agreed(asked.is_set())


def sensible(program: Program, training: Training, data: DataSet, device: Device) -> None:
    """Raises SpecError and InputError for settings that cannot be followed."""
    if rule_of(training) is None and training.patience is not None:
        what = "'patience' waits for a better evaluation, and nothing says what is better"
        place = entry_place(program, training, "patience")
        raise SpecError.of(
            "E203", what, place, help=f"best: {{minimize: {result_names(training)[-1]}}}"
        )
    if training.batch % device.count:
        what = f"a batch of {training.batch} cannot be shared among {device.count} processes"
        place = entry_place(program, training, "batch")
        help = f"batch: {-(-training.batch // device.count) * device.count}"
        raise InputError.of("E813", what, place, help=help)


def begun(program: Program, training: Training, loop: Loop, run: Run, phase: int) -> Begun:
    items = {name: len(part) for name, part in loop.data.parts.items()}
    return Begun(
        run.folder, program.name, program.params, loop.data.name, items, loop.device.name,
        training.precision, training.batch, loop.turns, loop.turns_per_epoch, loop.turn, phase,
        max(1, len(training.phases)), tuple(result_names(training)), rule_of(training),
    )  # fmt: skip


@contextmanager
def going_on(run: Run) -> Iterator[None]:
    """Tells how to go on where the disk had no room."""
    try:
        yield
    except InputError as error:
        if not any(one.code in ("E520", "E521") for one in error.diagnostics):
            raise
        LOG.error("the last checkpoint is whole; with room: archc train --resume %s", run.folder)
        raise
