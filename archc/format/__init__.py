"""`archc fmt`: a spec's text in its canonical form, comments and meaning kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archc.errors import InternalError, SpecError
from archc.files import replacing
from archc.spec.ast import TYPE_NAMES
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.reader import MAX_BYTES, decode, read_text
from archc.spec.syntax import whole


def format_text(text: str, name: str = "spec.yaml") -> str:
    """The canonical form of a spec's text. Raises SpecError where the text cannot be read."""
    from archc.format.layout import layout
    from archc.format.tree import parse

    before = read_text(text, name)
    tree = parse(before.place.source.text.removeprefix("\ufeff"))
    comments = sorted(comment.text for comment in tree.comments)
    result = layout(tree)
    after = read_text(result, name)
    if meaning(before) != meaning(after) or comments != sorted(
        c.text for c in parse(result).comments
    ):
        raise InternalError.of(
            "E904", f"{name} was left as it is: its canonical form would not mean the same",
            help="this is a bug in archc: please report it with the file",
        )  # fmt: skip
    return result


def format_file(path: Path, write: bool = True) -> tuple[str, str]:
    """A file's text before and after; it is replaced if that differs and `write` says so.

    Raises SpecError where it cannot be read, InputError where it cannot be
    written, InternalError E904 where the result would mean something else.
    """
    name = path.as_posix()
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise SpecError.of("E108", f"{name} is larger than {MAX_BYTES >> 20} MiB", whole(name))
        data = path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise SpecError.of("E101", f"cannot read {name}: {why}", whole(name)) from error
    result = format_text(decode(data, name), name)
    encoded = result.encode()
    if write and encoded != data:
        with replacing(path, len(encoded)) as file:
            file.write(encoded)
    return data.decode("utf-8"), result


def meaning(data: Mapping) -> Any:
    """What must not change: all data in order, but for the order of the top-level keys."""
    top = {key: _ordered(entry.value) for key, entry in data.entries.items()}
    return sorted(((repr(key), value) for key, value in top.items()), key=lambda pair: pair[0])


def _ordered(data: Data) -> Any:
    match data:
        case Scalar(value):
            return (repr(value), data.plain and value in TYPE_NAMES)
        case Sequence(items):
            return [_ordered(item) for item in items]
        case Mapping(entries):
            return {"map": sorted((repr(k), _ordered(e.value)) for k, e in entries.items())}


__all__ = ["format_file", "format_text", "meaning"]
