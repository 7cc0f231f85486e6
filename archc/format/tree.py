"""A spec's text as a tree that keeps what data alone loses: comments, blank lines, the layout.

Comments are attached in four places, and the code's comments refer to the numbers:

1. above an entry, on lines of their own;
2. beside an entry, on the line where it begins, or ends if it is on one line;
3. below the last entry of a collection, indented as deep as the collection;
4. at the head of the file, above its first key.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from archc.spec.data import Plain
from archc.spec.scalars import resolve

UNKNOWN = "\0"
Position = tuple[int, int]  # line and column, from 0
_BREAK = re.compile("[\n\x85\u2028\u2029]")  # what libyaml counts as a line's end


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text`; `column` is where it stands in the source, `own` that nothing stands before it."""

    position: Position
    text: str
    own: bool


@dataclass(eq=False, slots=True)
class Node:
    """A value.

    `text` is a scalar's source as written, `style` how: "" plain, a quote, "|" or ">". `flow` tells
    a collection in brackets from one in lines.
    """

    kind: Literal["scalar", "list", "map"]
    start: Position
    end: Position
    value: Plain = None
    text: str = ""
    style: str = ""
    flow: bool = False
    line: str | None = UNKNOWN  # what `layout.one_line` found
    entries: list[Entry] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Entry:
    """An item of a list, or a key with its value. "" among the lines above is a blank line."""

    key: Node | None
    value: Node
    parent: Entry | None
    within: Node  # the collection it is an entry of
    above: list[str] = field(default_factory=list)
    beside: Comment | None = None
    below: list[str] = field(default_factory=list)

    @property
    def start(self) -> Position:
        return self.key.start if self.key is not None else self.value.start

    @property
    def end(self) -> Position:
        return max(self.value.end, self.key.end if self.key is not None else (0, 0))

    @property
    def column(self) -> int:
        """Where its line is indented to: a list's items stand behind their dash."""
        return self.within.start[1] if not self.within.flow else self.start[1]


@dataclass(eq=False, slots=True)
class Tree:
    """A file: its value, and the comments at its head (4)."""

    root: Node
    head: list[str]
    comments: list[Comment]


def parse(text: str) -> Tree:
    """The tree of a text that the reader has accepted."""
    lines = _BREAK.split(text)
    builder = _Builder(lines)
    parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    while parser.check_event():
        builder.take(parser.get_event())
    assert builder.root is not None
    entries = list(_walk(builder.root))
    comments = list(_comments(lines, builder.scalars))
    tree = Tree(builder.root, [], comments)
    _Attach(tree, entries, lines, builder.scalars).all()
    return tree


class _Builder:
    """Takes the parser's events and nests them."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.root: Node | None = None
        self.scalars: list[Node] = []
        self.stack: list[
            tuple[Node, Node | None, Entry | None]
        ] = []  # collection, key, its own entry

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
            self.scalars.append(node)
            self._put(node)
        elif isinstance(event, yaml.CollectionStartEvent):
            kind: Literal["list", "map"] = (
                "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
            )
            start = _position(event.start_mark)
            node = Node(kind, start, start, flow=bool(event.flow_style))
            self.stack.append((node, None, self._put(node)))
        elif isinstance(event, yaml.CollectionEndEvent):
            node, _, _ = self.stack.pop()
            if node.flow:
                node.end = _position(event.end_mark)
            elif node.entries:
                node.end = node.entries[-1].end

    def _put(self, node: Node) -> Entry | None:
        if not self.stack:
            self.root = self.root or node
            return None
        parent, key, own = self.stack[-1]
        if parent.kind == "map" and key is None:
            self.stack[-1] = (parent, node, own)
            return None
        if node.kind == "scalar" and not node.style and node.text == "" and key is not None:
            node.start = node.end = key.end  # a value left out
        entry = Entry(key, node, own, parent)
        parent.entries.append(entry)
        if parent.kind == "map":
            self.stack[-1] = (parent, None, own)
        return entry

    def _scalar(self, event: Any) -> Node:
        start, end = _position(event.start_mark), _position(event.end_mark)
        style = event.style or ""
        if style in ("|", ">") and "+" not in self.lines[start[0]][start[1] :].split("#")[0]:
            end = (max(end[0], start[0] + 1), 0)
            while end[0] - 1 > start[0] and not self.lines[end[0] - 1].strip():
                end = (end[0] - 1, 0)  # blank lines after the text are not part of it
        node = Node("scalar", start, end, style=style)
        node.value = event.value if style else resolve(event.value)
        node.text = self._between(start, end)
        return node

    def _between(self, start: Position, end: Position) -> str:
        first, last = start[0], end[0]
        if first == last:
            return self.lines[first][start[1] : end[1]]
        middle = self.lines[first + 1 : last]
        rest = self.lines[last][: end[1]] if last < len(self.lines) else ""
        return "\n".join([self.lines[first][start[1] :], *middle, rest])


def _position(mark: Any) -> Position:
    return mark.line, mark.column


def _walk(node: Node) -> Iterator[Entry]:
    """All entries below a node, in the order of the text."""
    for entry in node.entries:
        yield entry
        yield from _walk(entry.value)


_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*[ ]+(#.*)")


def _comments(lines: list[str], scalars: list[Node]) -> Iterator[Comment]:
    """Every `#` outside of scalars begins a comment, which takes the rest of its line."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for node in scalars:
        (first, start), (last, end) = node.start, node.end
        for line in range(first, min(last, len(lines) - 1) + 1):
            begin = start if line == first else 0
            stop = end if line == last else len(lines[line])
            if line == first and node.style in ("|", ">"):
                header = _HEADER_COMMENT.match(lines[line], start)
                stop = header.start(1) if header else stop
            spans.setdefault(line, []).append((begin, stop))
    for number, text in enumerate(lines):
        at = text.find("#")
        for begin, stop in spans.get(number, ()):  # in the order of the line
            if at < begin:
                break
            at = text.find("#", stop) if at < stop else at
        if at >= 0:
            yield Comment((number, at), text[at:].rstrip(), not text[:at].strip())


