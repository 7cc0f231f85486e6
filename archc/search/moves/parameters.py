"""The file's own parameters, and what depends on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from archc.search.beside import varied
from archc.search.edit import Path
from archc.search.moves.view import View

T = TypeVar("T")


def parameters(view: View, kind: type[T]) -> dict[str, T]:
    """The parameters that are set to, or written as, plain values of a type.

    Those that the search varies have domains of their own, and moves leave them alone.
    """
    hidden = {one.name for block in view.file.blocks.values() for one in block.parameters}
    hidden.update(varied(view.file))
    found = view.candidate.parameters
    return {
        name: value for name, value in found.items() if type(value) is kind and name not in hidden
    }


def is_only(view: View, name: str, within: Callable[[Path], bool]) -> bool:
    """Whether the parameter is named in such places alone, apart from what is absent."""
    return all(
        (within(one.path) and not _is_declared(one.path)) or is_absent(view, one.path)
        for one in view.words.mentions.get(name, ())
        if one.fact
    )


def _is_declared(path: Path) -> bool:
    """Whether the place is about inputs, outputs or parameters, not about steps."""
    return "graph" not in path[:3]


def is_absent(view: View, path: Path) -> bool:
    """Whether the place is in an input or an output that its `when` leaves out."""
    for template in view.templates:
        own = view.path_of(template)
        if path[: len(own)] != own or len(path) < len(own) + 2:
            continue
        section, name = path[len(own)], path[len(own) + 1]
        definitions = [d for d in view.definitions.values() if d.place is template.place]
        if section == "inputs":
            return all(not _names(d.input_names(), name) for d in definitions)
        if section == "outputs":
            return all(not _names(tuple(d.outputs), name) for d in definitions)
    return False


def _names(names: tuple[str, ...], wanted: Any) -> bool:
    return any(one.split(".")[0] == str(wanted) for one in names)
