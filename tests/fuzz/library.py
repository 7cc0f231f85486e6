"""Steps that call the blocks of the standard library."""

from __future__ import annotations

from math import inf
from typing import Any

from fuzz.ops_sequence import sequence, spreads
from fuzz.ops_spatial import picture
from fuzz.scope import Scope
from fuzz.values import Val, feasible, least

from archc.ir.dims import ceil_div


def library(g: Scope) -> None:
    g.choices.pick((attention_block, convolution_block, gated_block))(g)


def put(g: Scope, step: dict[str, Any], out: Val) -> None:
    name = g.book.name() if g.choices.chance(60) else None
    g.book.features["library block"] += 1
    g.put(step, name, [Val(name or "prev", out.type, out.low, out.high, out.scale)])


def attention_block(g: Scope) -> None:
    """Attention with projections: of a sequence to itself, or to another."""
    c, x = g.choices, sequence(g)
    if x is None:
        return
    features = x.dims[2]
    heads = c.pick([h for h in (1, 2, 3, 4) if isinstance(features, int) and features % h == 0])
    value: Any = heads if c.chance(60) else {"heads": heads, "bias": c.chance(50)}
    out = Val("", x.type, -inf, inf, 0.5)
    memory = g.value(
        lambda v: (
            v.rank == 3
            and v.dims[0] == x.dims[0]
            and v.type.dtype == "float32"
            and isinstance(v.dims[2], int)
        )
    )
    if memory is not None and c.chance(40):
        put(g, {"cross_attention": value, "in": [x.ref, memory.ref]}, out)
        return
    if isinstance(value, dict) and c.chance(40):
        value["causal"] = True
    mask = g.value(
        lambda m: m.boolean and m.rank >= 1 and spreads(m, (x.dims[0], heads, x.dims[1], x.dims[1]))
    )
    step: dict[str, Any] = {"self_attention": value}
    if mask is not None and c.chance(60):
        step["in"] = {"x": x.ref, "mask": mask.ref}
    elif x.ref != "prev":
        step["in"] = x.ref
    put(g, step, out)


def convolution_block(g: Scope) -> None:
    c, x = g.choices, picture(g, 4)
    if x is None or min(least(s) for s in x.dims[2:]) < 2:
        return
    out, stride, kernel = c.pick((4, 6, 3)), c.pick((1, 2)), c.pick((3, 1, 5))
    value: dict[str, Any] = {"out": out}
    if stride > 1:
        value["stride"] = stride
    if kernel != 3:
        value["kernel"] = kernel
    if c.chance(40):
        value["act"] = c.pick(("silu", {"leaky_relu": 0.2}, "identity"))
    if c.chance(30):
        value["norm"] = c.pick(("instance_norm", "identity"))
    if value.get("norm") == "instance_norm" and min(least(s) // stride for s in x.dims[2:]) < 2:
        return
    type = x.type.with_dims((x.dims[0], out, *(ceil_div(s, stride) for s in x.dims[2:])))
    if feasible(type):
        put(
            g,
            step_of("conv_norm_act", out if list(value) == ["out"] else value, x),
            Val("", type, -inf, inf, 0.7 * x.scale),
        )


def gated_block(g: Scope) -> None:
    x = picture(g, 4)
    if x is None:
        return
    put(
        g,
        step_of("squeeze_excite", g.choices.pick((2, 1, 3)), x),
        Val("", x.type, scale=x.scale / 2),
    )


def step_of(name: str, value: Any, x: Val) -> dict[str, Any]:
    return {name: value, **({} if x.ref == "prev" else {"in": x.ref})}
