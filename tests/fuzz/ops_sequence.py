"""Proposals: linear maps, products, embeddings, recurrence, attention, values from nothing."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

from fuzz.catalog import proposes
from fuzz.scope import Scope
from fuzz.values import Use, Val, least, number

from archc.ir.dims import Size, symbol

WIDTHS = (4, 6, 8, 3, 2, 5)


def wide(v: Val) -> bool:
    return v.type.dtype == "float32" and v.rank >= 1 and isinstance(v.dims[-1], int)


@proposes(30)
def linear(g: Scope) -> Use | None:
    x = g.value(wide)
    if x is None:
        return None
    c = g.choices
    attributes: dict[str, Any] = {"out": c.pick(WIDTHS)}
    if c.chance(25):
        attributes["bias"] = False
    if c.chance(20):
        attributes["layout"] = c.pick(("in_out", "out_in"))
    return Use("linear", [x], attributes, scale=0.6 * x.scale + 0.2, chains=True)


@proposes(10)
def matrix_product(g: Scope) -> Use | None:
    a = g.value(lambda v: wide(v) or (v.type.dtype == "float32" and v.rank >= 2))
    if a is None:
        return None
    inner = a.dims[-1]

    def fits(v: Val) -> bool:
        return (
            v.type.dtype == "float32" and v.rank >= 1 and v.dims[-2 if v.rank > 1 else -1] == inner
        )

    b = g.value(fits)
    if b is None:
        return None
    summed = number(inner) if a.low >= 0 and b.low >= 0 else sqrt(number(inner))
    return Use("matmul", [a, b], {}, scale=a.scale * b.scale * summed)


@proposes(10)
def einsum(g: Scope) -> Use | None:
    """Operands whose equal sizes share letters, and a result of some of the letters."""
    c = g.choices
    x = g.floats(4, 3, 2, 1)
    y = g.floats(3, 2, 1) if c.chance(75) else None
    if x is None:
        return None
    letters = list("bijkdefg")
    first = [letters.pop(0) for _ in x.dims]
    operands, sizes = [first], dict(zip(first, x.dims, strict=True))
    for v in [y] if y is not None else []:
        names: list[str] = []
        for size in v.dims:
            shared = [k for k, found in sizes.items() if found == size and k not in names]
            names.append(c.pick(shared) if shared and not c.chance(15) else letters.pop(0))
            sizes[names[-1]] = size
        operands.append(names)
    order = list(dict.fromkeys(letter for names in operands for letter in names))
    result = c.some(order, 0, 4)
    summed = 1
    for letter in order:
        summed *= 1 if letter in result else number(sizes[letter])
    scale = x.scale * (1.0 if y is None else y.scale) * sqrt(summed)
    if scale > 60 or not result:
        return None
    comma = ", " if c.chance(30) else ","
    equation = comma.join("".join(names) for names in operands) + "->" + "".join(result)
    return Use("einsum", [x] if y is None else [x, y], {"equation": equation}, scale=scale)


def index(v: Val) -> bool:
    return v.type.dtype in ("int64", "int32") and v.low >= 0 and v.high <= 40


@proposes(9)
def lookup(g: Scope) -> Use | None:
    x = g.value(index)
    if x is None:
        return None
    c = g.choices
    num = int(x.high) + 1 + c.integer(0, 3)
    if c.chance(30):
        attributes = {"num": num, **({"dtype": "float32"} if c.chance(60) else {})}
        return Use("one_hot", [x], attributes, 0.0, 1.0, 0.5, True)
    padding = {"padding": c.pick((0, -1))} if c.chance(20) else {}
    return Use("embedding", [x], {"num": num, "dim": c.pick(WIDTHS), **padding})


@proposes(4)
def sinusoid(g: Scope) -> Use | None:
    x = g.value(
        lambda v: (
            not v.boolean
            and v.bounded
            and v.high <= 200
            and v.low >= -200
            and v.type.dtype != "float64"
        )
    )
    if x is None:
        return None
    base = {"base": 100.0} if g.choices.chance(30) else {}
    return Use("sinusoid", [x], {"dim": g.choices.pick((4, 6, 2)), **base}, -1.0, 1.0, 0.7)


# -- recurrent networks -----------------------------------------------------


def sequence(g: Scope) -> Val | None:
    return g.value(lambda v: wide(v) and v.rank == 3)


@proposes(9)
def recurrent(g: Scope) -> Use | None:
    x = sequence(g)
    if x is None:
        return None
    c = g.choices
    kind = c.pick(("gru", "lstm", "rnn"))
    hidden, layers = c.pick((4, 3, 2)), c.pick((1, 1, 2))
    attributes: dict[str, Any] = {"hidden": hidden}
    if layers > 1:
        attributes["layers"] = layers
        if c.chance(30):
            attributes["dropout"] = 0.2
    if c.chance(35):
        attributes["bidirectional"] = True
    if c.chance(25):
        attributes["bias"] = False
    if kind == "rnn" and c.chance(30):
        attributes["nonlinearity"] = "relu"
    state = (layers * (2 if "bidirectional" in attributes else 1), x.dims[0], hidden)
    inputs: list[Val | float | None] = [x]
    if c.chance(30):
        h = g.value(lambda v: v.type.dtype == "float32" and v.dims == state)
        if h is not None:
            inputs += [h] * (2 if kind == "lstm" else 1)
    return Use(kind, inputs, attributes, scale=0.4)


@proposes(4)
def cell(g: Scope) -> Use | None:
    """One step of a recurrent network, on values that happen to fit."""
    x = g.value(lambda v: wide(v) and v.rank == 2)
    if x is None:
        return None
    h = g.value(lambda v: wide(v) and v.rank == 2 and v.dims[0] == x.dims[0])
    if h is None:
        return None
    kind = g.choices.pick(("gru_cell", "lstm_cell", "rnn_cell"))
    more = {"bias": False} if g.choices.chance(30) else {}
    return Use(
        kind,
        [x, *[h] * (2 if kind == "lstm_cell" else 1)],
        {"hidden": h.dims[-1], **more},
        scale=0.6,
    )


# -- attention --------------------------------------------------------------


@proposes(9)
def attention(g: Scope) -> Use | None:
    c = g.choices
    q = g.value(lambda v: wide(v) and 2 <= v.rank <= 4)
    if q is None:
        return None
    k = g.value(
        lambda v: (
            wide(v) and v.rank == q.rank and v.dims[:-2] == q.dims[:-2] and v.dims[-1] == q.dims[-1]
        )
    )
    assert k is not None
    v = g.value(lambda v: wide(v) and v.rank == k.rank and v.dims[:-1] == k.dims[:-1])
    assert v is not None
    attributes: dict[str, Any] = {}
    if c.chance(35) and least(k.dims[-2]) >= number(q.dims[-2], 2) and k.dims[-2] == q.dims[-2]:
        attributes["causal"] = True
    if c.chance(20):
        attributes["scale"] = c.number(0.5, 0.1)
    if c.chance(20):
        attributes["dropout"] = 0.1
    scores = (*q.dims[:-1], k.dims[-2])
    mask = (
        g.value(
            lambda m: m.type.dtype in ("bool", "float32") and m.rank >= 1 and spreads(m, scores)
        )
        if c.chance(60)
        else None
    )
    inputs = [q, k, v] if mask is None else [q, k, v, mask]
    return Use("attention", inputs, attributes, v.low, v.high, v.scale, few=v.few)


def spreads(mask: Val, scores: tuple[Size, ...]) -> bool:
    """Whether the mask broadcasts to the scores."""
    if mask.rank > len(scores):
        return False
    return all(m in (1, s) for m, s in zip(reversed(mask.dims), reversed(scores), strict=False))


# -- values from nothing ----------------------------------------------------


@proposes(6)
def range_(g: Scope) -> Use | None:
    c = g.choices
    names = sorted(g.owner.symbols)
    length: Size = symbol(c.pick(names)) if names and c.chance(60) else c.pick((4, 3, 6))
    start, step = c.pick((0, 0, 1, 2)), c.pick((1, 1, 2, -1))
    attributes: dict[str, Any] = {"length": length}
    if start:
        attributes["start"] = start
    if step != 1:
        attributes["step"] = step
    most = (600 if not isinstance(length, int) else length - 1) * step
    return Use("range", [], attributes, start + min(most, 0), start + max(most, 0), 4.0, True)


@proposes(5)
def stored(g: Scope) -> Use | None:
    """A weight or a constant, of a shape that another value's last axes have, so that they meet."""
    c = g.choices
    x = g.value(lambda v: v.floating)
    dims: list[int] = [4] if x is None else []
    for size in reversed(x.dims if x is not None else ()):
        if not isinstance(size, int) or len(dims) == 3:
            break
        dims.insert(0, size)
    kind = c.pick(("weight", "full", "constant", "ones", "zeros", "values"))
    if kind == "weight":
        return Use("weight", [], {"shape": dims}, scale=0.1)
    if kind == "values":
        few = dims[-1:] or [2]
        return Use(
            "weight",
            [],
            {"value": [round(0.25 * (k % 7) - 0.5, 2) for k in range(few[0])]},
            -0.5,
            1.0,
            0.7,
            True,
        )
    if kind == "constant":
        one = [c.integer(-2, 3) for _ in range(dims[-1] if dims else 2)]
        if c.chance(50):
            return Use(
                "constant",
                [],
                {"value": [0.5 * k for k in one]},
                -1.0,
                1.5,
                0.7,
                True,
                few=len(set(one)) < 2,
            )
        return Use(
            "constant", [], {"value": one}, min(one), max(one), 2.0, True, few=len(set(one)) < 2
        )
    sizes: list[Size] = [*(x.dims if x is not None and c.chance(50) else dims)]
    value = c.number(0.5, -1.0) if kind == "full" else 1.0 if kind == "ones" else 0.0
    attributes = {"shape": sizes, **({"value": value} if kind == "full" else {})}
    return Use(kind, [], attributes, value, value, abs(value), True, few=True)


__all__ = ["inf"]
