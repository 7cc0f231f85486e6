"""Steps that hold steps: `do`, `repeat`, `scan`, and lists of steps as a block's parameter."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

from fuzz.scope import Owner, Scope
from fuzz.steps import Move, condition_of, fresh, grow
from fuzz.values import TAME, Use, Val, feasible

from archc.ir.types import TensorType


def inside(g: Scope, apart: bool = False) -> Scope:
    """The scope of a `do`."""
    inner = Scope(g.book, g.owner, g, apart)
    inner.prev = g.prev
    return inner


def grouped(moves: list[tuple[int, Move]]) -> Move:
    """A `do`: a named scope, or an unnamed one that only groups."""

    def move(g: Scope) -> None:
        if g.prev is None or depth(g) > 2:
            return
        c = g.choices
        name = g.book.name("block", "body", "layer", "do", "features") if c.chance(60) else None
        inner = inside(g)
        step: dict[str, Any] = {}
        form = c.integer(0, 3)
        if form >= 2:
            given = c.some(g.visible()[:8], 1, 2)
            labels = [g.book.name("p", "q", "x") for _ in given]
            step["in"] = {label: v.ref for label, v in zip(labels, given, strict=True)}
            inner.values = [replace(v, ref=label) for label, v in zip(labels, given, strict=True)]
            inner.prev = replace(given[0], ref="prev")
        elif form == 1:
            v = c.pick(g.visible()[:8])
            step["in"] = v.ref
            inner.prev = replace(v, ref="prev")
        labels_inside, entered = len(inner.values), inner.prev
        grow(inner, 4, moves)
        if not inner.steps or inner.prev is None:
            return
        g.book.features["named do" if name else "do"] += 1
        if c.chance(10):
            there = not c.chance(50)
            step["when"] = condition_of(g, there)
            g.book.features["when of a do"] += 1
            if not there:
                passed = next(iter(inner.values), None) if form >= 2 else entered
                assert passed is not None
                g.put({"do": inner.steps, **step}, name, [replace(passed, ref=name or "prev")])
                return
        made = inner.values[labels_inside:]
        prefix = f"{name}." if name else ""
        g.values += [replace(v, ref=prefix + v.ref) for v in made]
        g.weights += [(prefix + ref, type) for ref, type in inner.weights]
        g.stars += [(prefix + ref, v, k) for ref, v, k in inner.stars]
        if c.chance(5):
            step["freeze"] = True
        g.put({"do": inner.steps, **step}, name, [replace(inner.prev, ref=name or "prev")])

    return move


def depth(g: Scope) -> int:
    return 0 if g.parent is None else 1 + depth(g.parent)


def adapted(g: Scope, x: Val) -> bool:
    """Ends a body with a value of x's type, whatever the last one is; whether that worked."""
    last = g.prev
    if last is None:
        return False
    c = g.choices
    if last.type != x.type:
        if last.type.dtype != "float32":
            if last.type.dtype == "float64" or not last.bounded:
                return False
            if (
                g.add(Use("cast", [last], {"to": "float32"}, last.low, last.high, last.scale), None)
                is None
            ):
                return False
            last = g.prev
            assert last is not None
        narrow = x.rank == last.rank and x.rank >= 2 and x.dims[:-1] == last.dims[:-1]
        if narrow and isinstance(x.dims[-1], int) and isinstance(last.dims[-1], int):
            g.add(Use("linear", [last], {"out": x.dims[-1]}, scale=0.6 * last.scale), None)
        else:
            if last.rank and g.add(Use("mean", [last], {}, scale=last.scale), None) is None:
                return False
            mean = g.prev
            assert mean is not None
            g.add(Use("add", [x, replace(mean, ref="prev")], {}, scale=x.scale + mean.scale), None)
    if g.prev is not None and g.prev.type == x.type and (g.prev.scale > 3 or c.chance(25)):
        bounding = ("softsign",) if g.prev.scale > 2 else ("tanh", "softsign")
        g.add(Use(c.pick(bounding), [g.prev], {}, -1.0, 1.0, 1.0), None)
    return g.prev is not None and g.prev.type == x.type and g.prev.scale <= TAME


