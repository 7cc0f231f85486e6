"""Ops that a search may choose: whether they have the attributes that they are given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from typing import Any

from archc.elaborate.params import type_of
from archc.elaborate.scope import Space
from archc.errors import Diagnostic
from archc.ir.program import Program
from archc.ops.registry import ops
from archc.spec.ast import File
from archc.spec.data import Data, Mapping, Sequence
from archc.spec.load import lookup
from archc.spec.schema import check_attributes


def wrong_attributes(program: Program, file: File, varied: Mapping) -> list[Diagnostic]:
    """What is wrong with attributes in `vary`; what only a network can tell is not looked for."""
    space = Space(file, {}, "search")
    found: list[Diagnostic] = []
    for key, entry in varied.entries.items():
        values = walked(program.parameters, str(key).split("."))
        if not any(type_of(value, space) in ("op", "choice") for value in values):
            continue
        for name, given in chosen(entry.value):
            op = ops().get(name) if lookup(file, name) is None else None
            if op is not None and isinstance(given, Mapping):
                found += check_attributes(op, given)
    return found


def walked(value: Any, parts: list[str]) -> Iterator[Any]:
    """What a path leads to; nothing if there is no such element."""
    if not parts:
        yield value
        return
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Map):
        pairs = value.items()
    elif isinstance(value, list | tuple):
        pairs = enumerate(value)
    for key, inner in pairs:
        if parts[0] in ("*", str(key)):
            yield from walked(inner, parts[1:])


def chosen(written: Data) -> Iterator[tuple[str, Data]]:
    """The choices that are a name with something, of what an entry of `vary` holds."""
    choices = written.get("choices") if isinstance(written, Mapping) else written
    for one in choices.items if isinstance(choices, Sequence) else ():
        for name, entry in one.entries.items() if isinstance(one, Mapping) else ():
            yield str(name), entry.value
