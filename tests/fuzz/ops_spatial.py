"""Proposals: convolution, pooling, normalisation, resizing, and what else works on pixels."""

from __future__ import annotations

from math import inf
from typing import Any

from fuzz.catalog import proposes
from fuzz.scope import Scope
from fuzz.values import Use, Val, least, number

CHANNELS = (4, 2, 3, 6, 8, 1, 5)


def picture(g: Scope, *ranks: int, wild: bool = False) -> Val | None:
    """A floating value `[N, C, …]`, C known, with so many axes (3 to 5 if none are given)."""
    ranks = ranks or (4, 3, 5)
    return g.value(
        lambda v: v.type.dtype == "float32" and v.rank in ranks and isinstance(v.dims[1], int), wild
    )


def per_axis(g: Scope, axes: int, *options: int) -> int | list[int]:
    """One number for all axes, or one for each."""
    if axes > 1 and g.choices.chance(25):
        return [g.choices.pick(options) for _ in range(axes)]
    return g.choices.pick(options)


def each(value: int | list[int], axes: int) -> list[int]:
    return value if isinstance(value, list) else [value] * axes


def divisors(n: int) -> list[int]:
    return [k for k in range(1, n + 1) if n % k == 0]


@proposes(30)
def convolution(g: Scope) -> Use | None:
    x = picture(g)
    if x is None:
        return None
    c, axes, channels = g.choices, x.rank - 2, x.dims[1]
    assert isinstance(channels, int)
    groups = c.pick(divisors(channels)) if c.chance(30) else 1
    smallest = min(least(size) for size in x.dims[2:])
    attributes: dict[str, Any] = {
        "out": groups * c.pick((4, 2, 3, 1)) if groups > 1 else c.pick(CHANNELS),
        "kernel": per_axis(g, axes, *[k for k in (3, 1, 2, 5) if k <= smallest + 2][:4]),
    }
    if groups > 1:
        attributes["groups"] = groups
    if c.chance(40):
        attributes["stride"] = per_axis(g, axes, 1, 2, 3)
    padding = c.integer(0, 3)
    if padding == 1:
        attributes["padding"] = "same"
    elif padding:
        attributes["padding"] = per_axis(g, axes, 1, 0, 2)
    if c.chance(15):
        attributes["dilation"] = per_axis(g, axes, 1, 2)
    if c.chance(30):
        attributes["bias"] = False
    return Use(f"conv{axes}d", [x], attributes, scale=0.6 * x.scale + 0.2, chains=True)


@proposes(12)
def transposed_convolution(g: Scope) -> Use | None:
    x = picture(g)
    if x is None:
        return None
    c, axes, channels = g.choices, x.rank - 2, x.dims[1]
    assert isinstance(channels, int)
    groups = c.pick(divisors(channels)) if c.chance(25) else 1
    stride = per_axis(g, axes, 2, 1, 3)
    attributes: dict[str, Any] = {
        "out": groups * c.pick((2, 3, 1)),
        "kernel": per_axis(g, axes, 2, 3, 1, 4),
        "stride": stride,
    }
    if groups > 1:
        attributes["groups"] = groups
    if c.chance(40):
        attributes["padding"] = per_axis(g, axes, 1, 0)
    if c.chance(20):
        attributes["dilation"] = per_axis(g, axes, 1, 2)
    if c.chance(40):
        most = min(each(stride, axes)) - 1
        attributes["output_padding"] = per_axis(g, axes, *range(most, -1, -1))
    if c.chance(30):
        attributes["bias"] = False
    return Use(f"conv_transpose{axes}d", [x], attributes, scale=0.6 * x.scale + 0.2)


