"""A table of results in place of evaluations: a CSV file with a row for each candidate.

A column belongs to the hole of its name, `edges.e10`, or of its name's last part, `e10`; all others
are numbers, which a candidate of that row has by the columns' names. `cost` is what the evaluation
cost. Where a table calls things otherwise, a YAML file beside it says how, and is named in its
place:

    file: results.csv
    columns: {val_acc: accuracy, seconds: cost}     # the table's name → the search's
    values: {skip_connect: identity}                # what stands in the holes' columns → the spec's
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from archc.errors import EvaluationError, InputError, did_you_mean
from archc.search.candidate import Candidate
from archc.search.holes import Hole, is_number, spoken
from archc.search.section import Search
from archc.search.statics import STATIC
from archc.search.trial import Task
from archc.spec.data import plain
from archc.spec.reader import Room, read_file

if TYPE_CHECKING:
    from archc.search.evaluating import Setup

KEYS = ("file", "columns", "values")
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Naming:
    """How a table calls what a search calls otherwise."""

    file: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


class Table:
    """An evaluator that looks up. Raises InputError E858 where the table does not fit."""

    def __init__(self, setup: Setup) -> None:
        self.naming = naming(Path(setup.name))
        if setup.search.moves is not None:
            what = "a table goes by parameters, and 'moves' change the graph"
            wrong(self.naming.file, what, "leave 'moves' out, or score candidates otherwise")
        self.holes = setup.search.holes
        self.rows = rows(self.naming, setup.search)

    def __call__(self, candidate: Candidate, task: Task) -> Mapping[str, float]:
        key = tuple(spelled(hole.value(candidate.parameters)) for hole in self.holes)
        if key not in self.rows:
            held = {hole.name: hole.value(candidate.parameters) for hole in self.holes}
            what = ", ".join(f"{name}: {spoken(value)}" for name, value in held.items())
            raise EvaluationError.of("E859", f"{self.naming.file.name} has no row for {what}")
        return self.rows[key]


def naming(path: Path) -> Naming:
    """What a YAML file says of a table; a table itself is called as it is."""
    if path.suffix not in (".yaml", ".yml"):
        return Naming(path)
    data = plain(read_file(path, path.as_posix(), Room()))
    for key in data:
        if key not in KEYS:
            wrong(path, f"no key '{key}'", did_you_mean(str(key), KEYS))
    file, columns, values = data.get("file"), data.get("columns", {}), data.get("values", {})
    if not isinstance(file, str) or not isinstance(columns, dict) or not isinstance(values, dict):
        help = "file: results.csv, columns: {theirs: ours}, values: {theirs: ours}"
        wrong(path, "it does not say which file it is about and how that calls things", help)
    names = {str(theirs): str(ours) for theirs, ours in columns.items()}
    return Naming(path.parent / file, names, {str(key): value for key, value in values.items()})


def rows(naming: Naming, search: Search) -> dict[Row, dict[str, float]]:
    """The numbers of all rows, by what stands in the holes."""
    path = naming.file
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, ValueError, csv.Error) as error:
        wrong(path, f"it cannot be read: {error}")
    if len(lines) < 2:
        wrong(path, "it has no rows below the names of its columns")
    head, *body = lines
    names = [naming.columns.get(name, name) for name in head]
    keys = [column(hole, search.holes, names, path) for hole in search.holes]
    for name in sorted(search.asked - {*STATIC, *names}):
        wrong(path, f"no column '{name}', which the search asks for", did_you_mean(name, names))
    rest = [k for k in range(len(names)) if k not in keys]
    found: dict[Row, dict[str, float]] = {}
    for number, line in enumerate(body, 2):
        if len(line) != len(names):
            wrong(path, f"row {number} has {len(line)} values, and there are {len(names)} columns")
        key = tuple(spelled(naming.values.get(line[k], line[k])) for k in keys)
        if key in found:
            wrong(path, f"row {number} is about a candidate that has a row already")
        found[key] = {names[k]: number_of(line[k], names[k], number, path) for k in rest}
    return found


def column(hole: Hole, holes: tuple[Hole, ...], names: list[str], path: Path) -> int:
    """The place of a hole's column."""
    last = str(hole.path[-1])
    alone = sum(str(other.path[-1]) == last for other in holes) == 1
    for name in (hole.name, last) if alone else (hole.name,):
        if names.count(name) == 1:
            return names.index(name)
    return wrong(path, f"no column '{hole.name}'", did_you_mean(last, names))


def number_of(text: str, name: str, row: int, path: Path) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        wrong(path, f"row {row} has no number for {name}: '{text[:40]}'")
    return value


def spelled(value: Any) -> str:
    """A value as its row is found by: a number is one however it is written."""
    text = spoken(value)
    try:
        number = float(text) if isinstance(value, str) or is_number(value) else math.nan
    except ValueError:
        return text
    return repr(number) if math.isfinite(number) else text


def wrong(path: Path, message: str, help: str = "") -> NoReturn:
    raise InputError.of("E858", f"{path.name}: {message}", help=help)
