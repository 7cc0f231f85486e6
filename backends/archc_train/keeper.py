"""What a training remembers besides the loop's state: the log, the best so far, how long ago."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from archc.errors import CheckError, InputError, render
from archc.train import Training
from archc.train.moment import Timed
from archc.train.news import News
from archc_train.average import averaged
from archc_train.board import Board
from archc_train.checkpoint import check_fingerprint, fingerprint
from archc_train.curves import draw
from archc_train.evaluate import evaluate
from archc_train.loop import Loop
from archc_train.metrics import RANKINGS, untold
from archc_train.run import Run
from archc_train.trainee import Values

LOG = logging.getLogger("archc.train")
LOG_EVERY = 50  # turns between lines of the log, fewer in a short training
POINTS = 100  # lines that even a short one has
DRAW_EVERY = 120.0  # seconds between drawings of the curves


class Keeper:
    """Writes a run while a loop goes on. In several processes all call it, and one writes."""

    def __init__(self, run: Run, training: Training, loop: Loop, phase: int) -> None:
        self.run, self.training, self.loop, self.phase = run, training, loop, phase
        self.writes = loop.device.is_main
        self.every = training.evaluate or loop.turns_per_epoch
        self.log_every = min(LOG_EVERY, max(1, loop.turns // POINTS))
        self.belongs = fingerprint(training, loop.graphs, loop.data)
        self.rule = rule_of(training)
        self.board: Board | None = None
        self.best: dict[str, float] = {}
        self.chosen: dict[str, int] = {}  # each update's steps when the best weights were made
        self.worse = 0  # evaluations since the best
        self.noted = False  # whether it was said what evaluations cannot tell
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}  # not every update is made in every turn
        self.began = self.saved_at = self.drawn_at = time.monotonic()

    def begin(self, saved: Mapping[str, Any] | None) -> None:
        """Goes on from what was saved in this phase, or saves the beginning."""
        if saved is not None:
            self.load(saved)
        else:
            if self.writes:
                self.run.forget_after(self.phase, -1)
            self.save()
        if self.writes:
            self.board = Board(self.run, self.phase, self.loop.turn)

    @property
    def finished(self) -> bool:
        """Whether the last evaluations were all worse than the best."""
        patience = self.training.patience
        return patience is not None and self.worse >= patience

    @property
    def clock(self) -> dict[str, float]:
        """When, as the log says it."""
        return {"phase": self.phase, "turn": self.loop.turn, "epoch": round(self.loop.epoch, 6)}

    # ---- the log

    def note(self, terms: Mapping[str, Values]) -> None:
        """Adds a turn's terms to the sums; nothing waits for the device."""
        many = len(self.loop.learners) > 1
        for update, values in terms.items():
            for name, value in values.items():
                key = f"{update}.{name}" if many else name
                self.sums[key] = self.sums[key] + value if key in self.sums else value
                self.counts[key] = self.counts.get(key, 0) + 1

    def logged(self) -> News:
        """Writes a line with the means since the last one."""
        self.look()
        measured = {name: float(value) / self.counts[name] for name, value in self.sums.items()}
        self.sums, self.counts = {}, {}
        rates = {f"rate.{name}": one.rate() for name, one in self.loop.learners.items()}
        self.tell({**measured, **rates})
        return self.news(measured)

    def look(self) -> None:
        """Raises CheckError E810 for a loss that was not finite since somebody looked.

        The turns since the last checkpoint are made again, so that it can be said where.
        """
        wrong, until = self.loop.watch.wrong(), self.loop.turn
        if not self.loop.device.agreed(bool(wrong)):
            return
        saved = self.run.saved()
        assert saved is not None
        self.loop.load(saved["loop"])
        since, self.loop.careful = self.loop.turn, True
        while self.loop.turn < until:
            self.loop.next_turn()
        raise CheckError.of(
            "E810",
            f"{', '.join(wrong) or 'a loss'} was not finite between turns {since} and {until}",
            notes=("it was finite when the same turns were made again",),
        )

    def tell(self, values: Mapping[str, float]) -> None:
        """Writes the numbers to the log and to TensorBoard."""
        if self.board is not None:
            self.run.log({**self.clock, **values})
            self.board.add(self.loop.turn, values)

    def news(
        self, measured: Mapping[str, float], evaluation: bool = False, best: bool = False
    ) -> News:
        loop, seconds = self.loop, time.monotonic() - self.began
        return News(loop.turn, loop.turns, loop.epoch, measured, seconds, evaluation, best)

    # ---- evaluation

    def tried(self) -> None:
        """Measures once before the first turn, so that what is wrong is not told after an epoch.

        One batch shows it, but of a ranking that chooses the weights all items do. Raises
        SpecError, and InputError E807 for a ranking that the validation part cannot tell.
        """
        name = None if self.rule is None else self.rule[0]
        ranked = [one.name for one in self.training.metrics if one.kind in RANKINGS]
        found = self.measured(trial=name not in ranked)
        if name in ranked and name not in found:
            why = untold(self.training, found, "val")[name]
            what = f"'best' asks for '{name}', which cannot be told on the val part"
            raise InputError.of("E807", what, why.place, notes=why.notes, help="best: loss")

    def warn(self, found: Mapping[str, float]) -> None:
        """Says once what evaluations leave out."""
        if self.writes and not self.noted:
            for warning in untold(self.training, found, "val").values():
                LOG.warning("%s", render(warning))
        self.noted = True

    def measured(self, trial: bool = False) -> dict[str, float]:
        """The validation part's numbers; a `trial` of one batch shows that they can be had."""
        loop, data = self.loop, self.loop.data.val
        return evaluate(
            loop.trainee, self.training, loop.graphs, loop.moments, data, loop.device, trial=trial
        )

    def evaluated(self) -> News:
        """Measures, keeps the weights if they are the best, and saves."""
        self.look()
        loop = self.loop
        with averaged(one.average for one in loop.learners.values()):
            found = self.measured()
            self.warn(found)
            best = self.better(found)
            if best:
                self.best, self.worse = {"epoch": round(loop.epoch, 6), **found}, 0
                self.chosen = {name: one.done for name, one in loop.learners.items()}
                self.save_weights("best.safetensors")
            else:
                self.worse += 1
        for name, learner in loop.learners.items():
            learner.judged(found["loss" if len(loop.learners) == 1 else f"{name}.loss"])
        self.tell({f"val.{name}": value for name, value in found.items()})
        self.save()
        if self.writes and time.monotonic() - self.drawn_at > DRAW_EVERY:
            self.draw()
        return self.news(found, evaluation=True, best=best and self.rule is not None)

    def better(self, found: Mapping[str, float]) -> bool:
        """Whether this evaluation beats the best; without a rule the latest does."""
        if self.rule is None or not self.best:
            return True
        name, more = self.rule
        new, old = found[name], self.best[name]
        if math.isnan(new) or math.isnan(old):
            return math.isnan(old)
        return new > old if more else new < old

    # ---- checkpoints

    def save(self) -> None:
        self.look()
        state = {
            "belongs": self.belongs,
            "phase": self.phase,
            "loop": self.loop.state(),
            "best": self.best,
            "chosen": self.chosen,
            "worse": self.worse,
            "sums": self.sums,
            "counts": self.counts,
        }
        if self.writes:
            self.run.save(state)
        self.saved_at = time.monotonic()

    def save_weights(self, name: str) -> None:
        """The weights as they are now, under the spec's names."""
        found = self.loop.device.whole(self.loop.trainee.weights())
        if self.writes:
            self.run.save_weights(name, found)

    def load(self, state: Mapping[str, Any]) -> None:
        """Raises InputError E811 for a checkpoint of another network, training or data."""
        check_fingerprint(state["belongs"], self.belongs, self.run.folder)
        self.loop.load(state["loop"])
        self.best, self.worse = dict(state["best"]), state["worse"]
        self.chosen = dict(state["chosen"])
        self.sums, self.counts = dict(state["sums"]), dict(state["counts"])
        if self.writes:
            self.run.forget_after(self.phase, self.loop.turn)

    def finish(self) -> None:
        """The weights at the end, the last checkpoint and the curves."""
        with averaged(one.average for one in self.loop.learners.values()):
            self.save_weights("weights.safetensors")
        self.save()
        self.close()
        self.loop.device.wait()  # the next phase begins with the file

    def close(self) -> None:
        if self.board is not None:
            self.board.close()
            self.draw()

    def draw(self) -> None:
        draw(self.run)
        self.drawn_at = time.monotonic()


def rule_of(training: Training) -> tuple[str, bool] | None:
    """By what the best weights are chosen, and whether more is better.

    Where nothing is said: by the least loss, if there is one loss and its meaning stays. Losses of
    adversaries tell nothing, and one whose terms' weights change cannot be compared: there it is
    the latest.
    """
    if training.best is not None or len(training.updates) > 1:
        return training.best
    timed = any(isinstance(weight, Timed) for weight in training.updates[0].loss.values())
    return None if timed or training.numbers else ("loss", False)
