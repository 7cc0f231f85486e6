"""Diagnostics and logs: for people on stderr, for machines as JSON on stdout."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from archc.cli.terminal import painter, width
from archc.errors import Diagnostic, printable, render


def report(diagnostics: Iterable[Diagnostic], args: Namespace) -> None:
    """Shows what was found: readable on stderr, or with `--json` one list on stdout."""
    if args.json:
        print_json([diagnostic.as_json() for diagnostic in diagnostics])
        return
    paint = painter(sys.stderr)
    room = width(sys.stderr)
    for diagnostic in diagnostics:
        if diagnostic.severity == "warning" and args.quiet:
            continue
        print(render(diagnostic, paint, room), end="\n\n", file=sys.stderr)


def print_json(value: object) -> None:
    """One JSON document on stdout, in ASCII, so that it steers no terminal."""
    import json

    print(json.dumps(value, indent=2, allow_nan=False))


@contextmanager
def log_to(args: Namespace) -> Iterator[None]:
    """Sends the log of `archc.*` where the arguments say while the block runs."""
    handlers: list[logging.Handler] = []
    level = (
        logging.ERROR
        if args.quiet
        else (logging.WARNING, logging.INFO, logging.DEBUG)[min(args.verbose, 2)]
    )
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(level)
    console.setFormatter(_Safe("%(name)s: %(message)s"))
    handlers.append(console)
    if args.log_file:
        from archc.errors import UsageError

        try:
            file = logging.FileHandler(args.log_file, encoding="utf-8")
        except OSError as error:
            raise UsageError.of(
                "E705", f"cannot write the log to {args.log_file}: {error.strerror}"
            ) from error
        file.setLevel(logging.DEBUG)
        file.setFormatter(_Safe("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(file)
    logger = logging.getLogger("archc")
    before = logger.level
    logger.setLevel(min(handler.level for handler in handlers))
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(before)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class _Safe(logging.Formatter):
    """A formatter whose lines steer no terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(line) for line in super().format(record).splitlines())
