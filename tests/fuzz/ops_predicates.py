"""Proposals: comparison, logic, choice and conversion."""

from __future__ import annotations

from fuzz.catalog import proposes
from fuzz.ops_pointwise import partner
from fuzz.scope import Scope
from fuzz.values import Use, Val, ends, handful, is_exact, scale_of

from archc.ops.site import TypingError
from archc.ops.sizes import broadcast

COMPARISONS = ("less", "greater", "less_equal", "greater_equal", "equal", "not_equal")


@proposes(14)
def comparison(g: Scope) -> Use | None:
    c = g.choices
    rounded = c.chance(25)
    x = g.value(lambda v: v.exact or (v.type.dtype == "float32" and rounded))
    if x is None:
        return None
    name = c.pick(COMPARISONS)
    if x.boolean:
        name = c.pick(("equal", "not_equal"))
    other: Val | float | None
    if c.chance(40) and not x.boolean:
        other = float(c.integer(0, 3)) if x.floating else c.integer(0, 3)
    else:
        other = g.value(
            lambda v: (
                v.type.dtype == x.type.dtype
                and v.exact == x.exact
                and v.ref != x.ref
                and fits(x, v)
            )
        )
    if other is None or (not x.exact and name in ("equal", "not_equal")):
        return None
    return Use(name, [x, other], {}, 0.0, 1.0, 1.0, True, few=settled(x, other))


def fits(*values: Val) -> bool:
    try:
        broadcast([v.type for v in values], [v.ref for v in values], "add")
    except TypingError:
        return False
    return True


def condition(g: Scope, x: Val) -> Val | None:
    """A boolean value that broadcasts with x; made by a comparison where there is none."""
    c = g.choices
    found = g.value(lambda v: v.boolean and fits(x, v))
    if found is not None and not c.chance(30):
        return found
    other = g.value(lambda v: v.exact and not v.boolean and fits(x, v)) if c.chance(50) else None
    by: float = c.integer(0, 3)
    if other is None:
        other, by = x if x.type.dtype == "float32" else g.floats(), c.number(0.37, -0.21)
        if other is None or not fits(x, other):
            return None
    elif other.floating:
        by = float(by)
    name = c.pick(COMPARISONS if other.exact else COMPARISONS[:4])
    made = g.add(Use(name, [other, by], {}, 0.0, 1.0, 1.0, True, few=settled(other, by)))
    return None if made is None else g.prev


def settled(a: Val, b: Val | float) -> bool:
    """Whether a comparison says the same everywhere, as far as is known."""
    (al, ah), (bl, bh) = ends(a), ends(b)
    return ah <= bl or bh <= al or a.few or handful(a.type)


@proposes(10)
def logic(g: Scope) -> Use | None:
    c = g.choices
    anchor = g.value(lambda v: not v.boolean and v.type.dtype != "float64")
    x = condition(g, anchor) if anchor is not None else None
    if x is None:
        return None
    y = g.value(lambda v: v.boolean and fits(x, v))
    if y is None or c.chance(30):
        return Use("logical_not", [x], {}, 0.0, 1.0, 1.0, True)
    return Use(c.pick(("logical_and", "logical_or")), [x, y], {}, 0.0, 1.0, 1.0, True)


@proposes(14)
def where(g: Scope) -> Use | None:
    a = g.value(lambda v: not v.boolean and (v.floating or v.bounded) and v.ref != "prev")
    chosen = condition(g, a) if a is not None else None
    b = partner(g, a) if a is not None else None
    if chosen is None or a is None or b is None or (isinstance(b, Val) and not fits(chosen, a, b)):
        return None
    b = int(b) if isinstance(b, float) and a.whole else b
    (al, ah), (bl, bh) = ends(a), ends(b)
    exact = is_exact(a) and is_exact(b) and chosen.exact
    pair: list[Val | float] = [a, b] if g.choices.chance(70) else [b, a]
    return Use(
        "where", [chosen, *pair], {}, min(al, bl), max(ah, bh), max(a.scale, scale_of(b)), exact,
        few=(chosen.few and a.few) or handful(chosen.type),
    )  # fmt: skip


@proposes(7)
def cast(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: v.exact)
    if x is None or c.chance(10):
        x = g.floats()
        return (
            None
            if x is None
            else Use("cast", [x], {"to": "float64"}, x.low, x.high, x.scale, x.exact)
        )
    to = c.pick(("float32", "int64", "int32", "bool", "small") if x.bounded else ("float32",))
    if to == "small":
        types = ("int8", "int16") if x.low < 0 else ("uint8", "int8", "int16")
        to = c.pick(types) if x.low >= -100 and x.high <= 100 else "int64"
    if to == "bool":
        return Use("cast", [x], {"to": to}, 0.0, 1.0, 1.0, True, few=x.low > 0 or x.high < 0)
    return Use("cast", [x], {"to": to}, x.low, x.high, x.scale, True)


@proposes(5)
def back_to_float32(g: Scope) -> Use | None:
    x = g.value(lambda v: v.type.dtype == "float64")
    return (
        None if x is None else Use("cast", [x], {"to": "float32"}, x.low, x.high, x.scale, x.exact)
    )
