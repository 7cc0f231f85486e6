"""Shapes as comments and docstrings say them: `[N, 4 * planes, H // stride, W // stride]`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from archc_torch import names
from archc_torch.group.rows import ABSENT, Row, constant, meaning, same
from archc_torch.lines import table

if TYPE_CHECKING:
    from archc.ir.types import TensorType
    from archc_torch.group.classes import Class

# What axes are called where the spec does not say, by rank.
AXES = {1: "C", 2: "NC", 3: "NTC", 4: "NCHW", 5: "NCDHW"}


class Shapes:
    """What the sizes of one class's values are called, in terms of arguments and of its inputs."""

    def __init__(self, found: Class) -> None:
        self.found = found

    def types(self, types: Sequence[TensorType | None]) -> str:
        """A value's type in all instances: its shape, and its element type if that is not float32.

        None stands for an instance that has no such value.
        """
        there = [type for type in types if type is not None]
        if len({(type.rank, type.dtype) for type in there}) > 1:
            return "[…]"
        rank, dtype = there[0].rank, there[0].dtype
        rows = [
            tuple(ABSENT if type is None else type.dims[axis] for type in types)
            for axis in range(rank)
        ]
        dims = ", ".join(self.size(row, axis) for axis, row in enumerate(rows))
        return f"[{dims}]" if dtype == "float32" else f"{dtype}[{dims}]"

    def size(self, row: Row, axis: int) -> str:
        """A size, `…` where nothing tells it."""
        if constant(row):
            size = next(size for size in row if size is not ABSENT)
            spatial = self.found.letters[:2] == "NC" and axis > 1
            return str(size) if spatial else self.found.said.get(size, str(size))
        known = {arg.name: arg.row for arg in self.found.args}
        for (_, place), word in sorted(self.axes.items(), key=lambda item: item[0][1] != axis):
            known.setdefault(word, self.rows[_, place])
        found = meaning(row, known)
        return found.text if found is not None else "…"

    @cached_property
    def rows(self) -> dict[tuple[str, int], Row]:
        """The sizes of each axis of each input, over the instances."""
        every = [sketch.definition.input_types() for sketch in self.found.sketches]
        return {
            (name, axis): tuple(types[name].dims[axis] for types in every)
            for name, first in every[0].items()
            if len({types[name].rank for types in every}) == 1
            for axis in range(first.rank)
        }

    @cached_property
    def axes(self) -> dict[tuple[str, int], str]:
        """A letter or a symbol for each axis of each input whose size differs or is not known."""
        found: dict[tuple[str, int], str] = {}
        rows: dict[str, Row] = {}
        sketch = self.found.sketch
        first = sketch.definition.input_names()[:1]
        taken = sketch.locals | names.GLOBALS | set(table().helpers)
        taken |= {arg.name for arg in self.found.args}
        for (name, axis), row in self.rows.items():
            if constant(row) and isinstance(row[0], int):
                continue
            wanted = names.safe(self._wanted(name, axis, row), ())
            known = [word for word, other in rows.items() if same(row, other)]
            if wanted in rows and wanted not in known:
                wanted = known[0] if known else names.unique(wanted, {*rows, *taken})
            elif known and wanted not in known and (constant(row) or (name,) != first):
                wanted = known[0]
            elif wanted in taken:
                wanted = names.unique(wanted, {*rows, *taken})
            rows[wanted] = row
            found[name, axis] = wanted
        return found

    def _wanted(self, name: str, axis: int, row: Row) -> str:
        """What an axis may be called: as the spec calls it, else by a letter."""
        if constant(row) and str(row[0]).isidentifier():
            return str(row[0])
        types = self.found.sketch.definition.input_types()
        if name == next(iter(types)) and self.found.letters:
            return self.found.letters[axis]
        letters = AXES.get(types[name].rank)
        return letters[axis] if letters is not None else f"D{axis}"
