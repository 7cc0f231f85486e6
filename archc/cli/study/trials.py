"""A study's trials as the verb `study` chooses and shows them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archc.search.record import Record
    from archc.search.study import Study


def members(study: Study) -> list[Record]:
    from archc.search.record import front

    return front(study.records, study.search.objectives)


def winner(study: Study) -> Record:
    """The best trial. Raises as `whole_front`."""
    return whole_front(study)[0]


def whole_front(study: Study) -> list[Record]:
    """The front. Raises InputError E864 where it is empty: no trial was evaluated to its end."""
    from archc.errors import InputError, word
    from archc.search.record import in_vain

    found = members(study)
    if not found:
        came = "; ".join(in_vain([one for one in study.records if one.twin is None]))
        what = f"{study.folder} has no finished trial yet{came and f': {came}'}"
        way = f"archc study show {word(study.folder)} --all lists them"
        way = way if study.records else f"archc search --resume {word(study.folder)}"
        raise InputError.of("E864", what, help=way)
    return found


def chosen(study: Study, args: Namespace) -> list[Record]:
    """The trials that the command names; none if it names none."""
    if args.best:
        return [winner(study)]
    return whole_front(study) if args.front else [study.record(number) for number in args.trials]


def as_json(one: Record) -> dict[str, Any]:
    return {
        "trial": one.number, "state": one.state, "stopped": one.stopped, "values": dict(one.values),
        "parents": list(one.parents), "change": one.change, "parameters": dict(one.parameters),
        "twin": one.twin, "rung": one.rung,
        "seconds": one.cost, "why": one.why, "digest": one.digest,
    }  # fmt: skip


def table(records: Sequence[Record], study: Study) -> Iterator[str]:
    from archc.cli.searching import state, value
    from archc.cli.terminal import Column, painter, width
    from archc.cli.terminal import table as drawn

    names = list(dict.fromkeys([one.name for one in study.search.objectives]))
    names += [name for name in ("params", "macs") if name not in names]
    heads = [Column(name, "right") for name in ("trial", *names, "parents")]
    heads += [Column("change", flexible=True), Column("state", flexible=True)]
    rows = [
        [
            str(one.number),
            *(value(one.values.get(name), name) for name in names),
            " ".join(map(str, one.parents)),
            one.change,
            state(one),
        ]
        for one in records
    ]
    return drawn(heads, rows, width(sys.stdout), painter(sys.stdout))
