"""The first input's sizes where instances differ: `in_channels`, `dim`, `height`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc_torch.code import Build
from archc_torch.group.rows import Row, constant, plain, same

if TYPE_CHECKING:
    from archc.ir.dims import Size
    from archc_torch.group.classes import Class

FACTS = {"H": "height", "W": "width", "T": "length"}  # sizes that are no widths, as arguments
SPACE = {2: "", 3: "T", 4: "HW", 5: "DHW"}  # letters of a rank's axes beside N and C
FIRST = {"in_channels", "num_features", "num_channels"}  # what counts along axis 1
LAST = {"in_features", "normalized_shape", "dim"}  # what counts along the last axis


def first(found: Class) -> list[tuple[Size, ...]] | None:
    """The first input's sizes for each instance, None where there is none, or ranks differ."""
    shapes = [tuple(sketch.definition.input_types().values())[:1] for sketch in found.sketches]
    if not all(shapes) or len({types[0].rank for types in shapes}) > 1:
        return None
    return [types[0].dims for types in shapes]


def letters(found: Class) -> str:
    """What the first input's axes are called, by what counts channels or features in it.

    Empty if nothing does.
    """
    dims = first(found)
    space = SPACE.get(len(dims[0])) if dims is not None else None
    if space is None:
        return ""
    hints = {hole.hint for hole, _ in found.rows()}
    asked = " ".join(hole.formula for hole, _ in found.rows())
    if ".channels" in asked:
        hints.add("in_channels")
    elif ".features" in asked:
        hints.add("in_features")
    for parts in found.parts():
        if isinstance(parts[0], Build):
            callee = found.classes.of(parts[0].definition)
            hints |= {arg.key or arg.name for arg in callee.args}
    if hints & FIRST:
        return f"NC{space}"
    return f"N{space}C" if hints & LAST else ""


def facts(found: Class) -> dict[str, Row]:
    """The first input's sizes that differ between instances, those that count channels first."""
    dims = first(found) or [()]
    widths: dict[str, Row] = {}
    others: dict[str, Row] = {}
    for axis, letter in enumerate(found.letters):
        row: Row = tuple(sizes[axis] for sizes in dims)
        if not all(map(plain, row)) or constant(row):
            continue
        if letter == "C":
            flat = len(dims[0]) <= 2
            widths["in_features" if flat else "in_channels" if axis == 1 else "dim"] = row
        elif letter in FACTS:
            others[FACTS[letter]] = row
    return widths | others


def fact(found: Class, name: str) -> tuple[str, Row] | None:
    """A size that formulas ask for, `x.channels`: by a fact's name, or as a number."""
    head, _, what = name.partition(".")
    axis = {"channels": 1, "features": -1}.get(what)
    types = [sketch.definition.input_types().get(head) for sketch in found.sketches]
    if axis is None or any(type is None or type.rank <= max(axis, 0) for type in types):
        return None
    row: Row = tuple(type.dims[axis] for type in types if type is not None)
    word = next((word for word, other in found.facts.items() if same(row, other)), None)
    if word is not None:
        return word, row
    return (repr(row[0]), row) if constant(row) and isinstance(row[0], int) else None
