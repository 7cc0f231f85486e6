"""Calls of blocks and models: with the values they were grown for, and with others that fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

from fuzz.language import adapted
from fuzz.scope import Owner, Scope
from fuzz.steps import Move, fresh, grow
from fuzz.templates import Template, probe
from fuzz.values import Val, feasible, least

from archc.ir.types import TensorType

BARE = ("int", "float", "op", "bool", "steps")


def call_again(g: Scope, template: Template) -> bool:
    """A call with values that fit: of the same types, or of others, for which archc is asked."""
    given: list[Val] = []
    for wanted in template.inputs:
        v = g.value(lambda v, wanted=wanted: accepts(wanted, v))
        if v is None:
            return False
        given.append(v)
    g.book.features["block used again"] += 1
    if [v.type for v in given] == [v.type for v in template.inputs]:
        return call(g, template, given, [v.type for _, v in template.outputs])
    step = {template.name: arguments(template) or None, "in": [f"v{k}" for k in range(len(given))]}
    types = probe(g.book, step, given, [name for name, _ in template.outputs])
    if types is None or any(
        t.dtype != v.type.dtype for t, (_, v) in zip(types, template.outputs, strict=True)
    ):
        return False
    g.book.features["other input types"] += 1
    return call(g, template, given, types)


def accepts(wanted: Val, v: Val) -> bool:
    """Whether what is known of the template holds for this value, too."""
    known = all(
        (isinstance(size, int) or not isinstance(was, int)) and least(size) >= least(was)
        for size, was in zip(v.dims, wanted.dims, strict=False)
    )
    return (
        v.type.dtype == wanted.type.dtype
        and v.rank == wanted.rank
        and known  # positions on an axis are there otherwise, too
        and v.scale <= max(2 * wanted.scale, 2.0)
        and v.low >= wanted.low
        and v.high <= wanted.high
        and (v.exact or not wanted.exact)
    )


def arguments(template: Template) -> dict[str, Any]:
    """The values that the block's parameters had when it was grown."""
    return {n: v for n, v in template.owner.given.items() if n in template.owner.params}


def call(g: Scope, template: Template, given: Sequence[Val], types: Sequence[TensorType]) -> bool:
    """A step that calls the template with these values; whether it fits."""
    c = g.choices
    if not all(map(feasible, types)):
        return False
    same = list(types) == [v.type for _, v in template.outputs]
    dull = any(v.few and not w.few for v, w in zip(given, template.inputs, strict=True))
    name = g.book.name() if len(types) > 1 or c.chance(60) else None
    made = [
        replace(
            v,
            ref=(name or "prev") if k == 0 else f"{name}.{out}",
            type=type,
            few=v.few or dull,
        )
        for k, ((out, v), type) in enumerate(zip(template.outputs, types, strict=True))
    ]
    exactly = same and [v.type for v in given] == [v.type for v in template.inputs]
    step: dict[str, Any] = {template.name: head(g, template, exactly)}
    refs = {v.ref: v_given.ref for v, v_given in zip(template.inputs, given, strict=True)}
    extra = extra_input(g, template, made[0]) if template.optional else None
    if extra is not None:
        assert template.optional is not None
        refs[template.optional] = extra.ref
        made[0] = replace(made[0], scale=made[0].scale + extra.scale)
    written = inputs(g, refs, extra is not None)
    if written is not None:
        step["in"] = written
    if name and chains(template, given, made) and c.chance(40):
        count = step["repeat"] = c.pick((2, 3, 1))
        g.book.features["repeated block"] += 1
        if c.chance(40):
            g.stars.append((f"{name}.*", made[0], count))
    g.put(step, name, made)
    if (
        name
        and same
        and "repeat" not in step
        and all(v.type == w.type for v, w in zip(given, template.inputs, strict=True))
    ):
        g.weights += [(f"{name}.{ref}", type) for ref, type in template.weights]
    return True


def head(g: Scope, template: Template, exactly: bool = True) -> Any:
    """The arguments: what must be given, some of the rest, and other numbers where any will do.

    Unless it is called `exactly` as it was grown, defaults that are facts may be others now.
    """
    c, declared = g.choices, template.owner.params
    known = arguments(template)

    def wanted(name: str) -> bool:
        default = declared[name]
        fact = isinstance(default, str) and default.startswith("=")
        return default in BARE or (fact and not exactly)

    value = {n: v for n, v in known.items() if wanted(n) or (c.chance(20) and v == declared[n])}
    for name, v in known.items():
        if isinstance(v, float) and c.chance(40):
            value[name] = round(v * 0.5, 8)
    loop = g.in_loop()
    for name, v in list(value.items()):
        if isinstance(v, float) and loop and c.chance(50):
            value[name] = f"={v} + 0.01 * {loop}"
    first = next(iter(declared), None)
    lone = list(value) == [first] and not isinstance(value[first], dict | list)
    return value[first] if lone and first is not None and c.chance(60) else value or None


