"""Blocks and models: templates that are grown once and called with whatever fits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import yaml
from fuzz.language import Move, adapted, fresh, grow
from fuzz.scope import Book, Owner, Scope, speakable
from fuzz.values import TAME, Use, Val, feasible

from archc.errors import SpecError
from archc.ir.types import TensorType
from archc.pipeline import compile_text


@dataclass
class Template:
    """A block or a model that can be called: what it was grown for, and what came out."""

    name: str
    data: dict[str, Any]
    owner: Owner
    inputs: list[Val]
    optional: str | None  # an input that is added to the first output where it is given
    outputs: list[tuple[str, Val]]
    weights: list[tuple[str, TensorType]] = field(default_factory=list)


class Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes no anchors: the language has none."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dumped(data: dict[str, Any]) -> str:
    """The spec as text, the innermost lists and mappings on one line."""
    return yaml.dump(
        data, Dumper=Plain, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True
    )


def assembled(book: Book, main: dict[str, Any]) -> dict[str, Any]:
    """The whole spec as data; `main` holds the sections of its graph, or is one more of its models."""
    result: dict[str, Any] = {"archc": 1, "name": "net"}
    if book.params:
        result["params"] = dict(book.params)
    if any(
        "conv_norm_act" in str(part) or "squeeze_excite" in str(part)
        for part in (main, book.blocks, book.models)
    ):
        result["use"] = ["std/conv.yaml"]
    if book.defaults:
        result["defaults"] = book.defaults
    if book.blocks:
        result["blocks"] = book.blocks
    if book.models:
        return {**result, "models": {**book.models, "whole": main}}
    return {**result, **main}


def probe(
    book: Book, step: dict[str, Any], given: Sequence[Val], outputs: Sequence[str]
) -> list[TensorType] | None:
    """What archc says of a call with these values, by itself: the types of its outputs; None if it does not fit."""
    symbols = sorted({name for v in given for name in v.type.symbols})
    inputs: dict[str, Any] = {"sizes": symbols or [1]}
    for k, v in enumerate(given):
        inputs[f"v{k}"] = {"shape": [written(size) for size in v.dims], "dtype": v.type.dtype}
    main = {
        "inputs": inputs,
        "graph": [{**step, "name": "probed"}],
        "outputs": {
            f"o{k}": f"probed.{name}" if name else "probed" for k, name in enumerate(outputs)
        },
    }
    try:
        program = compile_text(dumped(assembled(book, main)))
    except SpecError:
        return None
    return list(program.models["whole" if book.models else "net"].output_types().values())


def written(size: Any) -> Any:
    if isinstance(size, int):
        return size
    text = str(size)
    return text if text.isidentifier() else f"={text}"


# -- growing ------------------------------------------------------------------------------------------------


def new_block(g: Scope, moves: list[tuple[int, Move]]) -> Template | None:
    """A block grown for values that are in scope; None if nothing came of it."""
    c, book = g.choices, g.book
    given = c.some([v for v in g.visible()[:10] if v.type.dtype != "float64"], 1, 3)
    if not given:
        return None
    generic = c.chance(70)
    plain = len(given) == 1 and c.chance(60)
    names = ["x"] if plain else [book.name("x", "memory", "skip", "mask", "y") for _ in given]
    inputs = [
        fresh(v, n) if generic and v.floating else replace(v, ref=n)
        for v, n in zip(given, names, strict=True)
    ]
    speakable_inputs = [v for v in inputs if speakable(v.ref)]
    owner = Owner("block", {name for v in given for name in v.type.symbols}, speakable_inputs)
    body = Scope(book, owner)
    body.values, body.prev = list(inputs), replace(inputs[0], ref="prev")
    optional = book.name("extra", "mask", "bias") if c.chance(25) else None
    grow(body, 5, moves)
    if not body.steps or body.prev is None:
        return None
    data: dict[str, Any] = {}
    if not plain or optional:
        data["inputs"] = declared(g, inputs, optional)
    added = given_or_not(body, optional) if optional else False
    if optional is None and c.chance(30) and inputs[0].type.dtype == "float32":
        adapted(body, inputs[0])
    outputs = chosen_outputs(body, inputs)
    data |= {"params": owner.params} if owner.params else {}
    data |= {"graph": body.steps}
    if outputs:
        data["outputs"] = {name: v.ref for name, v in outputs}
    name = book.name("block", "unit", "mbconv", "Block", "module", "attend")
    book.blocks[name] = data
    book.features["block"] += 1
    if g.owner.kind == "block":
        book.features["nested block"] += 1
    results = outputs or [("", body.prev)]
    extra = optional if added and results[0][1] is body.prev else None
    return Template(name, data, owner, inputs, extra, results, body.weights)


def declared(g: Scope, inputs: list[Val], optional: str | None) -> Any:
    """The inputs' declaration: names, or names with shapes of the block's own symbols."""
    c = g.choices
    if optional is None and c.chance(60):
        return [v.ref for v in inputs]
    result: dict[str, Any] = {}
    for v in inputs:
        result[v.ref] = None
        if c.chance(25) and v.type.dtype == "float32":
            letters = iter(("A", "B", "C", "D", "E"))
            result[v.ref] = [
                f"{next(letters)}{v.ref}"
                if c.chance(70)
                else written(s)
                if isinstance(s, int)
                else f"{next(letters)}{v.ref}"
                for s in v.dims
            ]
    if optional is not None:
        result[optional] = {"optional": True}
    return result


def given_or_not(body: Scope, name: str) -> bool:
    """A last step that takes the optional input where there is one; whether that must have the output's type."""
    last = body.prev
    if last is None or last.type.dtype != "float32":
        return False
    body.book.features["optional input"] += 1
    form = body.choices.integer(0, 1)
    if form:
        body.put(
            {"add": ["prev", name]},
            None,
            [replace(last, low=-inf, high=inf, exact=False, scale=last.scale + 1)],
        )
    else:
        out = replace(last, low=-inf, high=inf, exact=False)
        body.put(
            {"tanh": None, "when": f"={'' if body.choices.chance(50) else 'not '}given({name})"},
            None,
            [out],
        )
    return [name]


