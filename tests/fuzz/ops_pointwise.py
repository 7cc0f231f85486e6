"""Proposals: activations and arithmetic."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf

from fuzz.catalog import proposes
from fuzz.scope import Scope
from fuzz.values import Use, Val, ends, handful, is_exact, plus, scale_of, times

from archc.ir.types import TensorType
from archc.ops.site import TypingError
from archc.ops.sizes import broadcast

Range = tuple[float, float]
SLOPES = (0.2, 0.01, 0.1, 0.5)

# Activations with no attribute: the bounds of their values whatever they are given.
PLAIN: dict[str, Range] = {
    "relu": (0.0, inf), "tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "gelu": (-0.2, inf),
    "silu": (-0.3, inf), "relu6": (0.0, 6.0), "selu": (-1.8, inf), "hard_sigmoid": (0.0, 1.0),
    "hard_swish": (-0.4, inf), "mish": (-0.4, inf), "softsign": (-1.0, 1.0),
    "tanhshrink": (-inf, inf), "log_sigmoid": (-inf, 0.0), "erf": (-1.0, 1.0), "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0),
}  # fmt: skip
KEEPS_ZERO_EXACT = ("relu", "relu6")
_ANY = TensorType("float32", ())


@proposes(30)
def activation(g: Scope) -> Use | None:
    name = g.choices.pick(tuple(PLAIN))
    if (x := g.floats(wild=True)) is None:
        return None
    low, high = PLAIN[name]
    small = min(x.scale, 1.0) if (low, high) == (-1.0, 1.0) else x.scale
    exact = x.exact and name in KEEPS_ZERO_EXACT
    if name in ("relu", "relu6"):
        low, high = min(max(low, x.low), high), max(min(high, x.high), low)
    elif name == "gelu":
        high = min(high, x.high)
    return Use(name, [x], {}, low, high, small, exact, chains=not exact and low < high)


@proposes(14)
def activation_with_attributes(g: Scope) -> Use | None:
    if (x := g.floats()) is None:
        return None
    c = g.choices
    s, alpha = c.pick(SLOPES), c.number(1.0, 0.5, 2.0)
    kept = Use("identity", [x], {}, x.low, x.high, x.scale, x.exact, x.few, chains=True)
    chain = Use("leaky_relu", [x], {"slope": s}, scale=x.scale, chains=True)
    plain = replace(chain, chains=False)
    each = {"num": x.dims[1]} if x.rank > 1 and c.chance(50) else {}
    sharp = {"beta": c.number(1.0, 2.0, 0.5), "threshold": c.number(20.0, 5.0)}
    made = [
        chain,
        replace(chain, op="elu", attributes={"alpha": alpha}, low=-2.0),
        replace(chain, op="celu", attributes={"alpha": alpha}, low=-2.0),
        replace(chain, op="gelu", attributes={"approximate": c.pick(("tanh", "none"))}, low=-0.2),
        replace(
            chain,
            op="hard_tanh",
            attributes={"min": -s, "max": 1.0},
            low=min(max(-s, x.low), 1.0),
            high=max(min(1.0, x.high), -s),
        ),
        replace(chain, op="prelu", attributes=each),
        replace(plain, op="swish", attributes={"beta": alpha, "learned": c.chance(50)}, low=-0.6),
        replace(plain, op="softplus", attributes=sharp, low=0.0, scale=x.scale + 0.5),
        replace(plain, op="softshrink", attributes={"threshold": s}, few=x.scale < 0.5),
        replace(plain, op="hardshrink", attributes={"threshold": s}, few=x.scale < 0.5),
        replace(
            plain,
            op="threshold",
            attributes={"threshold": s, "value": -alpha},
            low=-2.0,
            few=x.high <= s,
        ),
        replace(kept, op="dropout", attributes={"rate": c.number(0.5, 0.1, 0.0)}),
        replace(kept, op="drop_path", attributes={"rate": c.number(0.1, 0.0)}),
        kept,
    ]
    return c.pick(made)


@proposes(8)
def along_an_axis(g: Scope) -> Use | None:
    x = g.floats(least_rank=1)
    if x is None:
        return None
    axis = any_axis(g, x)
    name = g.choices.pick(("softmax", "glu", "log_softmax"))
    few = x.dims[axis] == 1
    if name == "glu":
        axis = next((k for k in range(x.rank) if x.dims[k] in (2, 4, 6, 8)), axis)
        return Use(name, [x], {"axis": axis}, scale=x.scale * 0.5)
    low, high = (0.0, 1.0) if name == "softmax" else (-inf, 0.0)
    return Use(name, [x], {"axis": axis}, low, high, 0.3 if high else x.scale + 2, few=few)


def any_axis(g: Scope, x: Val) -> int:
    """An axis, counted from the front or from the end."""
    axis = g.choices.integer(0, x.rank - 1)
    return axis if g.choices.chance(50) else axis - x.rank


# -- arithmetic -------------------------------------------------------------


def partner(g: Scope, x: Val) -> Val | float | None:
    """A value that broadcasts with x and has its element type, or a number."""
    c = g.choices
    if c.chance(25):
        return c.pick((2.0, 0.5, -1.0, 3.0, 0.25)) if x.floating else float(c.integer(1, 4))

    def fits(v: Val) -> bool:
        if v.type.dtype != x.type.dtype or v.ref == x.ref:
            return False
        try:
            return bool(broadcast([x.type, v.type], ["a", "b"], "add")) or x.rank == v.rank == 0
        except TypingError:
            return False

    return g.value(fits)


@proposes(26)
def arithmetic(g: Scope) -> Use | None:
    name = g.choices.pick(("add", "mul", "sub", "maximum", "minimum"))
    if name == "sub" and g.prev is not None and g.prev.type.dtype == "uint8":
        name = "add"  # below 0 it would go round
    x = g.value(lambda v: v.floating or (v.whole and v.bounded and not overflows(v)))
    other = partner(g, x) if x is not None else None
    if x is None or other is None:
        return None
    pair: list[Val | float] = [x, int(other) if isinstance(other, float) and x.whole else other]
    if g.choices.chance(40):
        pair.reverse()
    if g.choices.chance(10) and name != "sub":
        pair.append(x)
    return combined(name, pair)


def overflows(v: Val) -> bool:
    """Whether the sum or the product of a few such values may be out of its type's range."""
    most = {"uint8": 5, "int8": 4, "int16": 30}.get(v.type.dtype)
    return most is not None and (v.low < (0 if v.type.dtype == "uint8" else -most) or v.high > most)


