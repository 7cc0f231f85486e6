"""Show what a search found: its best, its front, how they came to be, and their specs.

  show      what was done, and the best; --all lists every trial
  best      the best candidate's spec, by the first objective
  front     the candidates that no other is better than in all objectives
  lineage   how a trial came to be, as differences of its specs; of the best without a number
  export    candidates as YAML files, into the study's specs/ or -o: the front, --best, or numbers
  page      the whole study as a page, report.html

Examples:
  archc study show studies/net
  archc study lineage studies/net 41
  archc study export studies/net --best -o winner
  archc train winner/0041.yaml -o runs/winner && archc build runs/winner
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ACTIONS = ("show", "best", "front", "lineage", "export", "page")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    parser.add_argument("study", metavar="STUDY", help="the folder of a search")
    parser.add_argument("trials", nargs="*", type=int, metavar="TRIAL", help="numbers of trials")
    parser.add_argument("-o", "--output", metavar="DIR", help="where export writes")
    parser.add_argument("--best", action="store_true", help="export the best alone")
    parser.add_argument("--all", action="store_true", help="show every trial")
    parser.add_argument("--storage", metavar="URL", help="with the password that is not kept")


def run(args: Namespace) -> int:
    from archc.search.study import Study

    study = Study.open(Path(args.study), args.storage)
    try:
        actions = {
            "show": show, "best": best, "front": front, "lineage": lineage, "export": export,
            "page": page,
        }  # fmt: skip
        actions[args.action](study, args)
    finally:
        study.close()
    return 0


# ---- actions


def show(study: Any, args: Namespace) -> None:
    from archc.cli.report import print_json
    from archc.cli.searching import described, summary

    if args.json:
        search = study.search
        print_json(
            {
                "name": study.about["name"],
                "strategy": search.strategy,
                "objectives": {
                    o.name: "maximize" if o.maximize else "minimize" for o in search.objectives
                },
                **summary(study.records),
                "front": [one.number for one in members(study)],
                "records": [as_json(one) for one in study.records],
            }
        )
        return
    for line in described(study)[:4]:
        print(line)
    counts = summary(study.records)
    print("  ".join(f"{name} {value:,}" for name, value in counts.items()))
    print()
    for line in table(study.records if args.all else members(study), study):
        print(line)


def best(study: Any, args: Namespace) -> None:
    from archc.cli.report import print_json
    from archc.cli.searching import numbers
    from archc.cli.terminal import painter

    one = winner(study)
    if args.json:
        print_json({**as_json(one), "spec": one.text})
        return
    head = f"trial {one.number}  {numbers(one.values, study.search)}"
    print(painter(sys.stderr)(head, "bold"), file=sys.stderr)
    print(one.text, end="")


def front(study: Any, args: Namespace) -> None:
    from archc.cli.report import print_json

    found = members(study)
    if args.json:
        print_json([{**as_json(one), "spec": one.text} for one in found])
        return
    for line in table(found, study):
        print(line)


def lineage(study: Any, args: Namespace) -> None:
    """Every step from the origin: what was changed, what it made of the network, its values."""
    from archc.cli.diff import as_json as diff_json
    from archc.cli.diff import lines
    from archc.cli.report import print_json
    from archc.cli.searching import numbers
    from archc.cli.terminal import painter
    from archc.diff import difference
    from archc.errors import printable
    from archc.search.family import lineage

    last = study.record(args.trials[0]) if args.trials else winner(study)
    paint = painter(sys.stdout)
    before, told = None, []
    for one in lineage(study.records, last):
        program = study.candidate(one).program
        step = as_json(one)
        if not args.json:
            what = printable(one.change) or "the beginning"
            print(paint(f"trial {one.number}: {what}", "bold"))
            print(f"  {numbers(one.values, study.search)}" if one.values else f"  {one.state}")
        if before is not None:
            found = difference(before, program)
            step["difference"] = diff_json(before, program, found)
            for line in () if args.json else list(lines(before, program, found, paint, False))[1:]:
                print(f"  {line}".rstrip())
        before = program
        told.append(step)
    if args.json:
        print_json(told)


def export(study: Any, args: Namespace) -> None:
    from archc.cli.report import print_json
    from archc.errors import printable

    chosen = [study.record(number) for number in args.trials]
    if not chosen:
        chosen = [winner(study)] if args.best else members(study)
    folder = Path(args.output) if args.output else None
    paths = {one.number: study.export(one, folder) for one in chosen}
    if args.json:
        print_json({str(number): path.as_posix() for number, path in paths.items()})
        return
    for path in paths.values():
        print(printable(path.as_posix()))


def page(study: Any, args: Namespace) -> None:
    from archc.cli.report import print_json
    from archc.errors import printable
    from archc.search.page import write

    write(study, study.records)
    path = (study.folder / "report.html").as_posix()
    if args.json:
        print_json({"page": path})
    else:
        print(printable(path))


# ---- parts


def members(study: Any) -> list[Any]:
    from archc.search.record import front

    return front(study.records, study.search.objectives)


def winner(study: Any) -> Any:
    """The best trial. Raises InputError E864 where none was evaluated to its end."""
    from archc.errors import InputError

    found = members(study)
    if not found:
        help = f"archc search --resume {study.folder}"
        raise InputError.of("E864", f"{study.folder} has no finished trial yet", help=help)
    return found[0]


def as_json(one: Any) -> dict[str, Any]:
    return {
        "trial": one.number, "state": one.state, "stopped": one.stopped, "values": dict(one.values),
        "parents": list(one.parents), "change": one.change, "twin": one.twin, "rung": one.rung,
        "seconds": one.cost, "why": one.why, "digest": one.digest,
    }  # fmt: skip


def table(records: Sequence[Any], study: Any) -> Iterator[str]:
    from archc.cli.searching import value
    from archc.cli.terminal import Column, painter, width
    from archc.cli.terminal import table as drawn

    names = list(dict.fromkeys([one.name for one in study.search.objectives]))
    names += [name for name in ("params", "macs") if name not in names]
    heads = [Column(name, "right") for name in ("trial", *names, "parents")]
    heads += [Column("change", flexible=True), Column("state")]
    rows = [
        [
            str(one.number),
            *(value(one.values.get(name), name) for name in names),
            " ".join(map(str, one.parents)),
            one.change,
            "stopped" if one.stopped else one.state,
        ]
        for one in records
    ]
    return drawn(heads, rows, width(sys.stdout), painter(sys.stdout))
