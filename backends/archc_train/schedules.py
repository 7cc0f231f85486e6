"""How a learning rate changes over an update's steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from archc.errors import SpecError
from archc.train.options import problems
from archc.train.section import Choice


def schedule(
    choice: Choice | None, optimizer: Optimizer, steps: int, per_epoch: float
) -> LRScheduler | ReduceLROnPlateau | None:
    """The scheduler of an optimiser that makes `steps` steps, `per_epoch` of them in an epoch.

    `warmup` counts steps; `hold`, `every` and `at` count epochs. Its name and its options are those
    that the section's reader knows. Raises SpecError E207 for values that they cannot have.
    """
    if choice is None:
        return None
    for option, wanted in problems("schedule", choice.name, choice.options):
        what = f"the schedule {choice.name}: {option}: expected {wanted}"
        raise SpecError.of("E207", what, choice.place)
    try:
        return made(choice.name, dict(choice.options), optimizer, steps, per_epoch)
    except (ValueError, TypeError, ZeroDivisionError) as error:
        what = f"the schedule {choice.name}: {error}"
        raise SpecError.of("E207", what, choice.place) from error


def made(
    name: str, options: dict[str, Any], optimizer: Optimizer, steps: int, per_epoch: float
) -> LRScheduler | ReduceLROnPlateau:
    if name == "plateau":
        return ReduceLROnPlateau(
            optimizer,
            factor=options.get("factor", 0.1),
            patience=int(options.get("patience", 10)),
            threshold=options.get("threshold", 1e-4),
            min_lr=options.get("least", 0.0),
        )
    if name == "one_cycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(
            optimizer,
            max_lr=options.get("peak", rates),
            total_steps=max(steps, 1) + 1,  # it steps once more, after the last
            pct_start=options.get("warmup_share", 0.3),
            div_factor=1 / options.get("start_factor", 0.04),
            final_div_factor=1 / options.get("final_factor", 1e-4),
            cycle_momentum=has_momentum(optimizer),
        )
    return LambdaLR(optimizer, factors(name, options, steps, per_epoch))


def has_momentum(optimizer: Optimizer) -> bool:
    """Whether there is a momentum to go down while the rate goes up."""
    if not all(group.get("momentum", 1.0) for group in optimizer.param_groups):
        return False  # none was asked for
    return "momentum" in optimizer.defaults or "betas" in optimizer.defaults


def factors(
    kind: str, options: dict[str, Any], steps: int, per_epoch: float
) -> Callable[[int], float]:
    """The rate's factor at a step, counted from 0.

    It rises in equal parts over the steps of `warmup`, whatever comes then. What falls begins to
    after `hold` epochs, and ends at `final` of the rate with the last step.
    """
    warmup = options.get("warmup", 0)
    final = options.get("final", 0.01 if kind == "exponential" else 0.0)
    held = max(warmup, options.get("hold", 0) * per_epoch)
    factor = options.get("factor", 0.1)
    every = max(1, round(options.get("every", 30) * per_epoch))

    def at(step: int) -> float:
        if step < warmup:
            return float((step + 1) / warmup)
        done = min(max((step - held) / max(steps - held, 1), 0.0), 1.0)
        match kind:
            case "linear":
                return float(1 - done * (1 - final))
            case "cosine":
                return float(final + (1 - final) * (1 + math.cos(math.pi * done)) / 2)
            case "exponential" if "factor" in options:  # for each epoch
                return float(factor ** (max(step - held, 0) / per_epoch))
            case "exponential":
                return float(final**done)
            case "step":
                return float(factor ** (step // every))
            case "multi_step":
                passed = sum(step >= epoch * per_epoch for epoch in options.get("at", ()))
                return float(factor**passed)
        return 1.0

    return at
