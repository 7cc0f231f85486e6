"""Windows that slide over pictures and sequences, as moves see them: of ops, and of blocks."""

from __future__ import annotations

from typing import Any

from archc.ir.nodes import OpNode
from archc.ops.window import Windowed
from archc.search.moves.draft import Draft
from archc.search.moves.swap import called
from archc.search.moves.view import Row
from archc.spec.data import Data, Scalar, Sequence, plain
from archc.spec.formula import Formula


def windowed(row: Row) -> list[Windowed]:
    """The op of each copy, where all are convolutions or poolings; () otherwise."""
    nodes = [node for _, node in row.nodes()]
    ops = [node.op for node in nodes if isinstance(node, OpNode)]
    found = [op for op in ops if isinstance(op, Windowed) and "transpose" not in op.name]
    return found if len(found) == len(nodes) else []


def is_pool(row: Row) -> bool:
    return "pool" in (row.op or "")


def default(row: Row, name: str) -> Data | None:
    """What a block that the step calls takes for a parameter, if nothing is written."""
    template = called(row)
    for one in template.parameters if template is not None else ():
        if one.name == name and one.type is None:
            return one.default
    return None


def setting(draft: Draft, name: str) -> Data | None:
    """What is written for an attribute or an argument, or what a block takes for it otherwise."""
    return draft.attribute(name) or default(draft.row, name)


def write(draft: Draft, name: str, value: Any) -> None:
    """Writes a stride or groups, unless that is what holds without: 1, or what the block says."""
    own = default(draft.row, name)
    unsaid = (None if own is None else plain(own)) if takes(draft.row, name) else 1
    if value == unsaid:
        draft.drop_attribute(name)
    else:
        draft.set_attribute(name, value)


def takes(row: Row, name: str) -> bool:
    """Whether the step calls a block with a parameter of that name."""
    template = called(row)
    return template is not None and any(one.name == name for one in template.parameters)


def literal(data: Data | None) -> Any:
    """A number, or a list of numbers, that is written out; None otherwise."""
    if isinstance(data, Sequence):
        found = [literal(one) for one in data.items]
        return plain(data) if found and all(isinstance(one, int) for one in found) else None
    if isinstance(data, Scalar) and not isinstance(data.formula, Formula):
        value = data.value
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    return None


def short(sizes: list[int]) -> int | list[int]:
    """A size for each axis, as one number where they agree."""
    return sizes[0] if len(set(sizes)) == 1 else sizes
