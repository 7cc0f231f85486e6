"""Hostile inputs: what each writes into an empty folder, its command, and what that ends in.

The tests hold that each ends in its error and how much memory that may take; `bench/hostile.py`
prints what each took in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Write = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """One hostile input. `code` is the diagnostic it must end in; "" where it is merely useless."""

    name: str
    code: str
    write: Write
    command: tuple[str, ...] = ("check", "net.yaml")
    status: int = 1


HEAD = "archc: 1\ninputs: {x: [N, 64]}\n"


def text(content: str, name: str = "net.yaml") -> Write:
    """A file of that text."""

    def write(folder: Path) -> None:
        (folder / name).write_text(content, encoding="utf-8")

    return write


def content(data: bytes, name: str) -> Write:
    """A file of those bytes."""

    def write(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return write


def both(*writes: Write) -> Write:
    def write(folder: Path) -> None:
        for one in writes:
            one(folder)

    return write


def net(graph: str, more: str = "") -> str:
    """A spec of an input `x` with those steps."""
    return f"{HEAD}{more}graph:\n{graph}\n"


def formula(expression: str, params: str = "") -> Write:
    """A spec with that formula."""
    more = f"params:\n{params}" if params else ""
    quoted = "'=" + expression.replace("'", "''") + "'"
    return text(net(f"  - linear: {quoted}", more))
