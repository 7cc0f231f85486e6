"""The loop: turns of all updates, batch by batch, which can stop after any turn and go on.

A turn makes every update in its order. The first begins with a new batch, each later one with the
batch at hand; a repetition or an accumulated part draws another one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from archc.train import Graphs, Moment, Training, Update
from archc.train.moment import at
from archc_train.data.augment import Augment
from archc_train.data.part import Batch, DataSet, Order, hash_of, stream
from archc_train.device import Device
from archc_train.finite import Watch, not_finite
from archc_train.learner import Learner
from archc_train.shards import spread
from archc_train.trainee import Trainee, Values, frozen


class Loop:
    """A training under way: its networks, its updates' learners, and where it is in the data."""

    def __init__(
        self,
        trainee: Trainee,
        training: Training,
        graphs: Graphs,
        data: DataSet,
        device: Device,
        seed: int | None = None,
    ) -> None:
        """`seed` is that of the order of batches and of all draws, the training's own without."""
        self.training, self.graphs, self.data, self.device = training, graphs, data, device
        self.seed = training.seed if seed is None else seed
        self.order = Order(len(data.train), training.batch, self.seed)
        self.turns_per_epoch = turns_per_epoch(training, self.order.per_epoch)
        self.turns = turns(training, self.turns_per_epoch)
        self.trainee = device.place(trainee)
        self.learners = {update.name: self.learner(update) for update in training.updates}
        self.freeze(*self.learners.values())
        if training.compile:
            self.trainee.compiled()
        self.network = device.wrap(self.trainee)
        self.augment = Augment(training.augment, graphs, data) if training.augment else None
        self.careful = device.instant  # whether each loss is looked at before its gradients
        self.watch = Watch()
        self.turn = 0  # how many are done
        self.drawn = 0  # how many batches were
        self._batches: Iterator[Batch] | None = None
        device.seed(self.seed)

    def learner(self, update: Update) -> Learner:
        steps = -(-self.turns // update.every) * update.repeat
        per_epoch = self.turns_per_epoch / update.every * update.repeat
        return Learner(update, self.trainee, self.device, steps, per_epoch)

    def freeze(self, *learners: Learner) -> None:
        """Only the weights of these learners ask for gradients."""
        kept = {id(value) for one in learners for value in one.parameters.values()}
        frozen(self.trainee.parameters(), kept)

    @property
    def epoch(self) -> float:
        return self.turn / self.turns_per_epoch

    @property
    def moments(self) -> dict[str, Moment]:
        """When, for each update."""
        return {name: learner.moment for name, learner in self.learners.items()}

    # ---- one turn

    def next_turn(self) -> dict[str, Values]:
        """Makes every update once; the terms of each update's last step, by the update's name.

        Raises CheckError E810 where a loss is not finite, if looking is free; else the `watch` will
        know.
        """
        if not self.network.training:
            self.network.train()
        batch: Batch = {}
        earlier: Values = {}
        terms: dict[str, Values] = {}
        for update in self.training.updates:
            if self.turn % update.every:
                continue
            learner = self.learners[update.name]
            if len(self.learners) > 1:
                self.freeze(learner)
            outputs: Values = {}
            for k in range(update.repeat * update.accumulate):
                if not batch or k:
                    batch = self.draw()
                outputs = self.part(learner, {**batch, **earlier}, k)
            terms[update.name] = {name: outputs[name].detach() for name in update.loss}
            earlier |= {f"{update.name}.{name}": v.detach() for name, v in outputs.items()}
        self.turn += 1
        return terms

    def part(self, learner: Learner, values: Values, number: int) -> Values:
        """A forward and backward pass, and the step if this completes one; the outputs."""
        found: list[Values] = []

        def closure() -> Tensor:
            outputs, total = self.backward(learner, values)
            found.append(outputs)
            return total

        complete = (number + 1) % learner.update.accumulate == 0
        if not learner.asks_again:
            with nullcontext() if complete else self.device.gathering(self.network):
                closure()
        if complete:
            learner.step(closure)
        return found[0]

    def backward(self, learner: Learner, values: Values) -> tuple[Values, Tensor]:
        """Adds to the gradients; the update's outputs and its loss."""
        update = learner.update
        if self.training.numbers:
            values = {**values, **numbers(self.training, learner.moment, self.device)}
        before = self.device.random_state() if self.careful else {}
        with self.device.precision():
            outputs: Values = self.network(update.name, values)
        total = learner.total(outputs)
        if not self.careful:
            self.watch.add(update.name, total)
        elif self.device.agreed(not math.isfinite(total.item())):
            self.device.set_random_state(before)  # the same is drawn when it is looked at
            raise not_finite(self.trainee, learner, values, outputs)
        self.device.backward(total / update.accumulate if update.accumulate > 1 else total)
        return outputs, total

    def draw(self) -> Batch:
        """The next batch, on the device."""
        if self._batches is None:
            self._batches = stream(self.data.train, self.order, self.drawn, self.device.share)
        batch = self.device.move(next(self._batches))
        self.drawn += 1
        return batch if self.augment is None else self.augment(batch)

    # ---- stopping and going on

    def state(self) -> dict[str, Any]:
        """All that the next turn depends on; all processes ask, and the main one gets it."""
        weights = {name: value.detach() for name, value in self.trainee.shared.items()}
        learners = {name: learner.state() for name, learner in self.learners.items()}
        return {
            "weights": self.device.whole(weights),
            "learners": self.device.whole(learners),
            "turn": self.turn,
            "drawn": self.drawn,
            "random": self.device.collected(self.device.random_state()),
            "scale": self.device.scale_state(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        with torch.no_grad():
            for name, value in state["weights"].items():
                own = self.trainee.shared[name]
                own.copy_(spread(value, own))
        for name, learner in self.learners.items():
            learner.load(state["learners"][name])
        self.device.load_scale_state(state["scale"])
        self.turn, self.drawn = state["turn"], state["drawn"]
        if self.device.rank < len(state["random"]):
            self.device.set_random_state(state["random"][self.device.rank])
        else:  # there are more processes than there were
            self.device.seed(hash_of(self.seed, self.turn))
        self._batches = None


def turns(training: Training, per_epoch: int) -> int:
    """How many turns the training has."""
    if training.steps is not None:
        return training.steps
    return max(1, round((training.epochs or 1) * per_epoch))


def turns_per_epoch(training: Training, batches: int) -> int:
    """How many turns use up so many batches."""
    more = sum((u.repeat * u.accumulate - 1) / u.every for u in training.updates)
    first = 1 / min(update.every for update in training.updates)
    return max(1, int(batches / (first + more)))


def numbers(training: Training, moment: Moment, device: Device) -> Values:
    """The numbers that are fed, as they are at a moment."""
    return {name: device.number(at(value, moment)) for name, value in training.numbers.items()}
