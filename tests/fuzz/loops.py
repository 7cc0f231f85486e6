"""Copies that differ: repeats over lists, numbers and records, and names made of loop variables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fuzz.ops_sequence import WIDTHS, wide
from fuzz.ops_spatial import picture
from fuzz.scope import Scope
from fuzz.values import Use, Val, feasible

from archc.ir.types import TensorType


def widths(g: Scope) -> None:
    """A chain of layers of which each has its own width."""
    c = g.choices
    flat = c.chance(60)
    x = g.value(wide) if flat else picture(g, 4, 3)
    if x is None or g.loop:
        return
    sizes = [c.pick(WIDTHS) for _ in range(c.integer(1, 3))]
    axis = x.rank - 1 if flat else 1
    types = [x.type.with_dims((*x.dims[:axis], size, *x.dims[axis + 1 :])) for size in sizes]
    if not all(map(feasible, types)):
        return
    name = g.book.name("fc", "stages", "conv1")
    repeat, width = loop(g, sizes)
    op = "linear" if flat else f"conv{x.rank - 2}d"
    step: dict[str, Any] = {op: width if flat and c.chance(60) else {"out": width}}
    if not flat:
        step[op] = {"out": width, "kernel": 3, "padding": 1}
    if x.ref != "prev" or c.chance(10):
        step["in"] = x.ref
    step["repeat"] = repeat
    g.book.ops[op] += 1
    g.book.features["repeat over a list"] += 1
    scales = [x.scale]
    for _ in sizes:
        scales.append(0.6 * scales[-1] + 0.2)
    named = "i" in repeat and c.chance(50)
    copies = [f"{name}_{k}" if named else f"{name}.{k}" for k in range(len(sizes))]
    made = [
        Val(ref, type, scale=scale)
        for ref, type, scale in zip(copies, types, scales[1:], strict=True)
    ]
    if named:
        g.put(step, None, [replace(made[-1], ref="prev")])
        step["name"] = f'="{name}_" + str(i)'
        g.values += made
    else:
        g.put(step, name, [replace(made[-1], ref=name)])
        g.values += made
    before = x.dims[axis]
    for ref, size in zip(copies, sizes, strict=True):
        if flat:
            g.weights.append((f"{ref}.weight", TensorType("float32", (size, before))))
        before = size


def loop(g: Scope, sizes: list[int]) -> tuple[dict[str, Any], str]:
    """The loop over these sizes, in one of the ways it can be said, and the formula of one."""
    c = g.choices
    form = c.pick(("list", "parameter", "records", "comprehension"))
    value: Any = list(sizes)
    width = "=w"
    if form == "parameter":
        name = g.book.name("widths", "sizes")
        g.book.params[name] = value
        value = f"={name}"
    elif form == "records":
        name = g.book.name("stages", "layers")
        g.book.params[name] = [{"out": size, "act": "relu"} for size in sizes]
        value, width = f"={name}", "=w.out"
    elif form == "comprehension":
        value = f"=[w + 0 for w in {sizes}]"
    counted = c.chance(40)
    return {**({"i": len(sizes)} if counted else {}), "w": value}, width


def table(g: Scope) -> None:
    """A stored table of whole numbers or of fractions, written out in the spec."""
    c = g.choices
    columns, rows = c.integer(1, 4), c.pick((0, 2, 3))
    whole = c.chance(60)

    def number() -> float:
        return c.integer(0, 1) if whole else 0.25 * c.integer(-3, 4)

    row = [[number() for _ in range(columns)] for _ in range(rows or 1)]
    attributes: dict[str, Any] = {"value": row if rows else row[0]}
    if whole:
        attributes["dtype"] = c.pick(("int64", "int32"))
    use = Use("weight", [], attributes, 0.0 if whole else -0.75, 1.0, 0.7, exact=True)
    few = len({v for values in row for v in values}) < 2
    if g.add(replace(use, few=few), g.book.name("table", "order"), {"freeze": True}):
        g.book.features["table"] += 1
