"""Optimisers by torch.optim's names, and which weights each of them moves."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from archc.errors import SpecError, did_you_mean
from archc.spec.training import OPTIMIZERS, OURS
from archc.train.section import Choice
from archc_train.groups import grouped, matching

Parameters = Mapping[str, nn.Parameter]


def known() -> dict[str, type[Optimizer]]:
    """torch.optim's classes, by name in lower case; `sgd`, `adamw`, `rmsprop`."""
    found = vars(torch.optim).items()
    return {
        name.lower(): value
        for name, value in found
        if isinstance(value, type) and issubclass(value, Optimizer) and name.lower() in OPTIMIZERS
    }


def optimizers(choice: Choice, parameters: Parameters) -> list[Optimizer]:
    """The optimiser over weights by their names in the spec, and the one of `others` if there is.

    `others: {adamw: {lr: 3.0e-4, match: ["wte.*"]}}` is for what the first cannot or should not
    move: weights that are no matrices, and those whose names match. Raises SpecError E204 to E207
    for what torch does not take, E805 where there is nothing to move.
    """
    if not parameters:
        raise SpecError.of("E805", "there is no weight to train", choice.place)
    others = choice.options.get("others")
    if others is None:
        return [optimizer(choice, parameters)]
    second, patterns = second_of(others, choice)
    moved = {n for n, p in parameters.items() if p.ndim != 2 or matching(n, patterns)}
    parts = (
        (choice, {name: p for name, p in parameters.items() if name not in moved}),
        (second, {name: p for name, p in parameters.items() if name in moved}),
    )
    return [optimizer(one, part) for one, part in parts if part]


def second_of(others: Any, choice: Choice) -> tuple[Choice, list[str]]:
    """What `others` says: an optimiser, and patterns of names."""
    if isinstance(others, str):
        others = {others: None}
    if not isinstance(others, Mapping) or len(others) != 1:
        help = "others: {adamw: {lr: 3.0e-4}}"
        raise SpecError.of("E207", "'others' is one optimiser", choice.place, help=help)
    [(name, options)] = others.items()
    options = dict(options or {})
    if "others" in options:
        raise SpecError.of("E206", "the optimiser of 'others' has no others", choice.place)
    patterns = options.pop("match", [])
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    return Choice(str(name), options, choice.place), patterns


def optimizer(choice: Choice, parameters: Parameters) -> Optimizer:
    """Torch's optimiser of a name, with its groups of weights. Raises SpecError."""
    classes = known()
    if choice.name not in classes:
        help = did_you_mean(choice.name, classes)
        raise SpecError.of("E204", f"no optimiser '{choice.name}'", choice.place, help=help)
    kind: Any = classes[choice.name]
    options = checked(kind, choice.options, choice)
    odd = [name for name, parameter in parameters.items() if parameter.ndim != 2]
    if choice.name == "muon" and odd:
        raise SpecError.of(
            "E207",
            f"muon moves matrices alone, and {odd[0]} is none",
            choice.place,
            help="another for the rest: {muon: {lr: 0.02, others: {adamw: {lr: 3.0e-4}}}}",
        )
    groups = grouped(choice, parameters, tuple(inspect.signature(kind).parameters))
    try:
        for group in groups:  # torch looks at the options of a group only when it is the whole
            given = {name: value for name, value in group.items() if name != "params"}
            kind([nn.Parameter(torch.zeros(1, 1))], **{**options, **checked(kind, given, choice)})
        made: Optimizer = kind(groups, **options)
    except (ValueError, TypeError, RuntimeError) as error:
        raise SpecError.of("E207", f"{choice.name}: {error}", choice.place) from error
    return made


def checked(kind: type[Optimizer], options: Mapping[str, Any], choice: Choice) -> dict[str, Any]:
    """The options that are torch's, as it takes them: lists as tuples."""
    takes = [name for name in inspect.signature(kind).parameters if name != "params"]
    own = {name: value for name, value in options.items() if name not in OURS}
    for name in own:
        if name not in takes:
            raise SpecError.of(
                "E206",
                f"the optimiser {choice.name} has no option '{name}'",
                choice.place,
                help=did_you_mean(name, [*takes, *OURS]),
            )
    return {name: tuple(v) if isinstance(v, list) else v for name, v in own.items()}


def asks_again(optimizer: Optimizer) -> bool:
    """Whether a step evaluates the loss several times, as LBFGS does."""
    return isinstance(optimizer, torch.optim.LBFGS)
