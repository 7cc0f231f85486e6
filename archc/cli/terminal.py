"""What the terminal shows: colour, width, tables, progress. Tables take hostile text."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO, TypeVar

from archc.errors import Paint, columns, printable

T = TypeVar("T")

CODES = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36",
    "error": "1;31", "warning": "1;33", "gutter": "34", "help": "32",
}  # fmt: skip


def is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def coloured(stream: TextIO | None) -> bool:
    """Whether the stream is a terminal that shows colour and its user wants it (no-color.org)."""
    if not is_terminal(stream) or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    # Consoles of Windows show escapes only where a newer terminal asked for them.
    return sys.platform != "win32" or bool(os.environ.get("WT_SESSION") or os.environ.get("TERM"))


def painter(stream: TextIO | None) -> Paint:
    """A function that gives text a style on this stream."""
    if not coloured(stream):
        return lambda text, style: text
    return lambda text, style: f"\x1b[{CODES[style]}m{text}\x1b[0m" if text else text


def width(stream: TextIO | None) -> int | None:
    """The stream's columns; None where it is no terminal, and lines may be as long as they are."""
    return shutil.get_terminal_size((100, 24)).columns if is_terminal(stream) else None


def fitted(text: str, room: int) -> str:
    """The text in at most so many columns, its end cut off where it is longer."""
    if columns(text) <= room:
        return text
    kept = ""
    for character in text:
        if columns(kept + character) > room - 1:
            break
        kept += character
    return kept + "…" if room > 0 else ""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column. What is `flexible` is cut where the terminal is too narrow."""

    title: str
    align: Literal["left", "right"] = "left"
    flexible: bool = False
    style: str = ""


Row = Sequence[str]
RULE: Row = ()  # a row that draws a line


def table(
    columns_: Sequence[Column], rows: Sequence[Row], room: int | None, paint: Paint
) -> Iterator[str]:
    """The lines of a table; `room` is the width it must fit, if any. Cells may be hostile text."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [
        max([columns(column.title), *(columns(row[k]) for row in cells if row)])
        for k, column in enumerate(columns_)
    ]
    if room is not None:
        shrink(widths, [column.flexible for column in columns_], room - 2 * (len(widths) - 1))
    yield paint(line([c.title for c in columns_], widths, columns_).rstrip(), "bold")
    rule = paint("─" * (sum(widths) + 2 * (len(widths) - 1)), "dim")
    yield rule
    for row in cells:
        yield line(row, widths, columns_, paint).rstrip() if row else rule


def shrink(widths: list[int], flexible: Sequence[bool], room: int) -> None:
    """Takes columns from the widest flexible ones until all fit, or each has only eight left."""
    while sum(widths) > room:
        wide = [k for k, may in enumerate(flexible) if may and widths[k] > 8]
        if not wide:
            return
        widths[max(wide, key=lambda k: widths[k])] -= 1


def line(
    row: Row, widths: Sequence[int], columns_: Sequence[Column], paint: Paint | None = None
) -> str:
    """A row of a table whose columns are so wide, for one that is shown row by row."""
    parts = []
    for cell, wide, column in zip(row, widths, columns_, strict=True):
        text = fitted(cell, wide)
        space = " " * (wide - columns(text))
        if paint is not None and column.style:
            text = paint(text, column.style)
        parts.append(space + text if column.align == "right" else text + space)
    return "  ".join(parts)


def progress(items: Iterable[T], total: int, label: str, quiet: bool = False) -> Iterator[T]:
    """The items, while a line on the terminal's stderr tells how far they are."""
    stream = sys.stderr
    if quiet or not is_terminal(stream) or total < 2:
        yield from items
        return
    shown, last = 0, time.monotonic()
    try:
        for k, item in enumerate(items):
            now = time.monotonic()
            if now - last > 0.1:
                text = f"{label} {k}/{total}"
                stream.write(f"\r{text:<{shown}}")
                stream.flush()
                shown, last = len(text), now
            yield item
    finally:
        if shown:
            stream.write("\r" + " " * shown + "\r")
            stream.flush()


def counted(number: int) -> str:
    """`25,557,032`."""
    return f"{number:,}"


def short(number: float) -> str:
    """`25.6 M`: three figures and a letter."""
    size, letters = float(abs(number)), " KMGTP"
    while size >= 999.5 and len(letters) > 1:
        size, letters = size / 1000, letters[1:]
    if letters[0] == " ":
        return str(int(number))
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{'-' if number < 0 else ''}{size:.{digits}f} {letters[0]}"
