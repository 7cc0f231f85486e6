"""Groups of weights that an optimiser treats differently, by patterns of their names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from archc.errors import SpecError, did_you_mean
from archc.train.section import Choice


def grouped(
    choice: Choice, parameters: Mapping[str, nn.Parameter], takes: Collection[str]
) -> list[dict[str, Any]]:
    """The weights in groups of equal options, in a fixed order, as torch's optimisers take them.

    `groups: [{match: "head.*", lr: 1.0e-4}]` gives those whose names match other options; the first
    match counts. `exempt: true` leaves weights of at most one dimension, which are biases and the
    scales of norms, out of the weight decay. Raises SpecError E203, E206, E207, E805.
    """
    rules = rules_of(choice)
    exempt = choice.options.get("exempt", False)
    if not isinstance(exempt, bool):
        raise SpecError.of("E207", "'exempt' is true or false", choice.place)
    if exempt and "weight_decay" not in takes:
        what = f"{choice.name} has no weight decay to be exempt from"
        raise SpecError.of("E206", what, choice.place)
    # Weights without an axis are apart: they stay whole where the others are in shards.
    members: dict[tuple[int, bool, bool], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        rule = next((k for k, (patterns, _) in enumerate(rules) if matching(name, patterns)), -1)
        key = (rule, exempt and parameter.ndim <= 1, parameter.ndim == 0)
        members.setdefault(key, []).append(parameter)
    used = {rule for rule, _, _ in members}
    for k, (patterns, _) in enumerate(rules):
        if k not in used:
            what = f"no weight that is left matches '{patterns[0]}'"
            help = did_you_mean(patterns[0], parameters)
            raise SpecError.of("E805", what, choice.place, help=help)
    found = []
    for (rule, undecayed, _), weights in sorted(members.items(), key=lambda item: item[0]):
        options = dict(rules[rule][1]) if rule >= 0 else {}
        if undecayed:
            options["weight_decay"] = 0.0
        found.append({"params": weights, **options})
    return found


def rules_of(choice: Choice) -> list[tuple[list[str], dict[str, Any]]]:
    """Patterns and options of each group. Raises SpecError."""
    written = choice.options.get("groups", [])
    help = 'groups: [{match: "head.*", lr: 1.0e-4}]'
    if not isinstance(written, list) or not all(isinstance(one, Mapping) for one in written):
        raise SpecError.of("E207", "'groups' is a list of mappings", choice.place, help=help)
    found = []
    for one in written:
        patterns = one.get("match")
        patterns = [patterns] if isinstance(patterns, str) else patterns
        if not isinstance(patterns, list) or not patterns:
            raise SpecError.of("E203", "a group of weights says which", choice.place, help=help)
        found.append((list(map(str, patterns)), {k: v for k, v in one.items() if k != "match"}))
    return found


def matching(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
