"""Explain an error code, an op, a block or a topic; without an argument, list what there is.

Examples:
  archc explain E301
  archc explain conv2d
  archc explain formulas
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from itertools import groupby

from archc.cli.terminal import Column, painter, table, width
from archc.errors import Paint, UsageError, did_you_mean, printable
from archc.explain import CODE, codes, examples, page, title, topics


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", metavar="CODE|OP|TOPIC", nargs="?", help="such as E301, conv2d, formulas"
    )


def run(args: Namespace) -> int:
    from archc.cli.report import print_json

    if args.what is None:
        if args.json:
            print_json(index())
        else:
            print("\n".join(listing(painter(sys.stdout))))
        return 0
    kind, name, text = find(args.what)
    if args.json:
        print_json({"kind": kind, "name": name, "text": text} | _example_texts(text))
    else:
        print("\n".join(shown(text, painter(sys.stdout), width(sys.stdout))))
    return 0


def find(what: str) -> tuple[str, str, str]:
    """(kind, name, page). Raises UsageError E702."""
    if CODE.match(what.upper()):
        name = what.upper()
        text = page(name)
        if text is not None:
            return "code", name, text
        raise UsageError.of("E702", f"there is no code {name}", help=did_you_mean(name, codes()))
    if what.lower() == "ops":
        return "topic", "ops", ops_page()
    if what.lower() in topics():
        return "topic", what.lower(), page(what.lower()) or ""
    from archc.explain.reference import block_page, op_page
    from archc.ops.registry import ops
    from archc.spec.load import prelude

    if what in ops():
        return "op", what, op_page(ops()[what])
    if what in prelude():
        return "block", what, block_page(prelude()[what])
    known = [*ops(), *prelude(), *topics(), "ops", *codes()]
    raise UsageError.of(
        "E702", f"nothing to explain is called '{what[:80]}'", help=did_you_mean(what, known)
    )


def ops_page() -> str:
    """All ops and blocks by kind."""
    from archc.explain.reference import op_index

    lines = ["# Ops", ""]
    for kind, names in op_index():
        lines += [f"{kind}", "", f"    {_wrapped(names)}", ""]
    return "\n".join([*lines, "`archc explain NAME` tells about one of them.", ""])


def _wrapped(names: list[str]) -> str:
    import textwrap

    return "\n    ".join(textwrap.wrap(", ".join(names), 90))


def index() -> dict[str, object]:
    """What can be explained."""
    from archc.ops.registry import ops
    from archc.spec.load import prelude

    return {
        "topics": {name: title(name) for name in topics()} | {"ops": "All ops by kind"},
        "codes": {name: title(name) for name in codes()},
        "ops": sorted(ops()),
        "blocks": sorted(prelude()),
    }


def listing(paint: Paint) -> Iterator[str]:
    """The index for people."""
    yield paint("Topics", "bold")
    for name in topics():
        yield f"  {name:<12} {title(name)}"
    yield f"  {'ops':<12} All ops by kind"
    yield ""
    yield paint("Codes", "bold")
    for name in codes():
        yield f"  {name}  {title(name)}"
    yield ""
    yield "archc explain NAME tells about a topic, a code or an op."


def _example_texts(text: str) -> dict[str, object]:
    found = {"wrong" if one.wrong else "right": one.text for one in examples(text)}
    return {"examples": found} if found else {}


def shown(text: str, paint: Paint, room: int | None = None) -> Iterator[str]:
    """A page's lines for the terminal: Markdown as it is, but for headings, fences and tables."""
    fenced = False
    for is_table, group in groupby(text.rstrip().splitlines(), lambda line: line.startswith("|")):
        rows = list(group)
        if is_table and not fenced:
            yield from drawn(rows, paint, room)
            continue
        for raw in rows:
            line = printable(raw)
            if raw.startswith("```"):
                fenced = not fenced
                word = raw.rpartition(" ")[2] if fenced else ""
                if word == "wrong":
                    yield paint("wrong:", "error")
                elif word == "right":
                    yield paint("right:" if "yaml wrong\n" in text else "example:", "help")
            elif fenced:
                yield f"    {line}"
            elif raw.startswith("#"):
                yield paint(line.lstrip("# "), "bold")
            else:
                yield line


def drawn(rows: Sequence[str], paint: Paint, room: int | None) -> Iterator[str]:
    """A Markdown table as one for the terminal."""
    cells = [[cell.strip() for cell in _CELLS.split(row.strip("| "))] for row in rows]
    titles, _, *body = cells
    count = max(map(len, cells))
    columns = [
        Column(title, flexible=k == count - 1)
        for k, title in enumerate([*titles, *[""] * (count - len(titles))])
    ]
    filled = [[_plain(cell) for cell in [*row, *[""] * (count - len(row))]] for row in body]
    yield from table(columns, filled, room, paint)


_CELLS = re.compile(r"(?<!\\)\|")


def _plain(cell: str) -> str:
    return cell.strip().replace("`", "").replace("\\|", "|")
