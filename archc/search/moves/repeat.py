"""One copy more, or less, of what is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from archc.elaborate.scope import Tensor
from archc.ir.nodes import CallNode
from archc.search.edit import Path
from archc.search.move import Move
from archc.search.moves.draft import Draft, Work
from archc.search.moves.names import pins
from archc.search.moves.parameters import is_absent, is_only, parameters
from archc.search.moves.room import may_grow, shuffled
from archc.search.moves.say import at, everywhere
from archc.search.moves.suppose import type_of_copy
from archc.search.moves.view import Row, View
from archc.spec.data import Data, Mapping, Scalar
from archc.spec.formula import Formula

LEAST, MOST = 1, 64


@dataclass(frozen=True, slots=True)
class Count:
    """How often a step is repeated: where that is written, or the parameter that says it.

    A parameter that is a list says it for each run of the step, by the list's items (`listed`).
    """

    row: Row
    variable: str | None
    part: Path = ()
    parameter: str | None = None
    listed: bool = False


def found(view: View, random: Random) -> Iterator[Move]:
    rows = (row for body in view.bodies for row in body.rows if row.is_seen)
    counts = [count for row in rows if (count := _count(row)) is not None]
    choices: list[tuple[Count, int, int | None]] = []
    for count in counts:
        for change in (1, -1):
            if count.listed:
                choices += [(count, change, k) for k in range(len(count.row.runs))]
            else:
                choices.append((count, change, None))
    for count, change, k in shuffled(random, choices):
        move = _changed(view, count, change, k, counts)
        if move is not None:
            yield move


def _count(row: Row) -> Count | None:
    data: Data | None = row.step.repeat
    variable: str | None = None
    part: Path = ("repeat",)
    if isinstance(data, Mapping):
        if len(data.entries) != 1:
            return None
        key, entry = next(iter(data.entries.items()))
        data, variable, part = entry.value, str(key), ("repeat", key)
    if not isinstance(data, Scalar):
        return None
    if not isinstance(data.formula, Formula):
        is_number = isinstance(data.value, int) and not isinstance(data.value, bool)
        return Count(row, variable, part) if is_number else None
    name = data.formula.text.strip()
    if name in parameters(row.view, int):
        return Count(row, variable, parameter=name)
    listed = _column(row, name)
    return Count(row, variable, parameter=listed, listed=True) if listed is not None else None


def _column(row: Row, variable: str) -> str | None:
    """The list of the file's parameters that gives a loop variable of the `do` around."""
    outer = row.body.outer
    data = outer.step.repeat if outer is not None else None
    column = data.get(variable) if isinstance(data, Mapping) else None
    formula = column.formula if isinstance(column, Scalar) else None
    if not isinstance(formula, Formula):
        return None
    name = formula.text.strip()
    value = parameters(row.view, list).get(name)
    fits = value is not None and all(type(one) is int for one in value)
    return name if fits and value is not None and len(value) == len(row.runs) else None


def _changed(
    view: View, count: Count, change: int, k: int | None, counts: list[Count]
) -> Move | None:
    if change > 0 and not may_grow(view):
        return None
    rows = [count.row]
    if count.parameter is not None:
        if not _only_counts(view, count):
            return None
        rows = [one.row for one in counts if one.parameter == count.parameter]
    variables = {id(one.row): one.variable for one in counts}
    for row in rows:
        runs = row.runs if k is None else [row.runs[k]]
        if not _keeps_names(view, row, count.parameter is None):
            return None
        if not all(_keeps_type(row, run, variables[id(row)], change) for run in runs):
            return None
    return _written(view, count, change, k)


def _only_counts(view: View, count: Count) -> bool:
    """Whether the parameter says only how often steps are repeated, and how weights begin."""

    def counts(path: Path) -> bool:
        return path[0] in ("graph", "blocks", "models") and ("repeat" in path or "init" in path)

    assert count.parameter is not None
    if count.listed:
        named = view.words.mentions.get(count.parameter, ())
        inside = [one for one in named if one.fact and "repeat" in one.path]
        return len(inside) == 1 and is_only(view, count.parameter, counts)
    return is_only(view, count.parameter, counts)


def _keeps_names(view: View, row: Row, writes: bool) -> bool:
    """Whether every weight but those of the copy keeps its name, and nobody speaks of a copy."""
    work = Work(view)
    if not pins(work, row.body, row.index + 1) or work.drafts:
        return False
    if row.name is None:
        return True
    template = view.path_of(row.body.template)
    return all(
        one.whole or is_absent(view, one.path) for one in view.words.of_name(row.name, template)
    )


def _keeps_type(row: Row, run: list[Any], variable: str | None, change: int) -> bool:
    """Whether one more copy gives the last one's type, or the last one that of the one before."""
    last = run[-1]
    made = last.item.first
    if last.item.node is None and last.item.inside is None:
        return False
    if not isinstance(made, Tensor):
        return False
    many = _many(row, run)
    if not LEAST <= many + change <= MOST:
        return False
    if len(run) < many:  # equal copies, of which one stands for all
        return True
    if change > 0:
        bindings = {variable: many} if variable is not None else {}
        return type_of_copy(row.view, last, bindings) == made.type
    before = run[-2].item.first
    return isinstance(before, Tensor) and bool(before.type == made.type)


def _many(row: Row, run: list[Any]) -> int:
    node = next((node for copy, node in row.nodes() if copy is run[-1]), None)
    counted = node.count if isinstance(node, CallNode) else 1
    return len(run) - 1 + counted


def _written(view: View, count: Count, change: int, k: int | None) -> Move | None:
    row = count.row
    if count.parameter is not None:
        now = view.candidate.parameters[count.parameter]
        new = now + change if k is None else [*now[:k], now[k] + change, *now[k + 1 :]]
        return Move("repeat", f"{count.parameter}: {new}", values={count.parameter: new})
    draft = Draft(row)
    data: Data | None = row.step.repeat
    for key in count.part[1:]:
        data = data.get(key) if isinstance(data, Mapping) else None
    assert isinstance(data, Scalar) and isinstance(data.value, int)
    draft.put(count.part, data.value + change)
    what = f"{at(row)} {data.value + change} times"
    return Move("repeat", what + everywhere(row.body), tuple(draft.edits))
