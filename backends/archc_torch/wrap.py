"""Lines of Python that are short enough.

Brackets are opened up, the outermost and longest first.
"""

from __future__ import annotations

import re

WIDTH = 100
INDENT = "    "
_OPEN, _CLOSE = "([{", ")]}"


def wrapped(text: str, width: int, comment: str = "") -> list[str]:
    """The statement as lines of at most `width` characters where its brackets allow.

    With a comment.
    """
    lines = _opened(text, width, "")
    if not comment:
        return lines
    tail = f"  # {comment}"
    if len(lines[-1]) + len(tail) <= width and len(lines) == 1:
        return [*lines[:-1], lines[-1] + tail]
    return [f"# {comment}", *lines]


def _opened(text: str, width: int, indent: str) -> list[str]:
    chain = _chained(text, width, indent) if len(indent) + len(text) > width else None
    if chain is not None:
        return chain
    group = _longest(text) if len(indent) + len(text) > width else None
    if group is None:
        return [f"{indent}{text}"]
    start, end = group
    inner, deeper = text[start + 1 : end], indent + INDENT
    grouping = text[start] == "(" and not re.match(r"[\w\])]", text[start - 1 : start])
    parts = split(inner)
    lone = len(parts) == 1 and not inner.rstrip().endswith(",")
    if len(deeper) + len(inner) <= width:
        body = [f"{deeper}{inner}"]
    elif lone and grouping:
        body = [line for part in _choice(inner) for line in _opened(part, width, deeper)]
    elif lone and len(_clauses(inner)) > 1:
        body = [line for part in _clauses(inner) for line in _opened(part, width, deeper)]
    else:
        body = [line for part in parts for line in _opened(f"{part},", width, deeper)]
    return [f"{indent}{text[: start + 1]}", *body, *_opened(text[end:], width, indent)]


def _chained(text: str, width: int, indent: str) -> list[str] | None:
    """A value that is three or more calls of methods on one another, a line each."""
    found = re.fullmatch(r"((?:[\w, ()]+ = )|return )(.*)", text)
    calls = _methods(found[2]) if found is not None else []
    if found is None or len(calls) < 4:
        return None
    deeper = indent + INDENT
    body = [line for call in calls for line in _opened(call, width, deeper)]
    return [f"{indent}{found[1]}(", *body, f"{indent})"]


def _methods(text: str) -> list[str]:
    """`a.b(c).d(e)` as `a.b(c)` and `.d(e)`; one part where there is more to it."""
    parts: list[str] = []
    depth = start = 0
    for place, character in enumerate(text):
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif depth == 0 and character in " \"'":
            return [text]
        elif depth == 0 and character == "." and text[place - 1] == ")":
            parts.append(text[start:place])
            start = place
    return [*parts, text[start:]]


def _clauses(text: str) -> list[str]:
    """A comprehension in its parts: what it gives, `for …`, `for …`."""
    parts: list[str] = []
    depth = start = 0
    for place, character in enumerate(text):
        depth += (character in _OPEN) - (character in _CLOSE)
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
    depth = start = 0
    quote = ""
    escaped = False
    for place, character in enumerate(text):
        if quote:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif character == "," and depth == 0:
            items.append(text[start:place].strip())
            start = place + 1
    last = text[start:].strip()
    return [*items, last] if last else items


def _longest(text: str) -> tuple[int, int] | None:
    """The longest bracket that is in no other and not empty: where it opens and closes."""
    best: tuple[int, int] | None = None
    depth = start = 0
    quote = ""
    escaped = False
    for place, character in enumerate(text):
        if quote:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character in _OPEN:
            start = place if depth == 0 else start
            depth += 1
        elif character in _CLOSE:
            depth -= 1
            if (
                depth == 0
                and place > start + 1
                and (best is None or place - start > best[1] - best[0])
            ):
                best = (start, place)
    return best
