"""Put specs into their canonical form: comments and meaning stay as they are.

Top-level keys in one order, short steps on one line of at most 100 columns, quotes only where they
are needed. With --check or --diff nothing is written, and the exit code is 1 if a file would
change. `-` reads stdin and writes stdout.

Examples:
  archc fmt net.yaml
  archc fmt specs/ --check
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from archc.cli.report import print_json, report
from archc.cli.terminal import is_terminal, painter
from archc.errors import Diagnostic, Paint, SpecError, printable


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="+", help="specs, folders of specs, or -")
    parser.add_argument("--check", action="store_true", help="only tell which files would change")
    parser.add_argument("--diff", action="store_true", help="only show what would change")


def run(args: Namespace) -> int:
    if args.file == ["-"]:
        return from_stdin()
    from archc.format import format_file

    write = not (args.check or args.diff)
    changed: list[Path] = []
    wrong: list[Diagnostic] = []
    count = 0
    paint = painter(sys.stdout)
    for path in files(args.file):
        count += 1
        try:
            before, after = format_file(path, write)
        except SpecError as error:
            wrong += error.diagnostics
            continue
        if before != after:
            changed.append(path)
            if not args.json:
                show(path, before, after, args, paint)
    if wrong:
        report(wrong, args)
    elif args.json:
        print_json({"changed": [path.as_posix() for path in changed], "files": count})
    if not args.json and not args.quiet and not args.diff:
        print(summary(len(changed), count, write))
    return 1 if wrong or (changed and not write) else 0


def from_stdin() -> int:
    from archc.format import format_text
    from archc.spec.reader import MAX_BYTES, decode

    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    text = format_text(decode(data, "stdin"), "stdin")
    if is_terminal(sys.stdout):  # a file or another program gets the text as it is
        text = "\n".join(map(printable, text.split("\n")))
    print(text, end="")
    return 0


def files(names: list[str]) -> Iterator[Path]:
    """The files, and those in folders, each once."""
    seen: set[Path] = set()
    for name in names:
        path = Path(name)
        found = sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")]) if path.is_dir() else [path]
        for one in found:
            if one not in seen:
                seen.add(one)
                yield one


def show(path: Path, before: str, after: str, args: Namespace, paint: Paint) -> None:
    name = printable(path.as_posix())
    if not args.diff:
        print(f"{'would change' if args.check else 'formatted'} {name}")
        return
    from difflib import unified_diff

    styles = {"+": "green", "-": "red", "@": "cyan"}
    old, new = before.splitlines(), after.splitlines()
    for line in unified_diff(old, new, name, name, lineterm=""):
        print(paint(printable(line), styles.get(line[:1], "dim")))
    if old == new:
        print(f"{name}: only line ends or a byte-order mark differ")


def summary(changed: int, count: int, write: bool) -> str:
    if not changed:
        return f"{count} file{'s' * (count != 1)} in canonical form"
    verb = "formatted" if write else "would change"
    rest = count - changed
    return f"{changed} {verb}" + (
        f", {rest} left as {'they were' if rest > 1 else 'it was'}" if rest else ""
    )
