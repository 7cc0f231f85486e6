"""The numbers that archc finds by itself, and whether a search asks for others."""

from __future__ import annotations

from collections.abc import Iterator

from archc.errors import Diagnostic, SpecError, did_you_mean
from archc.ir.program import Program
from archc.place import Place
from archc.search.section import Search
from archc.search.statics import SCORES, UNTRAINED
from archc.spec.data import Data, Mapping, Sequence

OTHERWISE = "--evaluate MODULE:FUNCTION and --table FILE give other numbers"


def trained(search: Search) -> frozenset[str]:
    """What of those asked for a training has to give, or the data of one."""
    return search.asked - {*UNTRAINED} | search.asked & {*SCORES}


def unknown(program: Program) -> list[Diagnostic]:
    """Objectives and limits that neither follow from the graph nor come from the spec's training.

    Nothing where the spec has no `train:` section that can be read, since it says what there is.
    """
    from archc.train import read
    from archc.train.measures import result_names

    file = program.file
    if file is None or file.section("train") is None:
        return []
    try:
        known = [*result_names(read(program)), *UNTRAINED]
    except SpecError:  # which is told where the section is judged
        return []
    data = file.section("search")
    assert isinstance(data, Mapping)
    return [
        Diagnostic(
            "E862",
            f"no evaluation gives '{name}'",
            place,
            help=did_you_mean(name, known) or OTHERWISE,
        )
        for name, place in places(data)
        if name not in known
    ]


def places(section: Mapping) -> Iterator[tuple[str, Place]]:
    """The names of objectives and limits, each where it stands."""
    objectives, limits = section.get("objectives"), section.get("limits")
    for entry in objectives.entries.values() if isinstance(objectives, Mapping) else ():
        items: list[Data] = (
            list(entry.value.items) if isinstance(entry.value, Sequence) else [entry.value]
        )
        yield from ((str(getattr(one, "value", "")), one.place) for one in items)
    for key, entry in limits.entries.items() if isinstance(limits, Mapping) else ():
        yield str(key), entry.key.place
