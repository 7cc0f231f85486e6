"""One update's own state: its weights, its optimisers and how they step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, Adafactor, Optimizer, Rprop
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from archc.errors import InputError, SpecError
from archc.train import Moment, Update
from archc.train.moment import at
from archc_train import shards
from archc_train.average import Average
from archc_train.device import Device
from archc_train.optimizers import asks_again, optimizers
from archc_train.schedules import schedule
from archc_train.trainee import Trainee

WHOLE = (Adafactor, LBFGS, Rprop)  # torch has no rules for some of their operations on DTensors
Closure = Callable[[], Tensor]


class Learner:
    """An update with its optimisers, schedules and averages."""

    def __init__(
        self, update: Update, trainee: Trainee, device: Device, steps: int, per_epoch: float
    ) -> None:
        """`steps` are all that it will make, `per_epoch` those of an epoch. Raises SpecError."""
        self.update, self.device, self.steps, self.per_epoch = update, device, steps, per_epoch
        self.parameters = trainee.parameters_of(update.models)
        self.optimizers = optimizers(update.optimizer, self.parameters)
        if device.sharded:
            shardable(update, self.optimizers)
        self.asks_again = any(map(asks_again, self.optimizers))
        if self.asks_again:
            alone(update, len(self.optimizers), device)
        made = [schedule(update.schedule, one, steps, per_epoch) for one in self.optimizers]
        self.schedules = [one for one in made if one is not None]
        self.average: Average | None = None
        if update.average is not None:
            tensors = {**self.parameters, **trainee.buffers_of(update.models)}
            self.average = Average(update.average, tensors)
        self.done = 0

    @property
    def moment(self) -> Moment:
        """When, by its own steps."""
        return moment(self.done, self.steps, self.per_epoch)

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of the loss's terms."""
        return weighted(self.update, terms, self.moment)

    # ---- steps

    def step(self, closure: Closure) -> None:
        """Moves the weights by their gradients, which it clears.

        `closure` computes loss and gradients anew, for optimisers that ask for that.
        """
        if self.asks_again:
            self.optimizers[0].step(lambda: self.device.mean(self.again(closure)))
            moved = True
        else:
            moved = self.device.step(self.optimizers, self.clip)
        self.clear()
        if self.update.clip_weights is not None:
            limit = self.update.clip_weights
            with torch.no_grad():
                for weight in self.parameters.values():
                    weight.clamp_(-limit, limit)
        if moved:
            for one in self.schedules:
                if not isinstance(one, ReduceLROnPlateau):
                    one.step()
        self.done += 1
        if self.average is not None:
            self.average.follow(self.done)

    def again(self, closure: Closure) -> Tensor:
        self.clear()
        loss = closure()
        self.clip()
        return loss.detach()

    @torch.no_grad()
    def clip(self) -> None:
        clip = self.update.clip
        if clip is None:
            return
        most = float(clip.options["value"])
        if clip.name == "norm":
            self.device.clip_norm(self.parameters.values(), most)
        else:
            cut, whole = shards.gradients(self.parameters.values())
            for gradient in [*cut, *whole]:
                gradient.clamp_(-most, most)

    def clear(self) -> None:
        for one in self.optimizers:
            one.zero_grad(set_to_none=True)

    def judged(self, loss: float) -> None:
        """Tells schedules that wait for a plateau how the evaluation went."""
        for one in self.schedules:
            if isinstance(one, ReduceLROnPlateau):
                one.step(loss)

    def rate(self) -> float:
        """The learning rate of the first group of weights."""
        return float(self.optimizers[0].param_groups[0]["lr"])

    # ---- stopping and going on

    def state(self) -> dict[str, Any]:
        return {
            "optimizers": [one.state_dict() for one in self.optimizers],
            "schedules": [state_of(one) for one in self.schedules],
            "average": {} if self.average is None else self.average.values,
            "done": self.done,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(shards.spread_optimizer(optimizer, own))
        for one, own in zip(self.schedules, state["schedules"], strict=True):
            one.load_state_dict(own)
        if self.average is not None:
            self.average.load(state["average"])
        self.done = state["done"]


def alone(update: Update, optimizers: int, device: Device) -> None:
    """Raises SpecError E207 where an optimiser that evaluates the loss again cannot do that."""
    reasons = {
        "with 'accumulate' a batch is only a part of it": update.accumulate > 1,
        "the one of 'others' would not step along": optimizers > 1,
        "fp16 scales the losses": device.scaler is not None,
    }
    for why, there in reasons.items():
        if there:
            what = f"{update.optimizer.name} asks for the loss several times in a step, and {why}"
            raise SpecError.of("E207", what, update.optimizer.place)


def shardable(update: Update, made: Sequence[Optimizer]) -> None:
    """Raises InputError E813 for an optimiser that needs weights whole."""
    for one in made:
        if isinstance(one, WHOLE):
            what = f"{type(one).__name__.lower()} does not move weights in shards"
            help = "another optimiser, or accelerate launch --multi_gpu"
            raise InputError.of("E813", what, update.optimizer.place, help=help)


def moment(done: int, steps: int, per_epoch: float) -> Moment:
    """When `done` of `steps` steps are made, so many in an epoch."""
    return Moment(done, done / per_epoch, min(1.0, done / max(1, steps)))


def weighted(update: Update, terms: Mapping[str, Tensor], moment: Moment) -> Tensor:
    """The weighted sum of a loss's terms at a moment, in full precision."""
    parts: list[Tensor] = []
    for name, weight in update.loss.items():
        term, value = terms[name].float(), at(weight, moment)
        parts.append(term if value == 1 else value * term)
    return torch.stack(parts).sum() if len(parts) > 1 else parts[0]


def state_of(schedule: LRScheduler | ReduceLROnPlateau) -> dict[str, Any]:
    """A schedule's state without its functions, which are made anew."""
    state: dict[str, Any] = schedule.state_dict()
    return {name: value for name, value in state.items() if not callable(value)}
