"""Proposals: reductions, other shapes, parts, and values put together."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

from fuzz.catalog import proposes
from fuzz.ops_pointwise import any_axis
from fuzz.scope import Scope
from fuzz.values import Use, Val, handful, least, number

from archc.ir.dims import Size


def kept(x: Val, op: str, attributes: dict[str, Any], *more: Val) -> Use:
    """A use whose values are those of its inputs, moved."""
    return Use(op, [x, *more], attributes, x.low, x.high, x.scale, x.exact, x.few)


def any_value(v: Val) -> bool:
    return v.rank >= 1 and v.type.dtype != "float64"


# -- reductions -------------------------------------------------------------


@proposes(16)
def reduction(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(
        lambda v: (
            v.rank >= 1 and (v.type.dtype == "float32" or (v.type.dtype == "int64" and v.bounded))
        )
    )
    if x is None:
        return None
    names = ("mean", "sum", "max", "min", "logsumexp", "norm", "var", "std", "prod")
    name = c.pick(names if x.floating else ("sum", "max", "min", "prod"))
    axes = c.some(range(x.rank), 1, 2) if c.chance(85) else list(range(x.rank))
    count = smallest = 1
    for axis in axes:
        count, smallest = count * number(x.dims[axis]), smallest * least(x.dims[axis])
    attributes: dict[str, Any] = {}
    if len(axes) < x.rank or c.chance(50):
        written = [axis if c.chance(50) else axis - x.rank for axis in axes]
        attributes["axes"] = written[0] if len(written) == 1 and c.chance(60) else written
    if c.chance(35):
        attributes["keep"] = True
    if name == "prod" and (
        count > 6 or x.scale > 2 or not all(isinstance(x.dims[a], int) for a in axes)
    ):
        name = "max"
    if name in ("var", "std"):
        if smallest < 2:
            return None
        if c.chance(40):
            attributes["correction"] = c.pick((0, 1))
    if name == "norm" and c.chance(40):
        attributes["p"] = c.pick((1, 2))
    return reduced(x, name, attributes, count)


def reduced(x: Val, name: str, attributes: dict[str, Any], count: int) -> Use:
    most = max(abs(x.low), abs(x.high)) if count <= 8 else inf
    low, high, scale = {
        "mean": (x.low, x.high, x.scale / 2),
        "max": (x.low, x.high, x.scale), "min": (x.low, x.high, x.scale),
        "sum": (min(x.low, 0) * 64 * count, max(x.high, 0) * 64 * count, x.scale * sqrt(count)),
        "logsumexp": (-inf, inf, x.scale + 2), "norm": (0.0, inf, x.scale * sqrt(count)),
        "var": (0.0, inf, x.scale**2), "std": (0.0, inf, x.scale),
        "prod": (-(most**count) - 1, most**count + 1, max(x.scale, 1.0) ** min(count, 8)),
    }[name]  # fmt: skip
    if (name == "norm" and attributes.get("p") == 1) or (name == "sum" and x.low >= 0):
        scale = x.scale * count
    exact = x.exact and name in ("sum", "max", "min", "prod") and scale < 500
    few = x.few or (x.exact and name in ("max", "min", "prod") and count > x.high - x.low)
    return Use(name, [x], attributes, low, high, scale, exact, few)


@proposes(5)
def position(g: Scope) -> Use | None:
    c = g.choices
    rounded = c.chance(25)
    x = g.value(
        lambda v: (
            v.rank >= 1
            and (v.exact or rounded)
            and not v.boolean
            and v.type.dtype != "float64"
            and not v.few
        )
    )
    if x is None:
        return None
    axis = any_axis(g, x)
    size = x.dims[axis]
    keep = {"keep": True} if c.chance(30) else {}
    high = size - 1 if isinstance(size, int) else 511
    return Use(
        c.pick(("argmax", "argmin")),
        [x],
        {"axis": axis, **keep},
        0.0,
        high,
        2.0,
        x.exact,
        few=size == 1 or handful(x.type),
    )


@proposes(4)
def running_sum(g: Scope) -> Use | None:
    x = g.value(
        lambda v: v.rank >= 1 and v.type.dtype in ("float32", "int64") and (v.floating or v.bounded)
    )
    if x is None:
        return None
    axis = any_axis(g, x)
    count = number(x.dims[axis])
    scale = x.scale * sqrt(count)
    return Use(
        "cumsum",
        [x],
        {"axis": axis},
        min(x.low * 512, x.low),
        max(x.high * 512, x.high),
        scale,
        x.exact and scale < 200,
    )


# -- other shapes -----------------------------------------------------------


@proposes(10)
def reshape(g: Scope) -> Use | None:
    """Neighbouring axes merged, or one axis split; one size may be left to be worked out."""
    c = g.choices
    x = g.value(any_value)
    if x is None:
        return None
    dims: list[Size] = list(x.dims)
    if len(dims) >= 2 and c.chance(50):
        k = c.integer(0, len(dims) - 2)
        dims[k : k + 2] = [dims[k] * dims[k + 1]]
    else:
        k = c.integer(0, len(dims) - 1)
        by = c.pick((2, 1, 3))
        if dims[k] % by != 0:
            return None
        dims[k : k + 1] = [dims[k] // by, by] if c.chance(50) else [by, dims[k] // by]
    if len(dims) > 5:
        return None
    shape: list[Size] = list(dims)
    if c.chance(50):
        shape[c.integer(0, len(dims) - 1)] = -1
    return kept(x, "reshape", {"shape": shape})


@proposes(7)
def flatten(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: any_value(v) and v.rank >= 2)
    if x is None:
        return None
    start = c.integer(0, x.rank - 1)
    end = c.integer(start, x.rank - 1)
    attributes: dict[str, Any] = {}
    if start != 1 or c.chance(30):
        attributes["start"] = start
    if end != x.rank - 1 or c.chance(30):
        attributes["end"] = end if c.chance(50) else end - x.rank
    return kept(x, "flatten", attributes)


@proposes(7)
def transpose(g: Scope) -> Use | None:
    x = g.value(lambda v: any_value(v) and v.rank >= 2)
    if x is None:
        return None
    if g.choices.chance(40):
        return kept(x, "transpose", {})
    order = g.choices.some(range(x.rank), x.rank, x.rank)
    return kept(
        x,
        "transpose",
        {"order": [axis if g.choices.chance(70) else axis - x.rank for axis in order]},
    )


@proposes(6)
def axes_of_one(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: v.rank <= 4)
    if x is None:
        return None
    ones = [axis for axis, size in enumerate(x.dims) if size == 1]
    if ones and c.chance(60):
        axes = c.some(ones, 1, 2)
        return kept(x, "squeeze", {"axes": [a if c.chance(50) else a - x.rank for a in axes]})
    if c.chance(15) and x.rank <= 3:
        return kept(x, "unsqueeze", {"axes": [0, -1]})
    axis = c.integer(0, x.rank)
    return kept(x, "unsqueeze", {"axes": axis if c.chance(50) else axis - x.rank - 1})


@proposes(5)
def expand(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: v.rank <= 4 and 1 in v.dims) or g.value(lambda v: v.rank <= 3)
    if x is None:
        return None
    shape: list[Size] = [
        c.pick((3, 2)) if size == 1 and c.chance(70) else -1 if c.chance(50) else size
        for size in x.dims
    ]
    if c.chance(30) and x.rank < 4:
        shape.insert(0, 2)
    return kept(x, "expand", {"shape": shape}) if shape else None


@proposes(12)
def rearrange(g: Scope) -> Use | None:
    """Axes split into factors, permuted, and some neighbours merged."""
    c = g.choices
    x = g.value(any_value)
    if x is None:
        return None
    names = iter("abcdefghij")
    left: list[str] = []
    parts: list[str] = []
    sizes: dict[str, int] = {}
    for size in x.dims:
        factor = next(
            (k for k in (2, 3) if isinstance(size, int) and size % k == 0 and size > k), None
        )
        if factor is not None and c.chance(40):
            one, two = next(names), next(names)
            sizes[one if c.chance(50) else two] = factor if c.chance(70) else 0
            pair = [one, two]
            given = next(iter(name for name in pair if name in sizes))
            assert isinstance(size, int)
            sizes[given] = factor
            left.append(f"({one} {two})")
            parts += pair
        elif size == 1 and c.chance(50):
            left.append("1")
        else:
            name = next(names)
            left.append(name)
            parts.append(name)
    order = c.some(parts, len(parts), len(parts))
    right: list[str] = []
    while order:
        take = 2 if len(order) >= 2 and c.chance(30) else 1
        group, order = order[:take], order[take:]
        right.append(f"({' '.join(group)})" if take > 1 else group[0])
    if c.chance(15):
        right.insert(c.integer(0, len(right)), "1")
    if len(right) > 5 or not right:
        return None
    return kept(x, "rearrange", {"pattern": f"{' '.join(left)} -> {' '.join(right)}", **sizes})


# -- parts ------------------------------------------------------------------


@proposes(9)
def slice_(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: any_value(v) and any(least(s) >= 2 for s in v.dims))
    if x is None:
        return None
    axis = c.pick([k for k, s in enumerate(x.dims) if least(s) >= 2])
    size, attributes = x.dims[axis], {"axis": axis if c.chance(50) else axis - x.rank}
    if not isinstance(size, int):
        form = c.pick(
            (
                {"start": 1},
                {"stop": -1},
                {"stop": 2},
                {"start": -1},
                {"stop": size - 1},
                {"step": 2},
            )
        )
        return kept(x, "slice", {**attributes, **form})
    start = c.integer(0, size - 1)
    stop = c.integer(start + 1, size)
    if start:
        attributes["start"] = start if c.chance(60) else start - size
    if stop < size:
        attributes["stop"] = stop if c.chance(60) else stop - size
    if c.chance(30):
        attributes["step"] = 2
    return kept(x, "slice", attributes)


@proposes(8)
def gather(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: v.rank >= 1)
    if x is None:
        return None
    axis = c.integer(0, x.rank - 1)
    most = least(x.dims[axis]) - 1
    index = g.value(
        lambda v: (
            v.type.dtype in ("int64", "int32") and v.low >= 0 and v.high <= most and v.rank <= 2
        )
    )
    attributes: dict[str, Any] = {"axis": axis if c.chance(60) else axis - x.rank}
    if index is not None and c.chance(60) and x.rank + index.rank <= 5:
        return kept(x, "gather", attributes, index)
    if c.chance(50):
        return kept(x, "gather", {**attributes, "at": c.pick((0, most, -1))})
    return kept(
        x, "gather", {**attributes, "at": [c.pick((0, most, -1)) for _ in range(c.integer(1, 4))]}
    )


@proposes(7)
def taken_apart(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: v.rank >= 1 and any(isinstance(s, int) and 2 <= s <= 8 for s in v.dims))
    if x is None:
        return None
    axis = c.pick([k for k, s in enumerate(x.dims) if isinstance(s, int) and 2 <= s <= 8])
    size = x.dims[axis]
    assert isinstance(size, int)
    names = ["q", "k", "v", "w", "class", "y", "x1", "self"]
    attributes: dict[str, Any] = {"axis": axis if c.chance(60) else axis - x.rank}
    if c.chance(30) and size <= 4:
        return kept(x, "unstack", {"into": names[:size], **attributes})
    if c.chance(50) and size % 2 == 0:
        return kept(x, "split", {"into": names[:2], **attributes})
    first = c.integer(1, size - 1)
    return kept(
        x, "split", {"into": names[:2], "sizes": [first, c.pick((-1, size - first))], **attributes}
    )


@proposes(4)
def triangle(g: Scope) -> Use | None:
    x = g.value(lambda v: any_value(v) and v.rank >= 2)
    if x is None:
        return None
    attributes = {"diagonal": g.choices.pick((-1, 1, 0))} if g.choices.chance(60) else {}
    use = kept(x, g.choices.pick(("tril", "triu")), attributes)
    use.low, use.high = min(use.low, 0.0), max(use.high, 0.0)
    return use


# -- together ---------------------------------------------------------------


@proposes(14)
def together(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: v.rank >= 1)
    if x is None:
        return None
    if c.chance(35):
        others = [
            y
            for _ in range(c.integer(1, 2))
            if (y := g.value(lambda v: v.type == x.type)) is not None
        ]
        axis = c.integer(0, x.rank)
        return joined("stack", [x, *others], axis if c.chance(60) else axis - x.rank - 1)
    axis = c.pick([1 % x.rank, *range(x.rank)])

    def fits(v: Val) -> bool:
        if v.type.dtype != x.type.dtype or v.rank != x.rank:
            return False
        return all(a == b for k, (a, b) in enumerate(zip(v.dims, x.dims, strict=True)) if k != axis)

    others = [y for _ in range(c.integer(1, 2)) if (y := g.value(fits)) is not None]
    return joined("concat", [x, *others], axis if c.chance(60) else axis - x.rank)


def joined(op: str, values: list[Val], axis: int) -> Use:
    default = 1 if op == "concat" else 0
    low, high = min(v.low for v in values), max(v.high for v in values)
    attributes = {} if axis == default else {"axis": axis}
    exact, few = all(v.exact for v in values), all(v.few for v in values)
    return Use(op, values, attributes, low, high, max(v.scale for v in values), exact, few)


@proposes(9)
def moved(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(any_value)
    if x is None:
        return None
    axes = c.some(range(x.rank), 1, 2)
    named = [axis if c.chance(50) else axis - x.rank for axis in axes]
    kind = c.pick(("flip", "roll", "tile"))
    if kind == "tile":
        return kept(x, "tile", {"repeats": [2 if axis in axes else 1 for axis in range(x.rank)]})
    if kind == "flip":
        return kept(x, "flip", {"axes": named[0] if len(named) == 1 and c.chance(50) else named})
    by = [c.pick((1, -1, 2, 0, 5)) for _ in named]
    if len(named) == 1 and c.chance(50):
        return kept(x, "roll", {"by": by[0], "axes": named[0]})
    return kept(x, "roll", {"by": by, "axes": named})
