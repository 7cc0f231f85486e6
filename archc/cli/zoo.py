"""List the specs that come with archc: names to use as a spec anywhere, and what they are.

Parameters are those of all models of a spec; MACs are the main model's for one input, with every
symbolic dimension at 1. The networks of one file stand together.

Examples:
  archc zoo
  archc zoo resnet                 those whose name holds a text
  archc zoo 'vgg*_bn'              those whose name is of a pattern
  archc zoo --task generation --json
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from archc.cli.report import print_json
from archc.cli.terminal import Column, painter, short, table, width

if TYPE_CHECKING:
    from archc.catalog import Row


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="", help="only names that hold it; * and ? match"
    )
    parser.add_argument("--task", metavar="TEXT", default="", help="only tasks that hold it")


def run(args: Namespace) -> int:
    from archc.catalog import rows

    found = [row for row in rows() if chosen(row, args.name.lower(), args.task.lower())]
    if args.json:
        print_json([as_json(row) for row in found])
    elif not found:
        print("no spec of the zoo is like that", file=sys.stderr)
    else:
        show(found)
    return 0 if found else 1


def chosen(row: Row, name: str, task: str) -> bool:
    """Whether the network's name, or its file's, is as asked and its task holds the text."""
    names = (row.name.lower(), PurePath(row.file).stem.lower())
    if any(sign in name for sign in "*?["):
        named = any(fnmatchcase(own, name) for own in names)
    else:
        named = any(name in own for own in names)
    return named and task in row.task.lower()


def as_json(row: Row) -> dict[str, object]:
    paper = row.paper
    return {
        "name": row.name,
        "file": row.file,
        "variant": row.variant,
        "task": row.task,
        "paper": {"title": paper.title, "authors": paper.authors, "year": paper.year},
        "params": row.params,
        "macs": row.macs,
        "inputs": dict(row.inputs),
        "models": {
            name: {"params": params, "macs": macs} for name, (params, macs) in row.models.items()
        },
        "doc": row.doc,
    }


def show(found: Sequence[Row]) -> None:
    """A table; what holds for a whole file stands once."""
    columns = [
        Column("name", style="cyan"), Column("task", flexible=True), Column("parameters", "right"),
        Column("MACs", "right"), Column("paper", flexible=True), Column("by", flexible=True),
    ]  # fmt: skip
    rows: list[Sequence[str]] = []
    for k, row in enumerate(found):
        first = k == 0 or found[k - 1].file != row.file
        task, title, by = (row.task, row.paper.title, row.paper.by) if first else ("", "", "")
        rows.append([row.name, task, short(row.params), short(row.macs), title, by])
    paint = painter(sys.stdout)
    for line in table(columns, rows, width(sys.stdout), paint):
        print(line)
    families = {row.file for row in found}
    listed = f"{plural(len(found), 'network')} in {plural(len(families), 'file')}"
    print(f"{listed}; archc show NAME shows one of them")


def plural(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")
