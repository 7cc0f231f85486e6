"""Large literals, which stand at the end of a file."""

from __future__ import annotations

from collections.abc import Sequence

from archc_torch.code import literal
from archc_torch.write.wrap import INDENT, WIDTH, filled, indented


def packed(head: str, value: object, tail: str, room: int = WIDTH) -> list[str]:
    """A literal between `head` and `tail`, in lines of `room` characters.

    A row of numbers in as few lines as hold it, rows of rows one after the other.
    """
    if not isinstance(value, tuple | list):
        return [f"{head}{literal(value)}{tail}"]
    opening, closing = ("(", ")") if isinstance(value, tuple) else ("[", "]")
    if _flat(value) and len(value) > 1:
        whole = f"{head}{opening}{', '.join(map(literal, value))}{closing}{tail}"
        if len(whole) <= room:
            return [whole]
    deeper = room - len(INDENT)
    if _flat(value) and not any(isinstance(item, str) for item in value):
        lines = filled([f"{literal(item)}," for item in value], deeper)
    else:
        lines = [line for item in value for line in packed("", item, ",", deeper)]
    return [f"{head}{opening}", *indented(lines), f"{closing}{tail}"]


def _flat(value: Sequence[object]) -> bool:
    return not any(isinstance(item, tuple | list) for item in value)
