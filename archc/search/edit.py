"""Changes of a spec as data: made on its tree in memory, and on its text, with its comments."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from archc.format.layout import layout
from archc.format.tree import Entry as Line
from archc.format.tree import Node, Tree, parse
from archc.place import Place
from archc.spec.ast import TYPE_NAMES
from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: `value`, plain data, put at a path, inserted before it, or what is there removed.

    A path walks keys of mappings and places of lists. To insert at a list's end, its length is the
    last part of the path. To move an item of a list, `value` is the place that it then has.
    """

    action: Literal["put", "insert", "remove", "move"]
    path: Path
    value: Any = None


# ---- in memory


def edited(data: Mapping, edits: Iterable[Edit]) -> Mapping:
    """The tree with the changes made in turn; what no change touches is shared with the old one."""
    for edit in edits:
        changed = _edited(data, edit, 0)
        assert isinstance(changed, Mapping)
        data = changed
    return data


def _edited(data: Data, edit: Edit, depth: int) -> Data:
    part = edit.path[depth]
    last = depth == len(edit.path) - 1
    if isinstance(data, Sequence):
        assert isinstance(part, int)
        items = list(data.items)
        if not last:
            items[part] = _edited(items[part], edit, depth + 1)
        elif edit.action == "insert":
            near = items[min(part, len(items) - 1)].place if items else data.place
            items.insert(part, built(edit.value, near))
        elif edit.action == "put":
            items[part] = built(edit.value, items[part].place)
        elif edit.action == "move":
            items.insert(edit.value, items.pop(part))
        else:
            del items[part]
        return Sequence(items, data.place)
    assert isinstance(data, Mapping)
    entries = dict(data.entries)
    old = entries.get(part)
    if not last:
        assert old is not None
        entries[part] = Entry(old.key, _edited(old.value, edit, depth + 1))
    elif edit.action == "remove":
        del entries[part]
    else:
        key = old.key if old is not None else Scalar(part, data.place)
        place = old.value.place if old is not None else data.place
        entries[part] = Entry(key, built(edit.value, place))
    return Mapping(entries, data.place)


def built(value: Any, place: Place) -> Data:
    """Plain data as a tree, all of it at one place."""
    if isinstance(value, dict):
        made = {key: Entry(Scalar(key, place), built(one, place)) for key, one in value.items()}
        return Mapping(made, place)
    if isinstance(value, list | tuple):
        return Sequence([built(one, place) for one in value], place)
    return Scalar(value, place)


# ---- in the text


def rewritten(text: str, edits: Iterable[Edit]) -> str:
    """The text with the changes made in turn, in canonical form, comments kept."""
    tree = parse(text)
    for edit in edits:
        _rewrite(tree, edit)
    return layout(tree)


def _rewrite(tree: Tree, edit: Edit) -> None:
    node, holder = tree.root, None
    for part in edit.path[:-1]:
        holder = _line(node, part)
        node = holder.value
    last = edit.path[-1]
    if edit.action == "insert":
        assert isinstance(last, int)
        line = Line(None, written(edit.value), holder, node)
        node.entries.insert(last, line)
    elif edit.action == "move":
        assert isinstance(last, int)
        node.entries.insert(edit.value, node.entries.pop(last))
    elif edit.action == "remove":
        gone = _line(node, last)
        node.entries.remove(gone)
    elif (old := _find(node, last)) is not None:
        old.value = written(edit.value)
    else:
        node.entries.append(Line(written(last), written(edit.value), holder, node))


def _line(node: Node, part: str | int) -> Line:
    found = _find(node, part)
    assert found is not None
    return found


def _find(node: Node, part: str | int) -> Line | None:
    if node.kind == "list":
        assert isinstance(part, int)
        return node.entries[part]
    for line in node.entries:
        if line.key is not None and line.key.value == part:
            return line
    return None


def written(value: Any) -> Node:
    """Plain data as a node of a text's tree; the layout takes away the quotes that none needs."""
    node = parse(json.dumps([value], ensure_ascii=False)).root.entries[0].value
    _as_in_specs(node)
    return node


def _as_in_specs(node: Node) -> None:
    """Writes `{relu, name: a}` for `{relu: null, name: a}`, and the names of types as such."""
    if node.kind == "scalar" and node.value in TYPE_NAMES:
        node.style, node.text = "", str(node.value)
    for line in node.entries:
        if line.key is not None and line.value.kind == "scalar" and line.value.value is None:
            line.value.text = ""
        _as_in_specs(line.value)


__all__ = ["Edit", "Path", "built", "edited", "rewritten", "written"]
