"""Moves in words."""

from __future__ import annotations

from typing import Any

from archc.search.moves.edges import Edge
from archc.search.moves.view import Body, Row


def before(edge: Edge) -> str:
    """Where a step is put in."""
    if edge.slot is None:  # of a block, or of a `do`, which may have no name
        outer = edge.body.outer
        if outer is not None and outer.name is None:
            return f"at the end of {at(outer)}"
        return f"at the end of {_scope(edge.body)}"
    return f"before {edge.slot.row.says()}{within(edge.body)}"


def within(body: Body) -> str:
    """The scope of a body's steps, unless it is the network itself."""
    scope = _scope(body)
    return f" in {scope}" if scope else ""


def _scope(body: Body) -> str:
    names: list[str] = []
    one: Body | None = body
    while one is not None and one.outer is not None:
        if one.outer.name is not None:
            names.insert(0, one.outer.name)
        one = one.outer.body
    template = body.template
    if template.kind == "block" or body.view.file.models:
        names.insert(0, template.name)
    return ".".join(names)


def everywhere(body: Body) -> str:
    """Says that a block's every use changes, where it has several."""
    return ", in all its uses" if body.is_used_often else ""


def at(row: Row) -> str:
    """A step and where it is."""
    return f"{row.says()}{within(row.body)}"


def said(head: str, value: Any) -> str:
    """An op with what tells it from others of its kind."""
    if not isinstance(value, dict):
        return head if value is None else f"{head} {value}"
    kernel = f" {value['kernel']}" if "kernel" in value else ""
    return f"{head}{kernel}{' by channel' if value.get('groups', 1) != 1 else ''}"
