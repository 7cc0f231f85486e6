"""Show what differs between two networks: steps added, removed and changed, sizes and counts.

Exit code 0 if nothing differs, 1 if something does.

Examples:
  archc diff resnet18 resnet50
  archc diff net.yaml:small net.yaml:large --json
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from archc.cli.options import add_spec
from archc.cli.report import print_json
from archc.cli.terminal import counted, fitted, painter, short
from archc.diff import Change, Difference, difference
from archc.errors import Paint, printable
from archc.ir.program import Program

MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def configure(parser: ArgumentParser) -> None:
    add_spec(parser, "a")
    add_spec(parser, "b")
    parser.add_argument("--all", action="store_true", help="also steps of which only shapes differ")


def run(args: Namespace) -> int:
    from archc.pipeline import compile

    a, b = compile(args.a), compile(args.b)
    found = difference(a, b)
    if args.json:
        print_json(as_json(a, b, found))
    else:
        paint = painter(sys.stdout)
        for line in lines(a, b, found, paint, args.all):
            print(line)
    return 0 if found.same else 1


def as_json(a: Program, b: Program, found: Difference) -> dict[str, object]:
    return {
        "same": found.same,
        "a": {"name": a.name, "params": found.params[0], "macs": found.macs[0]},
        "b": {"name": b.name, "params": found.params[1], "macs": found.macs[1]},
        "changes": [change.as_json() for change in found.changes],
    }


def lines(
    a: Program, b: Program, found: Difference, paint: Paint, everything: bool
) -> Iterator[str]:
    yield paint(printable(f"{a.name} → {b.name}"), "bold")
    if found.same:
        yield "no difference"
        return
    yield f"parameters  {_change(*found.params, counted)}"
    yield f"MACs        {_change(*found.macs, short)}"
    shown = [one for one in found.changes if everything or not one.consequence]
    if shown:
        yield ""
    for one in shown:
        yield from _lines(one, paint, everything)
    hidden = len(found.changes) - len(shown)
    if hidden:
        yield paint(
            f"  and the shapes of {hidden} step{'s' * (hidden > 1)} (--all shows them)", "dim"
        )


def _change(old: int, new: int, text: object) -> str:
    assert callable(text)
    return f"{text(old)} → {text(new)}" if old != new else f"{text(old)}"


def _lines(one: Change, paint: Paint, everything: bool) -> Iterator[str]:
    mark, style = MARKS[one.kind]
    path = printable(one.path or "(the whole network)")
    yield f"{paint(mark, style)} {path}  {printable(one.what)}"
    for name, old, new in one.facts:
        if everything or name not in ("shape", "weights"):
            yield f"    {printable(name)}: {_value(old)} → {_value(new)}"


def _value(text: str) -> str:
    """A fact's text with its numbers to six figures."""
    short = re.sub(r"\d+\.\d{5,}(e[-+]\d+)?", lambda match: f"{float(match[0]):.6g}", text)
    return fitted(printable(short) or "-", 100)
