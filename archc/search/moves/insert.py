"""A new step on the way of a value: an activation, a norm, dropout, or a layer that begins as none.

Convolutions and linear layers begin as the identity, so a network that is trained goes on from
where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from archc.ir.types import FLOATING
from archc.search.move import Move
from archc.search.moves.draft import Work
from archc.search.moves.edges import Edge, edges
from archc.search.moves.names import stem
from archc.search.moves.room import may_grow, shuffled
from archc.search.moves.say import before, everywhere, said
from archc.search.moves.table import ACTIVATIONS
from archc.search.moves.view import View

MOST = 2048  # channels of a layer between all of which it makes weights
Step = dict[str | int, Any]


def found(view: View, random: Random) -> Iterator[Move]:
    for edge in shuffled(random, edges(view, view.bodies)):
        if edge.values is None or not may_grow(view, edge.body):
            continue
        for step in shuffled(random, layers(edge)):
            move = inserted(edge, step)
            if move is not None:
                yield move


def inserted(edge: Edge, step: Step, kind: str = "insert") -> Move | None:
    """The move that puts a step on an edge; None where it does not fit."""
    view, head = edge.view, str(next(iter(step)))
    work = Work(view)
    if not edge.opens(work):
        return None
    named = len(step) > 1 or head not in ACTIVATIONS or edge.needs_name(work)
    name = view.words.fresh(stem(head)) if named else None
    written: Any = {**step, "name": name} if named else head
    if edge.text != "prev":
        written["in"] = edge.text
    if not edge.keeps(written):
        return None
    edge.insert(work, written, name)
    new = said(head, step[head])
    what = f"{f'{name} ({new})' if named else f'new {new}'} {before(edge)}"
    return Move(kind, what + everywhere(edge.body), work.edits())


def layers(edge: Edge) -> Iterator[Step]:
    """The steps that may stand where values of these types pass."""
    types = edge.types
    ranks = {type.rank for type in types}
    if len(ranks) != 1 or any(type.dtype not in FLOATING for type in types):
        return
    rank = ranks.pop()
    for name in ACTIVATIONS:
        yield {name: None}
    yield {"dropout": 0.1}
    if rank < 2:
        return
    channels, features = axis(edge, 1, "channels"), axis(edge, rank - 1, "features")
    is_sequence = rank == 3 and features is not None and channels is None
    if rank in (3, 4, 5) and channels is not None and not is_sequence:
        yield from convolutions(edge, rank - 2, channels)
        yield {"batch_norm": None}
    elif features is not None and (rank == 2 or is_sequence):
        yield {"layer_norm": None}
        yield {"rms_norm": None}
        if mixes(edge, rank - 1):
            yield {"linear": {"out": features, "bias": False}, "init": {"weight": "eye"}}


def convolutions(edge: Edge, spatial: int, channels: int | str) -> Iterator[Step]:
    """Convolutions that begin as the identity: of all channels at once, and of each alone."""
    op = f"conv{spatial}d"
    for kernel in (1, 3):
        if not mixes(edge, 1, kernel**spatial):
            continue
        window = {"kernel": kernel, "padding": kernel // 2} if kernel > 1 else {"kernel": 1}
        yield {op: {"out": channels, **window, "bias": False}, "init": {"weight": "dirac"}}
    for kernel in (3, 5):
        window = {"kernel": kernel, "padding": kernel // 2}
        yield {
            op: {"out": channels, **window, "groups": channels, "bias": False},
            "init": {"weight": {"dirac": channels}},
        }


def mixes(edge: Edge, at: int, window: int = 1) -> bool:
    """Whether a layer may have weights between all of an axis, for each place of a window."""
    size = largest(edge, at)
    return size <= MOST and may_grow(edge.view, edge.body, size**2 * window)


def axis(edge: Edge, at: int, fact: str) -> int | str | None:
    """An axis's size: the number if it is one, a formula where it differs, None if it is open."""
    sizes = {type.dims[at] for type in edge.types}
    if not all(isinstance(one, int) for one in sizes):
        return None
    one = next(iter(sizes))
    if len(sizes) == 1 and isinstance(one, int):
        return one
    readable = all(part.isidentifier() for part in edge.text.split("."))
    return f"={edge.text}.{fact}" if readable else None


def largest(edge: Edge, at: int) -> int:
    return max(size for type in edge.types if isinstance(size := type.dims[at], int))
