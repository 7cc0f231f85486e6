"""Single steps and their modifiers: `when`, `repeat`, `tie`, `init`, fed weights, chosen ops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

from fuzz.catalog import propose
from fuzz.scope import Scope, speakable
from fuzz.values import Use, Val, feasible

from archc.ir.types import TensorType

Move = Callable[[Scope], None]
INITS: tuple[Any, ...] = (
    {"normal": 0.3}, {"uniform": {"low": -0.4, "high": 0.4}}, "xavier_uniform",
    {"kaiming_normal": "fan_out"}, {"trunc_normal": 0.2}, {"orthogonal": 0.5},
)  # fmt: skip


def grow(g: Scope, steps: int, moves: list[tuple[int, Move]]) -> None:
    """Adds up to so many steps; each is a choice of its own, so that shrinking can drop it."""
    for _ in range(steps):
        if g.book.steps_left <= 0 or not g.choices.chance(93):
            return
        g.choices.weighted(moves)(g)


def fresh(v: Val, ref: str) -> Val:
    """The value as the input of something that is applied to other values, too."""
    return replace(v, ref=ref, low=-inf, high=inf, scale=max(1.0, v.scale), exact=False, few=False)


def op_step(g: Scope) -> None:
    c = g.choices
    for _ in range(3):
        use = propose(g)
        found = g.infer(use) if use is not None else None
        if use is not None and found is not None:
            break
    else:
        return
    assert use is not None and found is not None
    op, site, types = found
    first = use.inputs[0] if use.inputs else None
    keeps = isinstance(first, Val) and len(types) == 1 and types[0] == first.type
    trained = [
        w
        for w in site.weights.values()
        if not w.buffer and w.type.dtype == "float32" and w.value is None
    ]
    if keeps and use.chains and first is not None and c.chance(8):
        repeated_op(g, use)
        return
    if len(types) == 1 and isinstance(first, Val) and c.chance(7):
        optional_op(g, use, keeps)
        return
    modifiers: dict[str, Any] = {}
    ties = [
        (w.name, ref)
        for w in trained
        for ref, type in g.known_weights()
        if type == w.type and not op.own_path
    ]
    if ties and c.chance(60):
        modifiers["tie"] = dict([c.pick(ties)])
        g.book.features["tie"] += 1
    elif trained and c.chance(12):
        weight = c.pick(trained)
        options = INITS[:2] if weight.type.rank < 2 else INITS
        modifiers["init"] = {weight.name: c.pick(options)}
        g.book.features["init"] += 1
    elif trained and not op.own_path and c.chance(10):
        fed_op(g, use, [(w.name, w.type) for w in trained])
        return
    if c.chance(3):
        modifiers["freeze"] = c.chance(70)
    g.add(use, modifiers=modifiers)


def repeated_op(g: Scope, use: Use) -> None:
    """A chain of copies, counted or with a loop variable, whose copies can be named one by one."""
    c = g.choices
    count = c.pick((2, 3, 1, 0))
    (first,) = use.inputs
    assert isinstance(first, Val)
    if count == 0:
        use = replace(use, low=first.low, high=first.high, scale=first.scale, exact=first.exact)
    loop = c.chance(50)
    name = g.book.name()
    g.book.features["repeat"] += 1
    if loop:
        g.loop["i"] = count
    outs = g.add(
        replace(use, exact=False) if count else use,
        name,
        {"repeat": {"i": count} if loop else count},
    )
    g.loop.pop("i", None)
    g.weights = [(ref, type) for ref, type in g.weights if not ref.startswith(f"{name}.")]
    if outs is None or count == 0:
        return
    if loop and c.chance(30) and not name.isdigit():
        g.steps[-1]["name"] = f'="{name}_" + str(i)'
        g.values[-1:] = [replace(outs[0], ref=f"{name}_{k}") for k in range(count)]
        return
    g.values += [replace(outs[0], ref=f"{name}.{k}") for k in range(count)]
    g.stars.append((f"{name}.*", outs[0], count))


def optional_op(g: Scope, use: Use, keeps: bool) -> None:
    """A step that is there or not, as a formula decides while the spec is read."""
    c = g.choices
    first = use.inputs[0]
    assert isinstance(first, Val)
    g.book.features["when"] += 1
    if g.loop and keeps:
        variable = next(iter(g.loop))
        low, high = min(first.low, use.low), max(first.high, use.high)
        both = replace(
            use,
            low=low,
            high=high,
            scale=max(first.scale, use.scale),
            exact=first.exact and use.exact,
        )
        g.add(both, modifiers={"when": f"={variable} > 0"})
        return
    there = not c.chance(50)
    condition = condition_of(g, there)
    if there:
        g.add(use, modifiers={"when": condition})
        return
    name = g.book.name() if c.chance(60) else None
    step = {**g.head(use, g.infer(use)[0]), "when": condition}
    g.put(step, name, [replace(first, ref=name or "prev")])


def condition_of(g: Scope, value: bool) -> str:
    """A formula of this truth."""
    found = next((v for v in g.visible() if speakable(v.ref)), None)
    facts = [] if found is None else [f"={found.ref}.rank {'==' if value else '!='} {found.rank}"]
    if found is not None:
        facts.append(f"={'not ' if value else ''}({found.ref}.dtype == 'complex')")
    return g.choices.pick([g.parameter(value), f"=2 {'>' if value else '<'} 1", *facts])


def fed_op(g: Scope, use: Use, weights: list[tuple[str, TensorType]]) -> None:
    """Weights made by other steps and fed in the place of the op's own."""
    c = g.choices
    fed: dict[str, Val] = {}
    before = g.prev
    for name, type in c.some(weights, 1, len(weights)):
        made = g.add(Use("weight", [], {"shape": list(type.dims)}, scale=0.1), g.book.name("w"))
        if made is None:
            return
        if c.chance(40):
            scaled = g.add(Use("mul", [made[0], c.number(0.5, 2.0)], scale=0.2), g.book.name("w"))
            made = scaled or made
        fed[name] = made[0]
    inputs = [_named(g, v, before) for v in use.inputs]
    if any(v is None and w is not None for v, w in zip(inputs, use.inputs, strict=True)):
        return
    if (
        c.chance(50)
        and use.op in ("linear", "conv1d", "conv2d", "conv3d", "embedding")
        and "weight" in fed
    ):
        attributes = {
            k: v for k, v in use.attributes.items() if k not in ("out", "num", "dim", "kernel")
        }
        if g.add(replace(use, inputs=inputs, fed=fed, attributes=attributes)):
            g.book.features["fed weight"] += 1
            return
    if g.add(replace(use, inputs=inputs, fed=fed)):
        g.book.features["fed weight"] += 1


