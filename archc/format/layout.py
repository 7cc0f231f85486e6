"""The canonical layout: what stands on one line, what in several, and in which order.

A step stands on one line where it fits; longer ones, and those with steps inside, in block style.
Other collections stay as they were written, in brackets or in lines, as long as they fit; a list of
plain values that does not fit keeps its rows.
"""

from __future__ import annotations

from enum import Enum, auto

from archc.format.scalars import block_lines, lines_of, plain_reads_back, scalar
from archc.format.tree import UNKNOWN, Entry, Node, Tree
from archc.spec.skeleton import SKELETON

WIDTH = 100
ORDER: tuple[str, ...] = tuple(SKELETON["properties"])
"""The top-level keys as they are sorted; others keep their order after them."""


class Role(Enum):
    """What a collection is in the language, which decides how it is laid out."""

    FILE = auto()
    TEMPLATES = auto()  # blocks, models
    TEMPLATE = auto()
    STEPS = auto()
    STEP = auto()
    SECTION = auto()  # as it was written
    GROUP = auto()  # a section whose values are compact: variants, defaults, inputs
    TRAIN = auto()
    COMPACT = auto()  # on one line where it fits


SECTIONS = {
    "graph": Role.STEPS, "blocks": Role.TEMPLATES, "models": Role.TEMPLATES, "variants": Role.GROUP,
    "defaults": Role.GROUP, "inputs": Role.GROUP, "train": Role.TRAIN,
}  # fmt: skip


def inner(role: Role, entry: Entry) -> Role:
    """The role of an entry's value."""
    key = entry.key.value if entry.key is not None else None
    match role:
        case Role.FILE:
            return SECTIONS.get(str(key), Role.SECTION)
        case Role.TEMPLATES:
            return Role.TEMPLATE
        case Role.TEMPLATE:
            return {"graph": Role.STEPS, "inputs": Role.GROUP}.get(str(key), Role.SECTION)
        case Role.STEPS:
            return Role.STEP
        case Role.STEP:
            return Role.STEPS if key == "do" else Role.COMPACT
        case Role.TRAIN:
            return Role.STEPS if key == "graph" else Role.TRAIN
        case Role.GROUP | Role.COMPACT:
            return Role.COMPACT
        case Role.SECTION:
            return Role.SECTION


def layout(tree: Tree) -> str:
    """The whole text in canonical form."""
    arrange(tree.root, Role.FILE)
    lines = [*tree.head, *_block(tree.root, Role.FILE, 0)]
    while lines and lines[0] == "":
        del lines[0]
    return "\n".join(lines) + "\n"


def arrange(node: Node, role: Role) -> None:
    """Sorts the top-level keys, and puts a step's op first and its `do` last."""
    if role is Role.FILE:
        known = {name: k for k, name in enumerate(ORDER)}
        node.entries.sort(key=lambda entry: known.get(_key(entry), len(known)))
    elif role is Role.STEP and node.kind == "map":
        node.entries.sort(key=_rank)
    for entry in node.entries:
        arrange(entry.value, inner(role, entry))
        if (
            entry.key is None and entry.value.entries
        ):  # what would stand behind the dash moves above it
            first = entry.value.entries[0]
            entry.above += first.above
            first.above = []
            if entry.beside is not None and _beside(first):  # one line holds one comment
                entry.above.append(entry.beside.text)
                entry.beside = None
            if len(entry.value.entries) == 1 and entry.beside is None:
                entry.beside, first.beside = first.beside, None
    for k, entry in enumerate(node.entries):
        entry.above = _single_blanks(entry.above, drop=k == 0 and role is not Role.FILE)


def _single_blanks(lines: list[str], drop: bool) -> list[str]:
    """The lines without doubled blank ones, and without any at the top if `drop` says so."""
    return [line for k, line in enumerate(lines) if line or (lines[k - 1] if k else not drop)]


def _beside(entry: Entry) -> bool:
    """Whether a comment stands on the entry's first line."""
    if entry.beside is not None:
        return True
    return entry.key is None and bool(entry.value.entries) and _beside(entry.value.entries[0])


def _key(entry: Entry) -> str:
    return str(entry.key.value) if entry.key is not None else ""


def _rank(entry: Entry) -> int:
    from archc.spec.ast import MODIFIERS

    return 1 if _key(entry) in MODIFIERS else 2 if _key(entry) == "do" else 0


# -- one line --------------------------------------------------------------------------------------


def one_line(node: Node) -> str | None:
    """The value on one line, in brackets if it is a collection; None where that loses something.

    Kept once it is known: every collection around it asks again.
    """
    if node.line is UNKNOWN:
        node.line = _one_line(node)
    return node.line


def _one_line(node: Node) -> str | None:
    if node.kind == "scalar":
        if node.style in ("|", ">"):
            return None
        return scalar(node, flow=True)
    parts: list[str] = []
    for entry in node.entries:
        value = one_line(entry.value)
        if value is None or entry.below or entry.beside or any(entry.above):
            return None
        if entry.key is None:
            parts.append(value or "null")
            continue
        key = scalar(entry.key, flow=True, key=True)
        parts.append(f"{key}: {value}" if value else key)
    text = ", ".join(parts)
    return f"{{{text}}}" if node.kind == "map" else f"[{text}]"


