"""Help for what is often written where something else is meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archc.errors import did_you_mean
from archc.ops.registry import ops
from archc.spec.ast import MODIFIERS

INPUTS = ("input", "inputs", "from", "src")  # where `in` is meant


def beside(head: str, key: str) -> str:
    """Of a second key in a step that is no modifier."""
    op = ops().get(head)
    if op is not None and key in op.attributes:
        return f"'{key}' is an attribute of {head}: {{{head}: {{{key}: …}}, in: …}}"
    if key in INPUTS:
        return "did you mean 'in'?"
    near = did_you_mean(key, MODIFIERS)
    return near if near.startswith("did") else f"modifiers are {', '.join(MODIFIERS)}"


def within(head: str, key: str, known: Iterable[str]) -> str:
    """Of an attribute that the op has not."""
    names = list(known)
    other = "in" if key in INPUTS else key
    if other in MODIFIERS and key not in names:
        return f"'{other}' stands beside the op: {{{head}: …, {other}: …}}"
    return did_you_mean(key, names)


def listed(head: str, given: Iterable[Any]) -> str:
    """Of what an op is given by position: numbers alone are mostly meant for an attribute."""
    values = list(given)
    if not values or not all(isinstance(one, int | float) for one in values):
        return ""
    op = ops().get(head)
    name = next(iter(op.attributes), "") if op is not None else ""
    return "a list after an op is its inputs" + (f"; write {head}: {{{name}: …}}" if name else "")
