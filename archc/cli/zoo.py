"""List the specs that come with archc: names to use as a spec anywhere, and what they are.

Examples:
  archc zoo
  archc zoo resnet --counts        those whose name holds a text, with parameters and MACs
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archc.cli.report import print_json
from archc.cli.terminal import (
    RULE,
    Column,
    counted,
    first_sentence,
    painter,
    progress,
    table,
    width,
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "text", metavar="TEXT", nargs="?", default="", help="only names that hold it"
    )
    parser.add_argument(
        "--counts", action="store_true", help="parameters and MACs too, which takes a few seconds"
    )


@dataclass(frozen=True, slots=True)
class Known:
    """A network of the zoo: its name, its file, and what its file says about it."""

    name: str
    file: str
    variant: str | None
    doc: str
    params: int | None = None
    macs: int | None = None

    def as_json(self) -> dict[str, object]:
        what: dict[str, object] = {
            "name": self.name,
            "file": self.file,
            "variant": self.variant,
            "doc": self.doc,
        }
        return what if self.params is None else {**what, "params": self.params, "macs": self.macs}


def run(args: Namespace) -> int:
    found = [one for one in known() if args.text.lower() in one.name.lower()]
    if args.counts:
        quiet = args.quiet or args.json
        found = [with_counts(one) for one in progress(found, len(found), "reading", quiet)]
    if args.json:
        print_json([one.as_json() for one in found])
    elif not found:
        print("no spec of the zoo has a name like that", file=sys.stderr)
    else:
        show(found, args.counts)
    return 0 if found else 1


def known() -> list[Known]:
    """Every network by its name; a file's own, if it has no variants."""
    from archc.zoo import names

    entries = names()
    docs = {path: doc_of(path) for path, _ in entries.values()}
    with_variants = {path for path, variant in entries.values() if variant is not None}
    return [
        Known(name, path.name, variant, docs[path])
        for name, (path, variant) in entries.items()
        if variant is not None or path not in with_variants
    ]


def doc_of(path: Path) -> str:
    """The first sentence of what the file says about itself."""
    from archc.spec.data import Scalar
    from archc.spec.reader import read_file

    doc = read_file(path).get("doc")
    text = str(doc.value) if isinstance(doc, Scalar) and doc.value is not None else ""
    return first_sentence(text)


def with_counts(one: Known) -> Known:
    from archc.pipeline import compile

    program = compile(one.name)
    return replace(one, params=program.params, macs=program.macs)


def show(found: Sequence[Known], counts: bool) -> None:
    """A table; a file's networks stand together, and what it is stands once."""
    columns = [Column("name", style="cyan")]
    if counts:
        columns += [Column("parameters", "right"), Column("MACs", "right")]
    columns.append(Column("what it is", flexible=True))
    rows: list[Sequence[str]] = []
    for k, one in enumerate(found):
        first = k == 0 or found[k - 1].file != one.file
        cells = [one.name]
        if counts:
            cells += [counted(one.params or 0), counted(one.macs or 0)]
        rows.append([*cells, one.doc if first else ""])
    rows.append(RULE)
    for line in table(columns, rows, width(sys.stdout), painter(sys.stdout)):
        print(line)
    files = len({one.file for one in found})
    print(f"{len(found)} networks in {files} files; archc show NAME shows one of them")
