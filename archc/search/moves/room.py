"""How far candidates may grow: beyond this no move makes them larger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import TypeVar

from archc.ir.digest import unrolled_size
from archc.ir.program import Definition
from archc.search.moves.view import Body, View

T = TypeVar("T")
STEPS = 40  # of one list
TIMES = 4  # the weights and steps of the origin
WEIGHTS = 100_000  # more than that, of an origin that has few
NODES = 200


def may_grow(view: View, body: Body | None = None, weights: int = 0) -> bool:
    """Whether so many weights, or a step of a body, can be added."""
    if body is not None and len(body.rows) >= STEPS:
        return False
    origin = view.candidate.origin or view.candidate
    if view.program.params + weights > TIMES * origin.program.params + WEIGHTS:
        return False
    return size(view) <= TIMES * size(origin.view) + NODES


def size(view: View) -> int:
    """How many steps the network has, all its blocks and copies written out."""
    if view.unrolled is None:
        known: dict[Definition, int] = {}
        view.unrolled = sum(unrolled_size(one, known) for one in view.program.models.values())
    return view.unrolled


def mixed(random: Random, *choices: Iterable[T]) -> Iterator[T]:
    """What one of the choices gives, chosen at random, then what the others give."""
    order = list(choices)
    random.shuffle(order)
    for one in order:
        yield from one


def shuffled(random: Random, items: Iterable[T]) -> list[T]:
    found = list(items)
    random.shuffle(found)
    return found
