"""Losses that stop being finite: noticed without waiting for the device, and where it began."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from archc.errors import CheckError
from archc_train.learner import Learner
from archc_train.shards import local
from archc_train.trainee import Trainee, Values


class Watch:
    """Sums of losses since somebody looked: a sum is finite as long as all its parts are.

    Looking at every loss would make a GPU wait for each step; a sum is looked at when its value is
    asked for anyway.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def add(self, update: str, total: Tensor) -> None:
        value = total.detach()
        self.sums[update] = self.sums[update] + value if update in self.sums else value

    def wrong(self) -> list[str]:
        """The updates with a loss that was not finite since the last look."""
        found = [name for name, value in self.sums.items() if not all_finite(value)]
        self.sums = {}
        return found


def not_finite(trainee: Trainee, learner: Learner, values: Values, outputs: Values) -> CheckError:
    """E810: the step, the terms, and where the first number was that is not finite.

    Several processes all ask, as the loss of any may be meant.
    """
    update = learner.update
    own = [name for name in update.loss if not all_finite(outputs[name])]
    found = learner.device.collected((own, first_not_finite(trainee, update.name, values)))
    wrong = [name for name in update.loss if any(name in names for names, _ in found)]
    _, where = min(place for _, place in found)
    return CheckError(
        CheckError.of(
            "E810",
            f"{update.name}: the loss is not finite at step {learner.done}",
            update.place,
            notes=(f"of its terms, {', '.join(wrong) or 'the weighted sum'}", where),
            help="a smaller learning rate, clip: 1.0, or a look at the data",
        ).diagnostics
    )


def first_not_finite(trainee: Trainee, update: str, values: Values) -> tuple[int, str]:
    """What was not finite before all else, in words, and how early in the pass that is."""
    found = first_output(trainee, update, values)  # in any case: processes run it together
    wrong = [name for name, value in values.items() if not all_finite(value)]
    if wrong:
        return 0, f"what is fed as {wrong[0]} is not finite"
    for name, weight in trainee.shared.items():  # statistics have seen this step already
        if isinstance(weight, nn.Parameter) and not all_finite(local(weight)):
            return 1, f"the weight {trainee.spoken(name)} is not finite already"
    if found is not None:
        return 2, found
    return 3, "every module's output was finite: it is the steps of the loss"


def first_output(trainee: Trainee, update: str, values: Values) -> str | None:
    """The first module where something is not finite, in words."""
    found: list[str] = []
    network = trainee.network(update)
    hooks = [
        module.register_forward_hook(watch(trainee.spoken(name), found))
        for name, module in network.named_modules()
        if name
    ]
    network._compiled_call_impl = None  # compiled code calls no hooks
    try:
        with torch.enable_grad():  # a loss may take gradients
            trainee(update, values)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def watch(name: str, found: list[str]) -> Any:
    def hook(module: nn.Module, given: Any, output: Any) -> None:
        if found or all(map(all_finite, tensors(output))):
            return
        own = f"{name} ({type(module).__name__})"
        if all(map(all_finite, tensors(given))):
            found.append(f"the first output that was not finite is that of {own}")
        else:
            found.append(f"what goes into {own} is not finite: it is a step before it")

    return hook


def tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors(part)


def all_finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())