def repeated(moves: list[tuple[int, Move]]) -> Move:
    """A `do` in a chain of copies that see what is around them."""

    def move(g: Scope) -> None:
        if depth(g) > 1:
            return
        c = g.choices
        x = g.floats(least_rank=1)
        if x is None:
            return
        name, label = g.book.name("blocks", "layers", "h"), g.book.name("p", "z")
        count = c.pick((2, 3, 1))
        inner = inside(g, apart=True)
        inner.values = [fresh(x, label)]
        inner.prev = replace(inner.values[0], ref="prev")
        variable = "i" if c.chance(40) and not g.loop else None
        if variable:
            inner.loop = {variable: count}
        grow(inner, 3, moves)
        if not inner.steps or not adapted(inner, inner.values[0]):
            return
        g.book.features["repeated do"] += 1
        assert inner.prev is not None
        out = replace(inner.prev, ref=name)
        step: dict[str, Any] = {
            "do": inner.steps,
            "in": {label: x.ref},
            "repeat": {variable: count} if variable else count,
        }
        g.put(step, name, [out])
        if c.chance(40):
            g.values += [replace(out, ref=f"{name}.{k}") for k in range(count)]
            g.stars.append((f"{name}.*", out, count))
            same = [v for v in inner.values[1:] if "." not in v.ref]
            if same and c.chance(40):
                v = c.pick(same)
                g.stars.append((f"{name}.*.{v.ref}", v, count))

    return move


def scanned(moves: list[tuple[int, Move]]) -> Move:
    """A step at every position of axis 1: a cell, or a `do` whose values are stacked."""

    def move(g: Scope) -> None:
        c = g.choices
        x = g.value(
            lambda v: v.type.dtype == "float32" and v.rank == 3 and isinstance(v.dims[2], int)
        )
        if x is None or depth(g) > 1:
            return
        if c.chance(50):
            scanned_cell(g, x)
            return
        label, name = g.book.name("token", "s"), g.book.name("scan")
        inner = inside(g, apart=True)
        type = x.type.with_dims((x.dims[0], x.dims[2]))
        inner.values = [fresh(replace(x, type=type), label)]
        inner.prev = replace(inner.values[0], ref="prev")
        entries = {label: x.ref}
        other = g.value(
            lambda v: v.rank >= 2 and v.dims[:2] == x.dims[:2] and v.type.dtype != "float64"
        )
        if other is not None and c.chance(40):
            entries[second := g.book.name("other", "s")] = other.ref
            type = other.type.with_dims((other.dims[0], *other.dims[2:]))
            inner.values.append(replace(other, ref=second, type=type))
            g.book.features["two scanned"] += 1
        grow(inner, 3, moves)
        if (
            not inner.steps
            or inner.prev is None
            or inner.prev.rank < 1
            or inner.prev.dims[0] != x.dims[0]
        ):
            return
        last = inner.prev
        stacked = last.type.with_dims((last.dims[0], x.dims[1], *last.dims[1:]))
        if not feasible(stacked):
            return
        g.book.features["scanned do"] += 1
        g.put(
            {"do": inner.steps, "in": entries, "scan": list(entries)},
            name,
            [replace(last, ref=name, type=stacked)],
        )

    return move


def inserted(moves: list[tuple[int, Move]]) -> Move:
    """Within a block, a list of steps that the caller gives: `{=body: , name: a}`."""

    def move(g: Scope) -> None:
        held = [key for key, declared in g.owner.params.items() if declared == "steps"]
        if g.owner.kind != "block" or held or g.prev is None or depth(g) > 1:
            return
        inner = Scope(g.book, Owner("model", g.owner.symbols), g, apart=True)
        inner.prev = g.prev
        grow(inner, 3, moves)
        if not inner.steps or inner.prev is None:
            return
        key, name = g.book.name("body", "steps"), g.book.name("a", "inner")
        g.owner.params[key], g.owner.given[key] = "steps", inner.steps
        g.book.features["steps parameter"] += 1
        g.values += [replace(v, ref=f"{name}.{v.ref}") for v in inner.values]
        g.put({f"={key}": None}, name, [replace(inner.prev, ref=name)])

    return move


def scanned_cell(g: Scope, x: Val) -> None:
    c = g.choices
    kind, hidden = c.pick(("gru_cell", "lstm_cell", "rnn_cell")), c.pick((4, 3, 2))
    state = TensorType("float32", (x.dims[0], hidden))
    h = g.value(lambda v: v.type == state)
    if h is None or c.chance(50):
        made = g.add(
            Use("zeros", [], {"shape": list(state.dims)}, 0.0, 0.0, 0.0, True, few=True),
            g.book.name("h0"),
        )
        if made is None or x.ref == "prev":
            return
        h = made[0]
    name = g.book.name("cell", "rnn")
    entries: dict[str, Any] = {
        "x": x.ref,
        "h": h.ref,
        **({"c": h.ref} if kind == "lstm_cell" else {}),
    }
    outs = [Val(name, state, -inf, inf, 0.5)]
    if kind == "lstm_cell":
        outs.append(Val(f"{name}.c", state, -inf, inf, 0.5))
    value: Any = hidden if c.chance(60) else {"hidden": hidden, "bias": False}
    g.book.features["scanned cell"] += 1
    g.book.ops[kind] += 1
    g.put({kind: value, "in": entries, "scan": ["x"]}, name, outs)
