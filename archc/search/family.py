"""Who came from whom: a trial's lineage, and the tree of all that were evaluated."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from html import escape

from archc.search.record import Record

STEP, RISE, EDGE = 14.0, 34.0, 14.0  # pixels: between trials, between generations, around all
MOST = 1500  # trials that are drawn; of more the ancestors of the best, and the last


def first_parent(record: Record) -> int | None:
    return record.parents[0] if record.parents else None


def lineage(records: Sequence[Record], record: Record) -> list[Record]:
    """The trial and what it came from, by the first parents, the oldest first."""
    found = [record]
    while (parent := first_parent(found[-1])) is not None:
        found.append(records[parent])
    return found[::-1]


def chain(origin: str, records: Sequence[Record], record: Record) -> list[tuple[Record, str]]:
    """The lineage, each trial with how its spec differs from the one before, as a unified diff.

    The first one's differs from `origin`, the spec that the search began with.
    """
    name, text, found = "the spec", origin, list[tuple[Record, str]]()
    for one in lineage(records, record):
        found.append((one, text_diff(text, one.text, (name, f"trial {one.number}"))))
        name, text = f"trial {one.number}", one.text
    return found


def text_diff(old: str, new: str, names: tuple[str, str]) -> str:
    """The lines that changed, with what is around them; nothing where none did."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), *names, n=2, lineterm="")
    return "\n".join(lines)


def generations(records: Sequence[Record]) -> dict[int, int]:
    """How many steps each trial is from one without parents, at least."""
    found: dict[int, int] = {}
    for one in records:  # parents have lower numbers
        found[one.number] = min((found[k] + 1 for k in one.parents), default=0)
    return found


def tree(records: Sequence[Record], winner: Record | None) -> str:
    """An SVG element: trials from left to right, generations downwards, the best marked."""
    line = {one.number for one in lineage(records, winner)} if winner is not None else set()
    evaluated = [one for one in records if one.evaluated or one.number in line]
    if not evaluated:
        return "<p>none yet</p>"
    drawn = evaluated if len(evaluated) <= MOST else cut(evaluated, line)
    depth = generations(records)
    places = {
        one.number: (EDGE + k * STEP, EDGE + depth[one.number] * RISE)
        for k, one in enumerate(drawn)
    }
    edges, nodes = [], []
    for one in drawn:
        x, y = places[one.number]
        for parent in one.parents:
            if parent in places:
                style = "line" if {one.number, parent} <= line else "edge"
                edges.append(edge(places[parent], (x, y), style))
        style = "top" if one.number in line else "each"
        title = escape(f"trial {one.number}: {one.change}")
        nodes.append(
            f'<a href="#trial-{one.number}"><circle class="{style}" cx="{x:g}" cy="{y:g}" r="4">'
            f"<title>{title}</title></circle></a>"
        )
    width, height = size(places)
    return (
        f'<svg class="family" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="family tree" style="width:{width:g}px;height:{height:g}px">'
        f"{''.join(edges)}{''.join(nodes)}</svg>"
    )


def cut(records: Sequence[Record], line: set[int]) -> list[Record]:
    late = {one.number for one in records[-(MOST - len(line)) :]}
    return [one for one in records if one.number in line or one.number in late]


def edge(start: tuple[float, float], end: tuple[float, float], style: str) -> str:
    (a, b), (x, y) = start, end
    middle = (b + y) / 2
    return f'<path class="{style}" d="M{a:g} {b:g}C{a:g} {middle:g} {x:g} {middle:g} {x:g} {y:g}"/>'


def size(places: Mapping[int, tuple[float, float]]) -> tuple[float, float]:
    return (
        max(x for x, _ in places.values()) + EDGE,
        max(y for _, y in places.values()) + EDGE,
    )
