"""What a search found, shown and written: all that needs no training."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from archc.cli.study.trials import as_json, chosen, members, table, whole_front, winner

if TYPE_CHECKING:
    from archc.search.study import Study

SIGNS = {"+": "green", "-": "red", "@": "dim"}  # how a diff's lines are painted


def show(study: Study, args: Namespace) -> int:
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
        return 0
    for line in described(study)[:4]:
        print(line)
    counts = summary(study.records)
    print("  ".join(f"{name} {value:,}" for name, value in counts.items()))
    print()
    records = study.records if args.all else members(study)
    if not records:
        print("no finished trial yet")
    for line in table(records, study) if records else ():
        print(line)
    return 0


def best(study: Study, args: Namespace) -> int:
    from archc.cli.report import print_json
    from archc.cli.searching import numbers
    from archc.cli.terminal import painter

    one = winner(study)
    if args.json:
        print_json({**as_json(one), "spec": one.text})
        return 0
    head = f"trial {one.number}  {numbers(one.values, study.search)}"
    print(painter(sys.stderr)(head, "bold"), file=sys.stderr)
    print(one.text, end="")
    return 0


def front(study: Study, args: Namespace) -> int:
    from archc.cli.report import print_json

    found = whole_front(study)
    if args.json:
        print_json([{**as_json(one), "spec": one.text} for one in found])
        return 0
    for line in table(found, study):
        print(line)
    return 0


def lineage(study: Study, args: Namespace) -> int:
    """Every step from the origin: what was changed, its values, and how the spec differs by it.

    For machines, and with --all, also what the step made of the network.
    """
    from archc.cli.diff import as_json as diff_json
    from archc.cli.diff import lines
    from archc.cli.report import print_json
    from archc.cli.searching import numbers, state
    from archc.cli.terminal import painter
    from archc.diff import difference
    from archc.errors import printable
    from archc.search.family import chain

    last = study.record(args.trials[0]) if args.trials else winner(study)
    paint = painter(sys.stdout)
    before, told = study.origin.program, []
    for one, diff in chain(study.origin.text(), study.records, last):
        if not args.json:
            other = "".join(f", with trial {number}" for number in one.parents[1:])
            print(
                paint(printable(f"trial {one.number}: {one.change or 'as it is'}{other}"), "bold")
            )
            print(f"  {numbers(one.values, study.search)}" if one.values else f"  {state(one)}")
            for line in diff.splitlines()[2:] or ["the spec is the same"]:
                style = SIGNS.get(line[0])
                print(f"  {paint(printable(line), style) if style else printable(line)}".rstrip())
        step = {**as_json(one), "diff": diff}
        if (args.json or args.all) and one.digest:  # it has none where it is no network
            program = study.candidate(one).program
            found = difference(before, program)
            step["difference"] = diff_json(before, program, found)
            for line in () if args.json else list(lines(before, program, found, paint, True))[1:]:
                print(f"  {line}".rstrip())
            before = program
        told.append(step)
    if args.json:
        print_json(told)
    return 0


def export(study: Study, args: Namespace) -> int:
    from archc.cli.report import print_json
    from archc.errors import printable

    folder = Path(args.output) if args.output else None
    asked = chosen(study, args) or whole_front(study)
    paths = {one.number: study.export(one, folder) for one in asked}
    if args.json:
        print_json({str(number): path.as_posix() for number, path in paths.items()})
        return 0
    for path in paths.values():
        print(printable(path.as_posix()))
    return 0


def page(study: Study, args: Namespace) -> int:
    from archc.cli.report import print_json
    from archc.errors import printable
    from archc.search.page import write

    write(study, study.records)
    path = (study.folder / "report.html").as_posix()
    if args.json:
        print_json({"page": path})
    else:
        print(printable(path))
    return 0
