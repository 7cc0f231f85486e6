"""Lines of Python that are short enough: brackets are opened up, the outermost and longest first."""

from __future__ import annotations

WIDTH = 100
INDENT = "    "
_OPEN, _CLOSE = "([{", ")]}"


def wrapped(text: str, width: int, comment: str = "", indent: str = "") -> list[str]:
    """The statement as lines of at most `width` characters where its brackets allow, the comment at its end."""
    tail = f"  # {comment}" if comment else ""
    if len(indent) + len(text) + len(tail) <= width:
        return [f"{indent}{text}{tail}"]
    if tail and len(indent) + len(text) <= width:
        return [f"{indent}# {comment}", f"{indent}{text}"]
    group = _longest(text)
    if group is None:
        return [f"{indent}{text}{tail}"]
    start, end = group
    inner, deeper = text[start + 1 : end], indent + INDENT
    parts = split(inner)
    lone = len(parts) == 1 and not inner.rstrip().endswith(",")
    if len(deeper) + len(inner) <= width:
        body = [f"{deeper}{inner}"]
    else:
        body = [
            line for part in parts
            for line in wrapped(f"{part}{'' if _bare(part, lone) else ','}", width, "", deeper)
        ]  # fmt: skip
    rest = wrapped(text[end:], width, comment, indent) if _longest(text[end + 1 :]) else [f"{indent}{text[end:]}{tail}"]
    return [f"{indent}{text[: start + 1]}", *body, *rest]


def _bare(part: str, lone: bool) -> bool:
    """Whether an item can have no comma after it: a generator, or what stands alone in parentheses."""
    return lone and (" for " in part or part.startswith("*"))


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
            if depth == 0 and place > start + 1 and (best is None or place - start > best[1] - best[0]):
                best = (start, place)
    return best