def prefers_line(node: Node, role: Role) -> bool:
    """Whether the collection stands on one line if it fits."""
    if not node.entries:
        return True
    match role:
        case Role.COMPACT:
            return True
        case Role.STEP:
            return node.flow or not any(_key(entry) == "do" for entry in node.entries)
        case Role.FILE | Role.TEMPLATES:
            return role is Role.TEMPLATES and node.flow
    return node.flow


# -- several lines ---------------------------------------------------------------------------------


def _block(node: Node, role: Role, indent: int) -> list[str]:
    """A collection entry by entry, each on lines of its own."""
    lines: list[str] = []
    for entry in node.entries:
        lines += [f"{' ' * indent}{text}" if text else "" for text in entry.above]
        lines += _entry(entry, inner(role, entry), indent)
        lines += [f"{' ' * indent}{text}" if text else "" for text in entry.below]
    return lines


def _entry(entry: Entry, role: Role, indent: int) -> list[str]:
    """One entry's lines: its value behind the key or dash, or below."""
    value = entry.value
    start = " " * indent + (
        "-" if entry.key is None else f"{scalar(entry.key, flow=False, key=True)}:"
    )
    if value.kind == "scalar":
        lines = _scalar(start, value, indent)
    else:
        lines = _collection(start, entry, role, indent)
    if entry.beside is not None:
        gap = max(2, entry.beside.position[1] - len(lines[0]))
        lines[0] += " " * gap + entry.beside.text
    return lines


def _scalar(start: str, node: Node, indent: int) -> list[str]:
    below = " " * (indent + 2)
    if node.style in ("|", ">") and in_lines(str(node.value)):
        header, body = block_lines(node)
        return [f"{start} {header}", *(below + line if line else "" for line in body)]
    text = scalar(node, flow=False)
    if not text:
        return [start if not start.endswith("-") else f"{start} null"]
    written = lines_of(node)
    broken = len(written) > 1 and not node.style and text == " ".join(written)
    if broken and len(f"{start} {text}") > WIDTH:
        return [f"{start} {written[0]}", *(below + line for line in written[1:])]
    return [f"{start} {text}"]


def in_lines(text: str) -> bool:
    """Whether a `|` scalar can hold the text: it shows something, and its lines end as usual."""
    return bool(text.strip()) and not set(text) & {"\x85", "\u2028", "\u2029"}


def _collection(start: str, entry: Entry, role: Role, indent: int) -> list[str]:
    value = entry.value
    text = one_line(value)
    on_a_line = text is not None and prefers_line(value, role) and not _bare_step(entry)
    if on_a_line and (not value.entries or len(f"{start} {text}") <= WIDTH):
        return [f"{start} {text}"]
    if entry.key is None:
        return _item(start, value, role, indent)
    if text is not None and (rows := _rows(value, indent + 2)):
        return [start, *rows]
    return [start, *_block(value, role, indent + 2)]


def _bare_step(entry: Entry) -> bool:
    """A list's item that is one key with a value: `- linear: 10` needs no braces."""
    value = entry.value
    if entry.key is not None or value.kind != "map" or len(value.entries) != 1:
        return False
    inside = value.entries[0]
    return scalar(inside.value, flow=True) != "" if inside.value.kind == "scalar" else True


def _item(start: str, value: Node, role: Role, indent: int) -> list[str]:
    """A collection behind its dash: the first entry on the same line."""
    lines = _block(value, role, indent + 2)
    return [f"{start} {lines[0][indent + 2 :]}", *lines[1:]]


def _rows(value: Node, indent: int) -> list[str] | None:
    """A long list of plain values and lists of them, in the rows it was written in or filled."""
    if value.kind != "list" or not value.flow or not all(map(_plain, value.entries)):
        return None
    items = [one_line(entry.value) or "null" for entry in value.entries]
    by_line: dict[int, list[str]] = {}
    for entry, item in zip(value.entries, items, strict=True):
        by_line.setdefault(entry.start[0], []).append(item)
    rows = list(by_line.values())
    lines = _bracketed(rows, indent)
    if len(rows) == 1 or any(len(line) > WIDTH for line in lines):
        lines = _bracketed(_filled(items, WIDTH - indent - 2), indent)
    return lines


def _plain(entry: Entry) -> bool:
    value = entry.value
    return value.kind == "scalar" or (value.kind == "list" and all(map(_plain, value.entries)))


def _filled(items: list[str], room: int) -> list[list[str]]:
    rows: list[list[str]] = [[]]
    for item in items:
        if rows[-1] and len(", ".join([*rows[-1], item])) > room:
            rows.append([])
        rows[-1].append(item)
    return rows


def _bracketed(rows: list[list[str]], indent: int) -> list[str]:
    texts = [", ".join(row) for row in rows]
    pad = " " * indent
    return [
        f"{pad}{'[' if k == 0 else ' '}{text}{']' if k == len(texts) - 1 else ','}"
        for k, text in enumerate(texts)
    ]


__all__ = ["WIDTH", "Role", "layout", "plain_reads_back"]