def inputs(g: Scope, refs: dict[str, str], by_name: bool) -> Any:
    """`in`, in one of the ways it can be written; None where it can be left out."""
    c = g.choices
    listed = list(refs.values())
    if listed == ["prev"] and not c.chance(20):
        return None
    if by_name or (len(refs) > 1 and c.chance(50)):
        names = {name: None if name == ref else ref for name, ref in refs.items()}
        if listed[0] == "prev" and c.chance(50):
            names.pop(next(iter(names)))  # the first input omitted is `prev`
        elif c.chance(30):
            names = dict(reversed(names.items()))
        return names
    return listed if len(listed) > 1 or c.chance(30) else listed[0]


def extra_input(g: Scope, template: Template, out: Val) -> Val | None:
    """A value for the optional input, if the last step can take it."""
    if not g.choices.chance(50):
        return None
    return g.value(lambda v: v.type == out.type and v.ref != "prev")


def chains(template: Template, given: Sequence[Val], made: Sequence[Val]) -> bool:
    """Whether each copy's outputs fit the next one's inputs."""
    outs = {name: v for (name, _), v in zip(template.outputs, made, strict=True)}
    fed = 0
    for k, (wanted, v) in enumerate(zip(template.inputs, given, strict=True)):
        out = outs.get(wanted.ref, made[0] if k == 0 or v.ref == "prev" else None)
        if out is None:
            continue
        generic = wanted.low == -inf and wanted.high == inf and not wanted.exact
        if out.type != v.type or not out.floating or not generic or out.scale > 3:
            return False
        fed += 1
    return fed > 0


def scanned_block(moves: list[tuple[int, Move]]) -> Move:
    """A block at every position of axis 1: one output is carried, another may be stacked."""

    def move(g: Scope) -> None:
        c, book = g.choices, g.book
        x = g.value(lambda v: v.type.dtype == "float32" and v.rank == 3 and v.ref != "prev")
        h = g.value(lambda v: v.type.dtype == "float32" and v.rank == 2 and v.ref != "prev")
        if x is None or h is None or g.parent is not None:
            return
        position = replace(x, type=x.type.with_dims((x.dims[0], x.dims[2])))
        given = [fresh(position, book.name("token", "t")), fresh(h, book.name("state", "h"))]
        symbols = {name for v in given for name in v.type.symbols}
        body = Scope(book, Owner("block", symbols, given))
        body.values, body.prev = list(given), replace(given[0], ref="prev")
        grow(body, 4, moves)
        if not body.steps or not adapted(body, given[1]) or body.prev is None:
            return
        outputs = {given[1].ref: body.prev}
        rest = [v for v in body.values if v not in given and v.rank and v.dims[0] == x.dims[0]]
        if rest and c.chance(60):
            outputs["out"] = c.pick(rest)
        if c.chance(50):
            outputs = dict(reversed(outputs.items()))
        made = [scan_output(name, v, given[1].ref, x) for name, v in outputs.items()]
        if not all(feasible(v.type) for v in made):
            return
        data: dict[str, Any] = {"inputs": [v.ref for v in given]}
        if body.owner.params:
            data["params"] = body.owner.params
        block = book.name("cell", "step", "walk")
        written = {name: v.ref for name, v in outputs.items()}
        book.blocks[block] = {**data, "graph": body.steps, "outputs": written}
        template = Template(block, data, body.owner, given, None, list(outputs.items()))
        name = book.name("walked", "states")
        entries = {given[0].ref: x.ref, given[1].ref: h.ref}
        step = {block: head(g, template), "in": entries, "scan": [given[0].ref]}
        book.features["scanned block"] += 1
        names = [name, *(f"{name}.{out}" for out in list(outputs)[1:])]
        g.put(step, name, [replace(v, ref=ref) for v, ref in zip(made, names, strict=True)])

    return move


def scan_output(name: str, v: Val, carried: str, x: Val) -> Val:
    """The output as the scan gives it: its last value, or all of them along axis 1."""
    if name == carried:
        return v
    return replace(v, type=v.type.with_dims((v.dims[0], x.dims[1], *v.dims[1:])))