def _named(g: Scope, v: Val | float | None, before: Val | None) -> Val | float | None:
    """What was `prev` before other steps came between, under a name if it has one."""
    if not isinstance(v, Val) or v.ref != "prev":
        return v
    assert before is not None
    return next(
        (w for w in g.visible()[1:] if w.type == v.type and w.low >= v.low and w.high <= v.high),
        None,
    )


def weight_value(g: Scope) -> None:
    """A weight of another step, read as a value."""
    found = [
        (ref, type) for ref, type in g.known_weights() if feasible(type) and type.dtype == "float32"
    ]
    if not found or len(g.values) > 40:
        return
    ref, type = g.choices.pick(found)
    owner = g
    while all(known != ref for known, _ in owner.weights) and owner.parent is not None:
        owner = owner.parent
    if all(v.ref != ref for v in owner.values):
        owner.values.append(Val(ref, type, scale=0.4))
        g.book.features["weight as value"] += 1


def starred(g: Scope) -> None:
    """`concat: [c.*]` and the like: all copies of a repeat at once, or a list input."""
    scope: Scope | None = g
    found: list[tuple[str, Val, int]] = []
    while scope is not None:
        found += scope.stars
        scope = scope.parent
    if not found:
        return
    ref, v, count = g.choices.pick(found)
    op = g.choices.pick(("concat", "add", "stack", "maximum"))
    use = Use(op, [v] * count, {}, scale=v.scale * count)
    if v.rank < 1 or g.infer(use) is None:
        return
    outs = g.add(use)
    if outs is None:
        return
    step = g.steps[-1]
    step.pop("in", None)
    step[op] = [ref]
    g.book.features["starred"] += 1


def chosen_op(g: Scope) -> None:
    """An op that a parameter names: `- =act`."""
    x = g.floats(least_rank=2)
    if x is None:
        return
    c = g.choices
    options: tuple[Any, ...] = (
        "relu",
        "tanh",
        "sigmoid",
        {"leaky_relu": 0.2},
        "silu",
        {"elu": {"alpha": 0.5}},
        "batch_norm",
        {"softmax": 1},
        "chosen",
        {"chosen": {"by": 0.25}},
    )
    if not isinstance(x.dims[1], int):
        options = tuple(o for o in options if o != "batch_norm")
    held = g.owner.given if g.owner.kind == "block" and c.chance(70) else g.book.params
    name = next(
        (
            k
            for k in held
            if k.startswith("act") and (held[k] != "batch_norm" or isinstance(x.dims[1], int))
        ),
        None,
    )
    if name is None or c.chance(30):
        name = g.book.name("act")
        held[name] = c.pick(options)
        if "chosen" in held[name]:  # a block stands where an op may
            body = [{"mul": ["x", "=by"]}, "tanh"]
            g.book.blocks["chosen"] = {"params": {"by": 0.5}, "graph": body}
        if held is g.owner.given:
            g.owner.params[name] = "op" if c.chance(40) else held[name]
    step: dict[str, Any] = {f"={name}": None}
    if x.ref != "prev":
        step["in"] = x.ref
    label = g.book.name() if c.chance(50) else None
    g.book.features["op parameter"] += 1
    g.put(
        step,
        label,
        [replace(x, ref=label or "prev", low=-inf, high=inf, exact=False, scale=max(x.scale, 1.0))],
    )
