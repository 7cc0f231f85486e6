"""What a name means where a step calls it."""

from __future__ import annotations

from dataclasses import dataclass

from archc.ops.base import Op
from archc.ops.registry import ops
from archc.spec.ast import File, Template
from archc.spec.load import lookup


@dataclass(slots=True)
class Called:
    """What a name means where steps call it: a template or an op, with its inputs' names."""

    what: Template | type[Op]
    inputs: list[str]


def called(file: File, name: str) -> Called | None:
    """What the name means in the file; None if nothing. Found once, and kept on the file."""
    found = file.called.get(name)
    if found is None:
        what = lookup(file, name) or ops().get(name)
        if what is None:
            return None
        found = file.called[name] = Called(what, [one.name for one in what.inputs])
    return found
