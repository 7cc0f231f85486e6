"""Ops that a search may choose: whether they have the attributes that they are given."""

from __future__ import annotations

from collections.abc import Iterator

from archc.elaborate.params import type_of
from archc.errors import Diagnostic
from archc.ops.registry import ops
from archc.search.varying import Varying, Wrong
from archc.spec.data import Data, Mapping, Sequence
from archc.spec.load import lookup
from archc.spec.schema import check_attributes


def wrong_attributes(varying: Varying, varied: Mapping) -> list[Diagnostic]:
    """What is wrong with attributes in `vary`; what only a network can tell is not looked for.

    Nor are entries whose path leads nowhere, which `varying` tells.
    """
    found: list[Diagnostic] = []
    for key, entry in varied.entries.items():
        try:
            values = [value for _, _, value in varying.paths(str(key), entry.key.place)]
        except Wrong:
            continue
        if not any(type_of(value, varying.space) in ("op", "choice") for value in values):
            continue
        for name, given in chosen(entry.value):
            op = ops().get(name) if lookup(varying.file, name) is None else None
            if op is not None and isinstance(given, Mapping):
                found += check_attributes(op, given)
    return found


def chosen(written: Data) -> Iterator[tuple[str, Data]]:
    """The choices that are a name with something, of what an entry of `vary` holds."""
    choices = written.get("choices") if isinstance(written, Mapping) else written
    for one in choices.items if isinstance(choices, Sequence) else ():
        for name, entry in one.entries.items() if isinstance(one, Mapping) else ():
            yield str(name), entry.value