def combined(name: str, operands: list[Val | float]) -> Use:
    """The use with its bounds and magnitude."""
    first, *rest = operands
    (low, high), scale = ends(first), scale_of(first)
    for other in rest:
        held = Val("", _ANY, low, high)
        a, b = ends(other)
        if name in ("add", "sub"):
            low, high = plus(held, other) if name == "add" else (low - b, high - a)
            scale = scale + scale_of(other)
        elif name == "mul":
            low, high = times(held, other)
            scale = scale * max(scale_of(other), 0.05)
        elif name == "maximum":
            low, high, scale = max(low, a), max(high, b), max(scale, scale_of(other))
        else:
            low, high, scale = min(low, a), min(high, b), max(scale, scale_of(other))
    exact = all(map(is_exact, operands)) and scale < 1000
    return Use(
        name,
        operands,
        {},
        low,
        high,
        scale,
        exact,
        few=not any(isinstance(v, Val) and not v.few for v in operands),
    )


@proposes(8)
def division(g: Scope) -> Use | None:
    x = g.floats()
    away = g.value(
        lambda v: v.floating and (v.low >= 0.2 or v.high <= -0.2) and v.type.dtype == "float32"
    )
    if x is None:
        return None
    if away is None or g.choices.chance(30):
        return Use("div", [x, g.choices.number(2.0, -4.0, 3.0)], scale=x.scale / 2)
    if g.choices.chance(30):
        return Use("div", [g.choices.number(1.0, 2.0), away], scale=2.0)
    return Use("div", [x, away], scale=2 * x.scale)


