"""Lines of Python that are short enough: brackets open up, the outermost and longest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

WIDTH = 100
INDENT = "    "
_OPEN, _CLOSE = "([{", ")]}"


def indented(lines: Iterable[str]) -> list[str]:
    """The lines one step further in."""
    return [INDENT + line if line else "" for line in lines]


def filled(words: Sequence[str], width: int) -> list[str]:
    """The words in lines of that width."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def wrapped(text: str, width: int, comment: str = "") -> list[str]:
    """The statement with its comment, in lines of `width` characters where its brackets allow."""
    lines = _opened(text, width, "")
    if not comment:
        return lines
    whole = f"{text}  # {comment}"
    return [whole] if lines == [text] and len(whole) <= width else [f"# {comment}", *lines]


def _opened(text: str, width: int, indent: str) -> list[str]:
    if len(indent) + len(text) <= width:
        return [f"{indent}{text}"]
    calls = _chained(text, width, indent)
    if calls:
        return calls
    group = _longest(text)
    if group is None:
        return [f"{indent}{text}"]
    start, end = group
    inner, deeper = text[start + 1 : end], indent + INDENT
    if len(deeper) + len(inner) <= width:
        body = [f"{deeper}{inner}"]
    else:
        body = [
            line for part in _parts(text, start, inner) for line in _opened(part, width, deeper)
        ]
    return [f"{indent}{text[: start + 1]}", *body, *_opened(text[end:], width, indent)]


def _parts(text: str, start: int, inner: str) -> list[str]:
    """What is in the bracket that opens at `start`, in parts with a line each."""
    items = split(inner)
    if len(items) == 1 and not inner.rstrip().endswith(","):
        grouping = text[start] == "(" and not re.match(r"[\w\])]", text[start - 1 : start])
        if grouping:
            return _choice(inner)
        clauses = _clauses(inner)
        if len(clauses) > 1:
            return clauses
    return [f"{item}," for item in items]


def _chained(text: str, width: int, indent: str) -> list[str]:
    """A value that is three or more calls of methods on one another, a line each."""
    found = re.fullmatch(r"((?:[\w, ()]+ = )|return )(.*)", text)
    calls = _methods(found[2]) if found is not None else []
    if found is None or len(calls) < 4:
        return []
    deeper = indent + INDENT
    body = [line for call in calls for line in _opened(call, width, deeper)]
    return [f"{indent}{found[1]}(", *body, f"{indent})"]


def _methods(text: str) -> list[str]:
    """`a.b(c).d(e)` as `a.b(c)` and `.d(e)`; one part where there is more to it."""
    parts: list[str] = []
    start = 0
    for place, character, depth in _scan(text):
        if depth == 0 and character in " \"'":
            return [text]
        if depth == 0 and character == "." and text[place - 1] == ")":
            parts.append(text[start:place])
            start = place
    return [*parts, text[start:]]


def _clauses(text: str) -> list[str]:
    """A comprehension in its parts: what it gives, `for …`, `for …`."""
    parts: list[str] = []
    start = 0
    for place, _, depth in _scan(text):
        if depth == 0 and text.startswith(" for ", place):
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _choice(text: str) -> list[str]:
    """A conditional expression in its parts: the value, `if …`, `else …`."""
    found = re.fullmatch(r"(.*) (if [^\[\](){}]*) (else .*)", text)
    return list(found.groups()) if found is not None else [text]


def split(text: str) -> list[str]:
    """The items between the commas that are in no bracket and no string."""
    items: list[str] = []
    start = 0
    for place, character, depth in _scan(text):
        if character == "," and depth == 0:
            items.append(text[start:place].strip())
            start = place + 1
    last = text[start:].strip()
    return [*items, last] if last else items


def _longest(text: str) -> tuple[int, int] | None:
    """The longest bracket that is in no other and not empty: where it opens and closes."""
    best: tuple[int, int] | None = None
    start = 0
    for place, character, depth in _scan(text):
        if character in _OPEN and depth == 1:
            start = place
        elif character in _CLOSE and depth == 0:
            longer = best is None or place - start > best[1] - best[0]
            best = (start, place) if longer and place > start + 1 else best
    return best


def _scan(text: str) -> Iterator[tuple[int, str, int]]:
    """Each character that is in no string, with its place and how deep in brackets it leaves us."""
    depth = 0
    quote = ""
    escaped = False
    for place, character in enumerate(text):
        if quote and not escaped and character == quote:
            quote = ""
            continue
        escaped = bool(quote) and not escaped and character == "\\"
        if quote:
            continue
        depth += (character in _OPEN) - (character in _CLOSE)
        yield place, character, depth
        if character in "\"'":
            quote = character
