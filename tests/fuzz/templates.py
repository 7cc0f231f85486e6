"""Blocks and models: templates that are grown once and called with whatever fits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from string import ascii_uppercase
from typing import Any

import yaml
from fuzz.language import adapted
from fuzz.scope import Book, Owner, Scope, speakable
from fuzz.steps import Move, fresh, grow
from fuzz.values import Val

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


class Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    """Writes no anchors: the language has none."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dumped(data: dict[str, Any]) -> str:
    """The spec as text, the innermost lists and mappings on one line."""
    return yaml.dump(
        data, Dumper=Plain, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True
    )


def assembled(book: Book, main: dict[str, Any]) -> dict[str, Any]:
    """The whole spec as data; `main` is the sections of its graph, or one more of its models."""
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
    """What archc says of a call with these values: its outputs' types, None if they do not fit."""
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


# -- growing ----------------------------------------------------------------


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
            own = [f"{letter}{v.ref}" for letter in ascii_uppercase[: v.rank]]
            result[v.ref] = [
                size if isinstance(size, int) and c.chance(30) else name
                for name, size in zip(own, v.dims, strict=True)
            ]
    if optional is not None:
        result[optional] = {"optional": True}
    return result


def given_or_not(body: Scope, name: str) -> bool:
    """A last step that asks for the optional input; whether that must have the output's type."""
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
    return True


def chosen_outputs(body: Scope, inputs: list[Val]) -> list[tuple[str, Val]]:
    """Named outputs, some by an input's name, as a chain of copies feeds back.

    [] for the last value alone.
    """
    c = body.choices
    if not c.chance(40) or body.prev is None:
        return []
    found = [body.prev, *[v for v in body.values if v not in inputs]]
    names = iter(["y", "state", "class", "self"])
    result: dict[str, Val] = {}
    for v in c.some(found, 1, 3):
        back = [w.ref for w in inputs if w.type == v.type and w.ref not in result]
        name = c.pick(back) if back and c.chance(50) else next(names)
        result.setdefault(name, v)
    return list(result.items())