class _Attach:
    """Gives every comment and blank line to an entry."""

    def __init__(
        self, tree: Tree, entries: list[Entry], lines: list[str], scalars: list[Node]
    ) -> None:
        self.tree, self.entries, self.lines = tree, entries, lines
        self.starts = [entry.start for entry in entries]
        self.text_lines = {
            line
            for node in scalars
            if node.style in ("|", ">")
            for line in range(node.start[0] + 1, node.end[0])
        }

    def all(self) -> None:
        for comment in self.tree.comments:
            self._own(comment) if comment.own else self._trailing(comment)
        for entry in self.entries:
            if self._blank_above(entry.start[0]) and not entry.within.flow:
                entry.above.append("")
        for entry in self.entries:
            first = entry.value.entries[0] if entry.value.entries else None
            while first is not None and first.above[:1] == [""]:
                del first.above[0]
        for above in (self.tree.head, self.entries[0].above if self.entries else []):
            while above[:1] == [""] and not (above is not self.tree.head and self.tree.head):
                del above[0]

    def _blank_above(self, line: int) -> bool:
        return line > 0 and not self.lines[line - 1].strip() and line - 1 not in self.text_lines

    def _lines(self, comment: Comment) -> list[str]:
        return ["", comment.text] if self._blank_above(comment.position[0]) else [comment.text]

    def _own(self, comment: Comment) -> None:
        at = bisect_right(self.starts, comment.position)
        after = self.entries[at] if at < len(self.entries) else None
        if at == 0:
            self.tree.head += self._lines(comment)  # 4
            return
        before = self.entries[at - 1]
        holder = self._flow_around(before, comment)
        if holder is not None:
            if after is not None and after.start < holder.value.end:
                after.above += self._lines(comment)  # 1
            elif holder.value.entries:
                holder.value.entries[-1].below += self._lines(comment)  # 3
            else:
                holder.above += self._lines(comment)
            return
        column = comment.position[1]
        if after is not None and (after.parent is before or column <= after.column):
            after.above += self._lines(comment)  # 1
            return
        chain = [entry for entry in _upwards(before) if not entry.within.flow]
        owner = next((entry for entry in chain if entry.column <= column), None)
        if owner is not None:
            owner.below += self._lines(comment)  # 3
        elif after is not None:
            after.above += self._lines(comment)
        else:
            chain[-1].below += self._lines(comment)

    def _flow_around(self, before: Entry, comment: Comment) -> Entry | None:
        """The entry whose value is the innermost pair of brackets around the comment."""
        for entry in _upwards(before):
            value = entry.value
            if value.flow and value.start < comment.position < value.end:
                return entry
        return None

    def _trailing(self, comment: Comment) -> None:
        line = comment.position[0]
        at = bisect_right(self.starts, comment.position)
        entry = self.entries[at - 1] if at else None
        if entry is not None and entry.start[0] == line:
            while (
                entry.parent is not None
                and entry.parent.end <= comment.position
                and (entry.parent.start[0] == line or entry.parent.value.flow)
            ):
                entry = entry.parent
            self._beside(entry, comment)  # 2
            return
        ended = [
            above
            for above in (_upwards(entry) if entry else ())
            if above.end[0] == line and (above.value.flow or above.value.kind == "scalar")
        ]
        if ended:
            self._beside(ended[-1], comment)  # 2
        elif at < len(self.entries):
            self.entries[at].above += [comment.text]
        else:
            self.entries[-1].below += [comment.text]

    def _beside(self, entry: Entry, comment: Comment) -> None:
        if entry.beside is None:
            entry.beside = comment
        else:
            entry.above.append(comment.text)


def _upwards(entry: Entry) -> Iterator[Entry]:
    one: Entry | None = entry
    while one is not None:
        yield one
        one = one.parent
