"""Candidates trained by their own `train:` section, rung by rung, and scored on validation data."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from archc.arrays import Array
from archc.errors import EvaluationError
from archc.ir.program import Program
from archc.safetensors import read as open_safetensors
from archc.safetensors import write_safetensors
from archc.search.candidate import Candidate
from archc.search.section import Evaluation
from archc.search.trial import STATE, Task
from archc.train import Graphs, Training, join, read
from archc.train.sources import sources
from archc.weights import open_weights
from archc_search.alike import heir
from archc_train import checkpoint
from archc_train.average import averaged
from archc_train.data.check import check, fitting
from archc_train.data.part import DataSet
from archc_train.data.program import data_of
from archc_train.device import Device
from archc_train.evaluate import evaluate
from archc_train.loop import Loop
from archc_train.trainee import Trainee

LOG = logging.getLogger("archc.search")
SPEC, WEIGHTS = "spec.yaml", "weights.safetensors"  # in a trial's folder


@dataclass(frozen=True, slots=True)
class Begun:
    """A candidate ready to be trained. `gap` is how far it is from its parent, if it has one."""

    program: Program
    training: Training
    graphs: Graphs
    data: DataSet
    trainee: Trainee
    gap: float | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Where the files of the data are, whether they may be fetched, and where it is trained."""

    data: str | None = None
    download: bool = False
    device: str = "cpu"


WHERE = Where()


class Trainer:
    """Trains candidates of one search in one process; what they share is loaded once."""

    def __init__(
        self,
        evaluation: Evaluation,
        seed: int,
        origin: Candidate,
        where: Where = WHERE,
    ) -> None:
        """Raises as `read` and `data_of`."""
        self.evaluation, self.seed, self.where = evaluation, seed, where
        self.spec = origin.file.path or Path("spec.yaml")
        self.sets: dict[str, DataSet] = {}
        self.data(origin, self.training(origin))

    def training(self, candidate: Candidate) -> Training:
        """The candidate's own, as long as the last rung: schedules end there."""
        epochs = self.evaluation.epochs
        return read(candidate.program, {"epochs": epochs[-1]} if epochs else {})

    def data(self, candidate: Candidate, training: Training) -> DataSet:
        """The set that the training means, its parts drawn as the spec's own seed says.

        Candidates that mean the same share it, if they come one after the other: sets may be large.
        """
        program = candidate.program
        preprocess = program.metadata.get("preprocess")
        key = repr((training.data, sources(program), training.split, training.seed, preprocess))
        if key not in self.sets:
            self.sets = {}
            self.sets[key] = data_of(program, training, self.where.data, self.where.download)
        return self.sets[key]

    def begun(self, candidate: Candidate, task: Task, inherits: bool = True) -> Begun:
        """The candidate, with its parent's weights where it `inherits` and the search lets it."""
        training = self.training(candidate)
        data = self.data(candidate, training)
        training = replace(training, seed=self.seed)
        fitting(candidate.program, training, data)
        graphs = join(candidate.program, training, data.types)
        check(candidate.program, training, graphs, data)
        weights, distance = self.first(candidate, task) if inherits else (None, None)
        trainee = Trainee(candidate.program, graphs, weights, training.seed)
        return Begun(candidate.program, training, graphs, data, trainee, distance)

    def first(
        self, candidate: Candidate, task: Task
    ) -> tuple[dict[str, Array] | None, float | None]:
        """The weights of the first parent that left any, fitted; None where initial ones serve."""
        if not self.evaluation.inherit:
            return None, None
        for folder in task.parents:
            found = weights_of(folder)
            if found is not None:
                text = (folder / SPEC).read_text("utf-8")
                parent = Candidate.read(text, self.spec).program
                return heir(parent, found, candidate.program, self.seed)
        return None, None

    def loop(self, begun: Begun) -> Loop:
        device = Device(begun.training.precision, cpu=self.where.device == "cpu")
        return Loop(begun.trainee, begun.training, begun.graphs, begun.data, device)

    def measured(self, begun: Begun, loop: Loop, trial: bool = False) -> dict[str, float]:
        """The numbers of the validation part; of a `trial` those of one batch."""
        return evaluate(
            loop.trainee, begun.training, begun.graphs, loop.moments, begun.data.val, loop.device,
            trial=trial,
        )  # fmt: skip

    def warm(self, origin: Candidate) -> None:
        """Measures one batch with the spec that the search began with.

        What torch, Accelerate and the metrics import when they are first used takes seconds, which
        are not to count as a candidate's. Raises what would fail for every candidate.
        """
        try:
            begun = self.begun(origin, Task(0, Path()))
            self.measured(begun, self.loop(begun), trial=True)
        except (RuntimeError, MemoryError) as error:  # no room for it: a candidate may be smaller
            LOG.warning("the spec itself cannot be evaluated: %s", error)

    def __call__(self, candidate: Candidate, task: Task) -> dict[str, float]:
        """Trains to the task's rung, and measures the validation part.

        Raises EvaluationError where a number is not finite.
        """
        saved = checkpoint.load(task.folder / STATE)
        begun = self.begun(candidate, task, inherits=saved is None)
        loop = self.loop(begun)
        if saved is not None:
            loop.load(saved["loop"])
        distance = begun.gap if saved is None else saved["gap"]
        until = self.until(loop, task.rung)
        while loop.turn < until:
            loop.next_turn()
        if loop.watch.wrong():
            raise EvaluationError.of("E865", "a loss was not finite")
        with averaged(one.average for one in loop.learners.values()):
            found = self.measured(begun, loop)
            if any(not math.isfinite(value) for value in found.values()):
                raise EvaluationError.of("E865", "a number of the evaluation is not finite")
            if self.evaluation.inherit:
                leave(candidate, task, loop)
        if until < loop.turns:
            task.folder.mkdir(parents=True, exist_ok=True)
            checkpoint.save(task.folder / STATE, {"loop": loop.state(), "gap": distance})
        return found if distance is None else {**found, "inherited_gap": distance}

    def until(self, loop: Loop, rung: int) -> int:
        """The turn at which a rung ends."""
        epochs = self.evaluation.epochs
        if not epochs or rung >= len(epochs) - 1:
            return loop.turns
        return max(1, round(epochs[rung] * loop.turns_per_epoch))


def leave(candidate: Candidate, task: Task, loop: Loop) -> None:
    """Writes what the candidate's children begin with: the weights that it was measured by."""
    task.folder.mkdir(parents=True, exist_ok=True)
    (task.folder / SPEC).write_text(candidate.text(), encoding="utf-8")
    weights = {name: value.detach().cpu() for name, value in loop.trainee.weights().items()}
    with open_weights(weights) as entries:
        write_safetensors(task.folder / WEIGHTS, entries.values())


def weights_of(folder: Path) -> dict[str, Array] | None:
    """What a trial left for its children, if it came so far."""
    path = folder / WEIGHTS
    if not path.exists():
        return None
    with open_safetensors(path) as entries:
        return {name: np.array(entry.array()) for name, entry in entries.items()}
