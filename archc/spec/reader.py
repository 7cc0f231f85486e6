"""YAML text to data with positions.

The subset is small and safe: YAML 1.2 core scalars, no anchors, aliases, merge keys or tags, no
duplicate keys. libyaml yields events; the tree is built here with a stack of our own, so that depth
is bounded before recursion starts anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from archc.errors import ArchcError, Diagnostic, Findings, SpecError
from archc.place import Place, Source
from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence
from archc.spec.scalars import resolve
from archc.spec.syntax import is_formula, syntax_error, unclosed, whole

MAX_BYTES = 4 << 20
MAX_DEPTH = 48
MAX_NODES = 80_000


class Room:
    """How much may still be read of a spec and all files that it uses."""

    def __init__(self) -> None:
        self.bytes, self.values = MAX_BYTES, MAX_NODES


def read_file(path: Path, shown: str | None = None, room: Room | None = None) -> Mapping:
    """The file's data. Raises SpecError E101…E109 with every finding that can be told apart."""
    room = room or Room()
    name = shown if shown is not None else path.as_posix()
    try:
        if not path.is_file():
            missing = "is a directory, not a file" if path.is_dir() else "no such file"
            raise SpecError.of("E101", f"cannot read {name}: {missing}", whole(name))
        if path.stat().st_size > room.bytes:
            raise _too_large(name)
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a zero in it
        why = error.strerror if isinstance(error, OSError) else None
        raise SpecError.of("E101", f"cannot read {name}: {why or error}", whole(name)) from error
    return read_text(decode(data, name), name, room)


def _too_large(name: str) -> ArchcError:
    what = f"{name} is larger than {MAX_BYTES >> 20} MiB, with the files that use it"
    return SpecError.of("E108", what, whole(name))


def decode(data: bytes, name: str) -> str:
    """UTF-8 text with or without a byte-order mark; anything else is an error."""
    if b"\0" in data[:4096]:
        raise SpecError.of(
            "E102",
            f"{name} is a binary file, not a spec",
            whole(name),
            help="a spec is YAML text in UTF-8",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError.of(
            "E102",
            f"{name} is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}",
            whole(name),
            help="save the file as UTF-8",
        ) from error


def read_text(text: str, name: str, room: Room | None = None) -> Mapping:
    """The text's data, as `read_file`."""
    room = room or Room()
    if len(text) > room.bytes:
        raise _too_large(name)
    room.bytes -= len(text)
    source = Source(name, text.replace("\r\n", "\n").replace("\r", "\n"))
    tree = _Builder(source, room)
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(source.text)
        while loader.check_event():
            tree.take(loader.get_event())
    except yaml.YAMLError as error:
        raise SpecError([*tree.findings, syntax_error(error, source)]) from error
    if tree.findings:
        raise SpecError(tree.findings)
    if tree.root is None or (isinstance(tree.root, Scalar) and tree.root.value is None):
        raise SpecError.of("E103", f"{name} is empty", whole(name), help="begin with: archc: 1")
    if not isinstance(tree.root, Mapping):
        raise SpecError.of(
            "E103",
            "a spec is a mapping of keys, such as 'graph:'",
            tree.root.place,
            help="begin with: archc: 1",
        )
    return tree.root


class _Builder:
    """Takes events, keeps a stack of open collections, gathers findings."""

    def __init__(self, source: Source, room: Room) -> None:
        self.source, self.room = source, room
        self.root: Data | None = None
        self.findings = Findings()
        self.stack: list[tuple[Sequence | Mapping, Scalar | None]] = []
        self.documents = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._check(event)
            self._put(self._scalar(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._check(event)
            place = self._place(event)
            sequence = isinstance(event, yaml.SequenceStartEvent)
            data: Sequence | Mapping = Sequence([], place) if sequence else Mapping({}, place)
            if len(self.stack) >= MAX_DEPTH:
                raise SpecError.of("E108", f"nested more than {MAX_DEPTH} deep", place)
            self._put(data, opens=True)
            self.stack.append((data, None))
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise SpecError.of(
                "E107",
                "aliases are not part of the language",
                self._place(event),
                help="write a block or a parameter and use it by name",
            )
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise SpecError.of(
                    "E104", "a spec is one document", self._place(event), help="remove '---'"
                )

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        same_line = end.line == start.line and end.column > start.column
        return Place(
            self.source,
            start.line + 1,
            start.column + 1,
            end.column - start.column if same_line else 1,
        )

    def _check(self, event: Any) -> None:
        self.room.values -= 1
        if self.room.values < 0:
            raise SpecError.of("E108", f"more than {MAX_NODES:,} values", self._place(event))
        if event.anchor is not None:
            raise SpecError.of(
                "E107",
                "anchors are not part of the language",
                self._place(event),
                help="write a block or a parameter and use it by name",
            )
        if event.tag is not None:
            raise SpecError.of("E107", "tags are not part of the language", self._place(event))

    def _scalar(self, event: Any) -> Scalar:
        is_plain = event.style is None or event.style == ""
        text: str = event.value
        place = self._place(event)
        if is_plain and is_formula(text) and unclosed(text):
            self._finding_unquoted(place)
        return Scalar(resolve(text) if is_plain else text, place, is_plain)

    def _finding_unquoted(self, place: Place) -> None:
        self.findings.append(
            Diagnostic(
                "E109",
                "this formula ends before its bracket is closed",
                place,
                label="YAML ended the formula here",
                help='inside {…} quote a formula with a comma or a bracket: {out: "=max(1, n)"}',
            )
        )

    def _put(self, data: Data, opens: bool = False) -> None:
        if not self.stack:
            if self.root is None:
                self.root = data
            return
        parent, key = self.stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(data)
        elif key is None:
            if opens or not isinstance(data, Scalar):
                raise SpecError.of("E104", "a key is a name, not a list or a mapping", data.place)
            self.stack[-1] = (parent, data)
        else:
            self._put_entry(parent, key, data)
            self.stack[-1] = (parent, None)

    def _put_entry(self, parent: Mapping, key: Scalar, data: Data) -> None:
        name = key.value
        if name == "<<" and key.plain:
            raise SpecError.of("E107", "merge keys are not part of the language", key.place)
        if not isinstance(name, str | int) or isinstance(name, bool):
            name = _written(key)
        if name in parent.entries:
            first = parent.entries[name].key.place
            self.findings.append(
                Diagnostic(
                    "E106",
                    f"the key '{name}' is written twice",
                    key.place,
                    notes=(f"first at {first}",),
                )
            )
            return
        parent.entries[name] = Entry(key, data)


def _written(key: Scalar) -> str:
    text = key.place.text[key.place.column - 1 : key.place.column - 1 + key.place.length]
    return text or str(key.value)
