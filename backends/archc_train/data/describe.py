"""A set as a short table for people."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archc_train.data.part import DataSet
from archc_train.data.raw import first

SAMPLE = 256  # items of the first part that ranges are shown of


def describe(data: DataSet) -> str:
    """Its parts, and each field with its type and what it holds, a line each."""
    counts = ", ".join(f"{len(part):,} {name}" for name, part in data.parts.items())
    lines = [f"{data.name}: {counts}"]
    part = first(data.parts)
    rows = part.batch(torch.arange(min(SAMPLE, len(part))))
    shown = [(name, str(type), held(rows[name])) for name, type in data.types.items()]
    wide = [max(len(row[k]) for row in shown) for k in range(2)]
    lines += [f"  {name:<{wide[0]}}  {type:<{wide[1]}}  {what}" for name, type, what in shown]
    shown_facts = {name: one for name, one in data.facts.items() if name != "images"}
    lines += [f"  {name}: {told(value)}" for name, value in shown_facts.items()]
    return "\n".join(lines)


def held(values: Tensor) -> str:
    """What some values are like."""
    if values.dtype == torch.bool:
        return f"{float(values.float().mean()):.0%} true"
    if values.dtype == torch.int64:
        return f"{int(values.min())} to {int(values.max())}"
    mean, deviation = float(values.mean()), float(values.std(correction=0))
    return f"{float(values.min()):.3g} to {float(values.max()):.3g}, {mean:.3g} ± {deviation:.3g}"


def told(value: Any) -> str:
    """A fact in a few words."""
    match value:
        case list():
            names = ", ".join(map(str, value[:10]))
            return f"{len(value)}: {names}" + (" …" if len(value) > 10 else "")
        case dict():
            inner = ", ".join(f"{key}: {short(one)}" for key, one in list(value.items())[:8])
            return f"{{{inner}}}"
    return str(value)


def short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
