"""Attention with another number of heads, which divides what they share."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from random import Random

from archc.elaborate.scope import Tensor
from archc.search.move import Move
from archc.search.moves.draft import Draft
from archc.search.moves.parameters import is_only, parameters
from archc.search.moves.room import shuffled
from archc.search.moves.say import at, everywhere
from archc.search.moves.suppose import holds
from archc.search.moves.view import Row, View
from archc.search.moves.windows import literal, setting, takes

NAMES = ("heads", "h", "head")
MOST = 32


def found(view: View, random: Random) -> Iterator[Move]:
    rows = [row for body in view.bodies for row in body.rows if row.is_seen and row.slots]
    sites: list[Row | str] = [row for row in rows if _written(row) is not None]
    sites += [name for name in parameters(view, int) if name in NAMES or name.endswith("_heads")]
    for site in shuffled(random, sites):
        yield from _told(view, rows, site, random) if isinstance(site, str) else _said(site, random)


# ---- a number that is written at a step


def _said(row: Row, random: Random) -> Iterator[Move]:
    written = _written(row)
    assert written is not None
    name, now = written
    for many in shuffled(random, _divisors(_features([row]), now)):
        draft = Draft(row)
        draft.set_attribute(name, many)
        step = draft.step()
        if step is not None and holds(row.view, {row: step}):
            what = f"{at(row)} with {many} heads"
            yield Move("heads", what + everywhere(row.body), tuple(draft.edits))


def _written(row: Row) -> tuple[str, int] | None:
    """The attribute that says how many heads there are, and how many."""
    draft = Draft(row)
    if takes(row, "heads"):
        now = literal(setting(draft, "heads"))
        return ("heads", now) if isinstance(now, int) else None
    for name in NAMES if row.op == "rearrange" else ():
        now = literal(draft.attribute(name))
        if isinstance(now, int):
            return name, now
    return None


# ---- a parameter of the file


def _told(view: View, rows: list[Row], name: str, random: Random) -> Iterator[Move]:
    told = [row for row in rows if name in row.own_names]
    if not told or not is_only(view, name, lambda path: path[0] in ("blocks", "models", "graph")):
        return
    now = parameters(view, int)[name]
    for many in shuffled(random, _divisors(_features(told), now)):
        if holds(view, {}, {name: many}):
            yield Move("heads", f"{name}: {many}", values={name: many})


# ----


def _features(rows: list[Row]) -> int:
    """What the last axes of all that the steps read have in common."""
    sizes: list[int] = []
    for row in rows:
        for run in row.runs:
            given = row.given(row.slots[0], run[0])
            last = given.type.dims[-1] if isinstance(given, Tensor) and given.type.rank else None
            sizes += [last] if isinstance(last, int) else []
    return gcd(*sizes)


def _divisors(size: int, now: int) -> list[int]:
    return [n for n in range(1, min(size, MOST) + 1) if size % n == 0 and n != now]
