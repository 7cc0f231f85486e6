"""Training-free scores of a network at its first weights, of one batch of training data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

import archc_torch
from archc.sample import inputs, smallest
from archc.train import Moment
from archc_search.trained import Begun
from archc_torch.calling import call
from archc_train.data.augment import Augment
from archc_train.data.part import Order
from archc_train.device import Device
from archc_train.learner import weighted
from archc_train.loop import numbers
from archc_train.trainee import Values

FIRST = Moment(0, 0.0, 0.0)
# What decides by its sign how much it lets through.
RECTIFIERS = {
    torch.relu, torch.relu_, functional.relu, functional.relu_, functional.relu6,
    functional.leaky_relu, functional.prelu, functional.elu, functional.selu, functional.celu,
    functional.gelu, functional.silu, functional.hardswish, functional.mish,
}  # fmt: skip


def scored(names: Sequence[str], begun: Begun) -> dict[str, float]:
    """The scores by name. The network is left as it was.

    What is drawn for them, as dropout and augmentation do, the training's seed decides.
    """
    found: dict[str, float] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(begun.training.seed)
        batch = first_batch(begun)
        for name in names:
            torch.manual_seed(begun.training.seed)
            found[name] = SCORES[name](begun, batch)
    return found


def first_batch(begun: Begun) -> Values:
    order = Order(len(begun.data.train), begun.training.batch, begun.training.seed)
    batch: Values = dict(begun.data.train.batch(next(order.batches(0))))
    if begun.training.augment:
        return Augment(begun.training.augment, begun.graphs, begun.data)(batch)
    return batch


def grad_norm(begun: Begun, batch: Values) -> float:
    """The norms of the loss's gradients, summed over weights (Abdelfattah et al., 2021)."""
    with untouched(begun.trainee):
        begun.trainee.train()
        torch.autograd.backward(loss(begun, batch))
        norms = [p.grad.norm() for p in begun.trainee.parameters() if p.grad is not None]
        return float(torch.stack(norms).detach().sum()) if norms else 0.0


def synflow(begun: Begun, batch: Values) -> float:
    """Log Σ |θ ∂R/∂θ|, R the sum of outputs for inputs of ones, all weights made positive.

    Tanaka et al., 2020, in double precision; of the main model, as at inference. The logarithm,
    since the sum soon leaves what a float can hold.
    """
    program = begun.program
    weights = {name: value.cpu().numpy() for name, value in begun.trainee.weights().items()}
    network = archc_torch.module(program, weights).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    ones = {
        name: torch.from_numpy(np.ones(one.shape) if one.dtype.kind == "f" else one)
        for name, one in inputs(program.model, smallest(program.model)).items()
    }
    total = sum(value.sum() for value in call(network, ones).values() if value.requires_grad)
    if not isinstance(total, Tensor):
        return float("-inf")  # no output depends on any weight
    torch.autograd.backward(total)
    parts = [(p * p.grad).abs().sum() for p in network.parameters() if p.grad is not None]
    return float(torch.stack(parts).detach().sum().log())


def naswot(begun: Begun, batch: Values) -> float:
    """Log |K| of the agreement of rectifiers' signs between items (Mellor et al., 2021).

    `K[i, j]` counts the units that are on for both items or off for both. The paper's code lets
    batch normalisation go by the batch; here it is as at inference, so an item's signs are its own.
    """
    with untouched(begun.trainee):
        begun.trainee.eval()
        items = next(iter(batch.values())).shape[0]
        with torch.no_grad(), Signs(items) as signs:
            begun.trainee(begun.training.updates[0].name, {**batch, **fed(begun)})
        kernel = signs.kernel + 1e-6 * torch.eye(items, dtype=torch.float64)
        return float(torch.linalg.slogdet(kernel).logabsdet)


SCORES: Mapping[str, Callable[[Begun, Values], float]] = {
    "grad_norm": grad_norm,
    "synflow": synflow,
    "naswot": naswot,
}


class Signs(TorchFunctionMode):
    """Looks at what rectifiers are given while a network runs."""

    def __init__(self, items: int) -> None:
        super().__init__()
        self.items = items
        self.kernel = torch.zeros(items, items, dtype=torch.float64)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in RECTIFIERS and args[0].shape[:1] == (self.items,):
            on = (args[0].detach().reshape(self.items, -1) > 0).double()
            self.kernel += on @ on.T + (1 - on) @ (1 - on).T
        return func(*args, **(kwargs or {}))


def loss(begun: Begun, batch: Values) -> Tensor:
    """The first update's weighted loss at the first moment."""
    update = begun.training.updates[0]
    return weighted(update, begun.trainee(update.name, {**batch, **fed(begun)}), FIRST)


def fed(begun: Begun) -> Values:
    """What updates are fed beside the batch at the first moment."""
    return numbers(begun.training, FIRST, Device(cpu=True))


@contextmanager
def untouched(trainee: nn.Module) -> Iterator[None]:
    """Puts the weights, the mode and the gradients back at the end."""
    kept = {name: value.clone() for name, value in trainee.state_dict().items()}
    was_training = trainee.training
    try:
        yield
    finally:
        trainee.load_state_dict(kept)
        trainee.train(was_training)
        trainee.zero_grad(set_to_none=True)