@proposes(14)
def pooling(g: Scope) -> Use | None:
    x = picture(g, 5, wild=True) if g.choices.chance(15) else picture(g, wild=True)
    if x is None:
        return None
    c, axes = g.choices, x.rank - 2
    kernel = per_axis(g, axes, 2, 3, 1)
    kind = c.pick(("max", "avg"))
    attributes: dict[str, Any] = {"kernel": kernel}
    if c.chance(50):
        attributes["stride"] = per_axis(g, axes, 2, 1, 3)
    if c.chance(40):
        attributes["padding"] = (
            [k // 2 for k in each(kernel, axes)] if c.chance(50) else min(each(kernel, axes)) // 2
        )
    if c.chance(30):
        attributes["ceil"] = True
    if kind == "max" and c.chance(15):
        attributes["padding"] = "same"
        attributes.pop("ceil", None)
    if kind == "max" and c.chance(15):
        attributes["dilation"] = per_axis(g, axes, 1, 2)
    if kind == "avg" and c.chance(30):
        attributes["count_padding"] = False
    low, high = (x.low, x.high) if kind == "max" else (min(x.low, 0.0), max(x.high, 0.0))
    return Use(
        f"{kind}_pool{axes}d", [x], attributes, low, high, x.scale, x.exact and kind == "max", x.few
    )


@proposes(9)
def adaptive_pooling(g: Scope) -> Use | None:
    x = picture(g, wild=True)
    if x is None:
        return None
    c, axes = g.choices, x.rank - 2
    sizes: list[int] = [
        c.pick((1, 2, 3, 4) if isinstance(size, int) or c.chance(40) else (1,))
        for size in x.dims[2:]
    ]
    size: int | list[int] = sizes[0] if len(set(sizes)) == 1 and c.chance(70) else sizes
    kind = c.pick(("avg", "max"))
    return Use(
        f"adaptive_{kind}_pool{axes}d", [x], {"size": size}, x.low, x.high, x.scale, few=x.few
    )


@proposes(4)
def global_pooling(g: Scope) -> Use | None:
    x = picture(g, 4, 3, 5, wild=True)
    name = g.choices.pick(("global_avg_pool", "global_max_pool"))
    return None if x is None else Use(name, [x], {}, x.low, x.high, x.scale, few=x.few)


# -- normalisation ----------------------------------------------------------


def many(x: Val, axes: range | list[int]) -> bool:
    """Whether several values are normalised together: a lone one gives 0."""
    total = 1
    for axis in axes:
        total *= least(x.dims[axis])
    return total >= 2


def affine(g: Scope) -> dict[str, Any]:
    c = g.choices
    return {
        **({"eps": c.number(1e-3, 1e-5, 0.1)} if c.chance(40) else {}),
        **({"affine": c.chance(50)} if c.chance(30) else {}),
    }


@proposes(16)
def normalisation(g: Scope) -> Use | None:
    """All but local response normalisation; they also bring large values back."""
    c = g.choices
    name = c.pick(("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"))
    if name in ("layer_norm", "rms_norm"):
        return last_axes_norm(g, name)
    x = picture(g, 4, 3, 5, 2, wild=True)
    if x is None or x.few:
        return None
    attributes = affine(g)
    if name == "batch_norm":
        track = not c.chance(15) or not many(x, [0, *range(2, x.rank)])
        attributes |= {
            **({} if track else {"track": False}),
            **({"momentum": 0.2} if c.chance(20) else {}),
        }
        return (
            Use(name, [x], attributes, scale=x.scale if track else 1.0)
            if x.scale < 30 or not track
            else None
        )
    if name == "group_norm":
        assert isinstance(x.dims[1], int)
        groups = c.pick(divisors(x.dims[1]))
        size = x.dims[1] // groups
        if size == 1 and not many(x, range(2, x.rank)):
            return None
        return Use(name, [x], {"groups": groups, **attributes}, chains=True)
    if x.rank < 3 or not many(x, range(2, x.rank)):
        return None
    return Use(name, [x], attributes, chains=True)


def last_axes_norm(g: Scope, name: str) -> Use | None:
    c = g.choices
    x = g.floats(least_rank=1, wild=True)
    if x is None or x.few:
        return None
    attributes = affine(g)
    known = 0
    while known < x.rank and isinstance(x.dims[-1 - known], int):
        known += 1
    span = c.integer(1, max(1, min(known, 3)))
    if not isinstance(x.dims[-1], int):
        attributes["affine"] = False
    axes = list(range(-span, 0)) if c.chance(50) else list(range(x.rank - span, x.rank))
    if not many(x, axes):
        return None
    if span > 1 or c.chance(20):
        attributes["axes"] = axes
    if name == "layer_norm" and attributes.get("affine", True) and c.chance(25):
        attributes["bias"] = False
    return Use(name, [x], attributes, chains=True)


@proposes(3)
def local_response(g: Scope) -> Use | None:
    x = picture(g)
    if x is None:
        return None
    c = g.choices
    attributes = {
        "size": c.pick((3, 2, 5, 4, 1)),
        **(
            {"alpha": c.number(0.5, 1e-3), "k": c.number(2.0, 1.0), "beta": c.number(0.5, 0.75)}
            if c.chance(60)
            else {}
        ),
    }
    return Use("local_response_norm", [x], attributes, x.low, x.high, x.scale)


# -- other sizes ------------------------------------------------------------


@proposes(8)
def resize(g: Scope) -> Use | None:
    x = picture(g)
    if x is None:
        return None
    c, axes = g.choices, x.rank - 2
    modes = {
        1: ("nearest", "linear"),
        2: ("nearest", "bilinear", "bicubic"),
        3: ("nearest", "trilinear"),
    }[axes]
    attributes: dict[str, Any] = {}
    if c.chance(45):
        sizes = [
            c.pick((4, 7, 2, 1, 5)) if isinstance(s, int) or c.chance(40) else s for s in x.dims[2:]
        ]
        attributes["size"] = sizes[0] if len(set(sizes)) == 1 else sizes
    else:
        scales = [c.number(2.0, 1.5, 0.5, 3.0) for _ in range(axes if c.chance(30) else 1)]
        attributes["scale"] = (
            scales if len(scales) > 1 else scales[0] if c.chance(50) else int(scales[0] + 0.5)
        )
    mode = c.pick(modes)
    if mode != "nearest" or c.chance(30):
        attributes["mode"] = mode
    if mode != "nearest" and c.chance(40):
        attributes["align_corners"] = True
    wider = x.scale if mode == "bicubic" else 0.0
    return Use(
        "resize",
        [x],
        attributes,
        x.low - wider,
        x.high + wider,
        x.scale,
        x.exact and mode == "nearest",
        x.few,
    )


@proposes(8)
def shuffle(g: Scope) -> Use | None:
    c = g.choices
    up = c.chance(60)
    x = g.value(
        lambda v: v.rank == 4 and (v.dims[1] in (4, 8, 9) if up else isinstance(v.dims[2], int))
    )
    if x is None:
        return None
    factor = 3 if x.dims[1] == 9 else 2
    return Use(
        "pixel_shuffle" if up else "pixel_unshuffle",
        [x],
        {"factor": factor},
        x.low,
        x.high,
        x.scale,
        x.exact,
        x.few,
    )


@proposes(7)
def pad(g: Scope) -> Use | None:
    c = g.choices
    x = g.value(lambda v: not v.boolean and v.rank >= 1 and v.type.dtype in ("float32", "int64"))
    if x is None:
        return None
    mode = c.pick(("constant", "reflect", "replicate", "circular"))
    if mode != "constant" and (not 3 <= x.rank <= 5 or not x.floating):
        return None
    start = 2 if mode != "constant" or x.rank > 2 else 0
    most = {
        "reflect": min(map(least, x.dims[2:]), default=1) - 1,
        "circular": min(map(least, x.dims[2:]), default=1),
    }.get(mode, 3)
    attributes: dict[str, Any] = {} if mode == "constant" else {"mode": mode}
    if most < 1:
        return None
    by = range(min(most, 2) + 1)
    if c.chance(50) and x.rank > 2:
        attributes["spatial"] = per_axis(g, x.rank - 2, *reversed(by))
    else:
        axes = sorted(c.some(range(start, x.rank), 1, 3))
        attributes["pads"] = [[c.pick((1, 0, *by)), c.pick(by)] for _ in axes]
        attributes["axes"] = [axis if c.chance(50) else axis - x.rank for axis in axes]
    value = 0.0
    if mode == "constant" and c.chance(30):
        value = attributes["value"] = c.number(-1.5, 2.0) if x.floating else 1.0
    return Use(
        "pad", [x], attributes, min(x.low, value), max(x.high, value), x.scale, x.exact, x.few
    )


@proposes(3)
def center_crop(g: Scope) -> Use | None:
    x = picture(g)
    if x is None:
        return None

    def inside(v: Val) -> bool:
        return v.rank == x.rank and all(
            wanted == found
            or (isinstance(wanted, int) and isinstance(found, int) and wanted <= found)
            for wanted, found in zip(v.dims[2:], x.dims[2:], strict=True)
        )

    like = g.value(inside, wild=True)
    return (
        None
        if like is None
        else Use("center_crop", [x, like], {}, x.low, x.high, x.scale, x.exact, x.few)
    )


@proposes(2)
def moving_average(g: Scope) -> Use | None:
    x = g.value(
        lambda v: (
            v.type.dtype == "float32"
            and v.rank >= 1
            and all(isinstance(s, int) for s in v.dims[1:])
        )
    )
    return (
        None
        if x is None
        else Use(
            "moving_average", [x], {"rate": g.choices.number(0.1, 0.5)}, 0.0, 0.0, 0.0, few=True
        )
    )


__all__ = ["inf", "number"]