def chosen_outputs(body: Scope, inputs: list[Val]) -> list[tuple[str, Val]]:
    """Named outputs, sometimes by an input's name, as a chain of copies feeds back; [] for the last value alone."""
    c = body.choices
    if not c.chance(40) or body.prev is None:
        return []
    found = [body.prev, *[v for v in body.values if v not in inputs]]
    chosen = c.some(found, 1, 3)
    names = ["y", "state", "class", "self"]
    return [(names[k], v) for k, v in enumerate(chosen)]


# -- calling ------------------------------------------------------------------------------------------------


def call(
    g: Scope, template: Template, given: Sequence[Val], types: Sequence[TensorType] | None = None
) -> bool:
    """A step that calls the template with these values; whether it fits."""
    c = g.choices
    arguments = {
        name: value for name, value in template.owner.given.items() if name in template.owner.params
    }
    required = [
        n for n, d in template.owner.params.items() if d in ("int", "float", "op", "bool", "steps")
    ]
    value = {
        n: v
        for n, v in arguments.items()
        if n in required or (c.chance(20) and v == template.owner.params[n])
    }
    for name, known in list(arguments.items()):
        if isinstance(known, float) and c.chance(40):
            value[name] = round(known * 0.5, 8)
    loop = g.in_loop()
    for name, known in value.items():
        if isinstance(known, float) and loop and c.chance(50):
            value[name] = f"={known} + 0.01 * {loop}"
    head: Any = value or None
    first = next(iter(template.owner.params), None)
    if list(value) == [first] and not isinstance(value[first], dict | list) and c.chance(60):
        head = value[first]
    refs = [v.ref for v in given]
    step: dict[str, Any] = {template.name: head}
    if refs != ["prev"] or c.chance(20):
        step["in"] = refs if len(refs) > 1 or c.chance(30) else refs[0]
        if len(refs) > 1 and c.chance(40):
            step["in"] = {v.ref: ref for v, ref in zip(template.inputs, refs, strict=True)}
    if types is None:
        outs = [v for _, v in template.outputs]
        types = [v.type for v in outs]
    if not all(map(feasible, types)):
        return False
    name = g.book.name() if len(types) > 1 or c.chance(60) else None
    made = [
        replace(v, ref=(name or "prev") if k == 0 else f"{name}.{out}", type=type)
        for k, ((out, v), type) in enumerate(zip(template.outputs, types, strict=True))
    ]
    extra = extra_input(g, template, made[0]) if template.optional else None
    if extra is not None:
        step["in"] = {
            **{v.ref: ref for v, ref in zip(template.inputs, refs, strict=True)},
            template.optional: extra.ref,
        }
        made[0] = replace(made[0], scale=made[0].scale + extra.scale)
    keeps = (
        len(made) == 1 and len(given) >= 1 and made[0].type == given[0].type and made[0].floating
    )
    generic = (
        template.inputs[0].low == -inf
        and template.inputs[0].high == inf
        and not template.inputs[0].exact
    )
    if keeps and generic and name and made[0].scale <= 3 and c.chance(30):
        step["repeat"] = c.pick((2, 3, 1))
        g.book.features["repeated block"] += 1
        g.stars.append((f"{name}.*", made[0], step["repeat"]))
    g.put(step, name, made)
    if name and "repeat" not in step:
        g.weights += [(f"{name}.{ref}", type) for ref, type in template.weights]
    return True


def extra_input(g: Scope, template: Template, out: Val) -> Val | None:
    """A value for the optional input, if the last step can take it."""
    if not g.choices.chance(50):
        return None
    return g.value(lambda v: v.type == out.type and v.ref != "prev")


def accepts(wanted: Val, v: Val) -> bool:
    """Whether what is known of the template holds for this value, too."""
    same = (
        v.type.dtype == wanted.type.dtype
        and v.rank == wanted.rank
        and v.scale <= max(2 * wanted.scale, 2.0)
    )
    return same and v.low >= wanted.low and v.high <= wanted.high and (v.exact or not wanted.exact)


def call_again(g: Scope, template: Template) -> bool:
    """A call with other values: of the same types, or of others, for which archc is asked."""
    given: list[Val] = []
    for wanted in template.inputs:
        v = g.value(lambda v, wanted=wanted: accepts(wanted, v))  # type: ignore[misc]
        if v is None:
            return False
        given.append(v)
    g.book.features["block used again"] += 1
    if [v.type for v in given] == [v.type for v in template.inputs]:
        return call(g, template, given)
    arguments = {n: v for n, v in template.owner.given.items() if n in template.owner.params}
    step = {template.name: arguments or None, "in": [f"v{k}" for k in range(len(given))]}
    types = probe(g.book, step, given, [name for name, _ in template.outputs])
    if types is None or any(
        t.dtype != v.type.dtype for t, (_, v) in zip(types, template.outputs, strict=True)
    ):
        return False
    g.book.features["other input types"] += 1
    return call(g, template, given, types)


__all__ = [
    "TAME",
    "Template",
    "Use",
    "assembled",
    "call",
    "call_again",
    "dumped",
    "new_block",
    "probe",
]