@proposes(8)
def whole_division(g: Scope) -> Use | None:
    """Exact operands only: a difference in the last bit must not cross a whole number."""
    x = g.value(lambda v: v.exact and v.bounded and v.type.dtype in ("int64", "int32", "float32"))
    if x is None:
        return None
    name = g.choices.pick(("mod", "floor_div"))
    by = g.choices.integer(2, 4) * g.choices.pick((1, 1, -1))
    most = max(abs(x.low), abs(x.high))
    if name == "floor_div":
        low, high = sorted((x.low // by, x.high // by))
    elif x.low >= 0 and x.high < by:
        low, high = x.low, x.high
    else:
        low, high = sorted((0.0, float(by)))
    operand: float = by if x.whole else float(by)
    few = handful(x.type)
    return Use(name, [x, operand], {}, low, high, min(most, 4.0), True, few)


@proposes(14)
def exact_functions(g: Scope) -> Use | None:
    """Functions of a single value that keep whole numbers whole, some of them on those only."""
    c = g.choices
    x = g.value(
        lambda v: (
            not v.boolean
            and v.type.dtype in ("float32", "int64", "int32")
            and (v.floating or v.bounded)
        )
    )
    if x is None:
        return None
    name = c.pick(("neg", "abs", "square", "sign", "floor", "ceil", "round"))
    if x.exact and x.floating and c.chance(50):
        name = c.pick(("round", "floor", "ceil"))
    if name in ("floor", "ceil", "round", "sign") and not x.exact and not c.chance(12):
        return None
    if name in ("floor", "ceil", "round") and x.whole:
        return None
    most = max(abs(x.low), abs(x.high))
    low, high, scale = {
        "neg": (-x.high, -x.low, x.scale), "abs": (0.0, most, x.scale), "sign": (-1.0, 1.0, 0.7),
        "square": (0.0, most * most, x.scale * x.scale),
    }.get(name, (x.low - 1, x.high + 1, x.scale))  # fmt: skip
    return Use(
        name,
        [x],
        {},
        low,
        high,
        scale,
        x.exact and scale < 100,
        few=name in ("sign", "floor", "ceil", "round")
        and (handful(x.type) or not 0.7 < x.scale < 20),
    )


def positive(g: Scope) -> Val | None:
    """A value that stays away from 0; made with a few steps where there is none."""
    c = g.choices
    found = g.value(lambda v: v.type.dtype == "float32" and v.low >= 0.1)
    if found is not None and not c.chance(30):
        return found
    x = (
        g.value(lambda v: v.type.dtype == "float32" and -0.5 <= v.low < 0.1)
        if c.chance(40)
        else None
    )
    if x is None:
        x = g.floats()
        if x is None:
            return None
        high = max(abs(x.low), abs(x.high))
        name = c.pick(("abs", "sigmoid", "square", "softplus"))
        bounds = {"abs": high, "sigmoid": 1.0, "square": high * high}
        scale = x.scale**2 if name == "square" else x.scale
        if g.add(Use(name, [x], {}, 0.0, bounds.get(name, inf), scale)) is None or g.prev is None:
            return None
        x = g.prev
    by = c.number(1.0, 0.75)
    made = g.add(Use("add", [x, by], {}, x.low + by, x.high + by, x.scale + by, few=x.few))
    return None if made is None else g.prev


@proposes(22)
def functions_of_positive(g: Scope) -> Use | None:
    """Functions that blow up near 0: on values that stay away from it."""
    c = g.choices
    x = positive(g)
    if x is None:
        return None
    name = c.pick(("sqrt", "rsqrt", "reciprocal", "log", "pow"))
    if name == "pow":
        power = c.number(2.0, 0.5, -1.0, 1.5)
        return (
            Use(name, [x, power], {}, 0.0, scale=max(x.scale**power, 0.3)) if x.high <= 20 else None
        )
    if name == "log":
        return Use(name, [x], {}, -2.5, scale=1.0)
    return Use(name, [x], {}, 0.0, 10.0, scale=max(x.scale, 1.0) if name == "sqrt" else 1.0)


@proposes(5)
def exponential(g: Scope) -> Use | None:
    x = g.value(lambda v: v.type.dtype == "float32" and v.high <= 3)
    return (
        None
        if x is None
        else Use(
            "exp", [x], {}, max(0.0, exp(max(x.low, -20.0))), exp(x.high), scale=exp(min(x.high, 2))
        )
    )


@proposes(6)
def clamp(g: Scope) -> Use | None:
    x = g.floats(wild=True)
    if x is None:
        return None
    kind, low, high = (
        g.choices.integer(0, 2),
        g.choices.number(-1.0, -0.25, 0.2),
        g.choices.number(1.0, 2.5),
    )
    attributes = {**({"min": low} if kind != 1 else {}), **({"max": high} if kind != 2 else {})}
    few = x.low >= high or x.high <= low
    return Use(
        "clamp",
        [x],
        attributes,
        low if kind != 1 else x.low,
        high if kind != 2 else x.high,
        min(x.scale, 2.0),
        few=few,
    )


@proposes(4)
def like(g: Scope) -> Use | None:
    x = g.value(lambda v: True, wild=True)
    name = g.choices.pick(("zeros_like", "ones_like"))
    number = 0.0 if name == "zeros_like" else 1.0
    return None if x is None else Use(name, [x], {}, number, number, number, True, few=True)
