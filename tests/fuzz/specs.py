"""Random valid specs: a graph that grows step by step, of which the generator knows every type.

`specs()` is a Hypothesis strategy; `from_seed` gives the same spec for the same two numbers,
always. What is drawn covers the language: blocks with parameters and several inputs and outputs,
repeats, scans, models that call models, weights as values, formulas. Values are kept at an ordinary
magnitude, and what jumps (comparisons, rounding) is applied to numbers that no backend rounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fuzz.ops_pointwise
import fuzz.ops_predicates
import fuzz.ops_sequence
import fuzz.ops_shape
import fuzz.ops_spatial
from fuzz.calls import call_again, scanned_block
from fuzz.language import grouped, inserted, repeated, scanned
from fuzz.library import library
from fuzz.loops import table, widths
from fuzz.scope import Book, Owner, Scope
from fuzz.source import Choices, from_hypothesis, from_number
from fuzz.steps import Move, chosen_op, fresh, grow, op_step, starred, weight_value
from fuzz.templates import Template, assembled, dumped, new_block, written
from fuzz.values import Val
from hypothesis import strategies as st

from archc.ir.dims import Size, symbol
from archc.ir.types import FLOATING, DType, TensorType

OPS = (
    fuzz.ops_pointwise,
    fuzz.ops_predicates,
    fuzz.ops_sequence,
    fuzz.ops_shape,
    fuzz.ops_spatial,
)  # they register themselves
N, T, S, H, W = map(symbol, "NTSHW")
MOST_INDEX = 3  # whole-number inputs are fed 0 to 3


@dataclass(frozen=True)
class Made:
    """A spec, with what it uses of the ops and of the language."""

    text: str
    ops: Counter[str]
    features: Counter[str]

    def __repr__(self) -> str:
        return f"Made(\n{self.text})"


def from_seed(seed: int, number: int) -> Made:
    """The spec of this number."""
    return make(from_number(seed, number))


@st.composite
def specs(draw: Any) -> Made:
    """A strategy of valid specs."""
    return make(from_hypothesis(draw))


def make(c: Choices) -> Made:
    book = Book(c, steps_left=c.pick((12, 6, 20, 28, 16)))
    if c.chance(25):
        set_defaults(book)
    templates: list[Template] = []
    for _ in range(c.pick((0, 0, 0, 0, 1, 2))):
        template = model(book, templates)
        if template is not None:
            templates.append(template)
            book.models[template.name] = template.data
            book.features["model"] += 1
    main = Scope(book, Owner("model"))
    inputs = declare(main, templates[-1].inputs if templates and c.chance(70) else ())
    if templates and c.chance(60) and call_again(main, templates[-1]):
        book.features["model call"] += 1
    grow(main, 30, moves(templates))
    data: dict[str, Any] = {"inputs": inputs, "graph": main.steps}
    if not main.steps:
        data["graph"] = ["identity"]
    outputs = chosen(main)
    if outputs is not None:
        data["outputs"] = outputs
    return Made(dumped(assembled(book, data)), book.ops, book.features)


def moves(models: list[Template]) -> list[tuple[int, Move]]:
    """What can happen to a graph, and how often."""
    blocks: list[Template] = []

    def new(g: Scope) -> None:
        template = new_block(g, inner)
        if template is not None:
            blocks.append(template)
            call_again(g, template)

    def again(g: Scope) -> None:
        if blocks:
            call_again(g, g.choices.pick(blocks))

    def use_model(g: Scope) -> None:
        if models and call_again(g, g.choices.pick(models)):
            g.book.features["model call"] += 1

    inner: list[tuple[int, Move]] = [
        (60, op_step), (4, chosen_op), (3, starred), (3, weight_value), (3, library), (5, again),
        (3, widths), (2, table),
    ]  # fmt: skip
    inner += [(4, grouped(inner)), (3, repeated(inner)), (4, new), (2, inserted(inner))]
    return [
        *inner, (6, new), (8, again), (4, grouped(inner)), (5, repeated(inner)),
        (4, scanned(inner)), (3, scanned_block(inner)), *([(12, use_model)] if models else []),
    ]  # fmt: skip


def set_defaults(book: Book) -> None:
    """Defaults of the whole spec, none of which changes a type."""
    options: dict[str, dict[str, Any]] = {
        "linear": {"bias": False}, "conv2d": {"bias": False}, "batch_norm": {"eps": 1e-3},
        "layer_norm": {"eps": 0.01}, "leaky_relu": {"slope": 0.3}, "gelu": {"approximate": "tanh"},
        "conv1d": {"init": {"weight": {"normal": 0.2}}}, "instance_norm": {"affine": True},
        "group_norm": {"eps": 0.1, "freeze": True},
    }  # fmt: skip
    for name in book.choices.some(sorted(options), 1, 3):
        book.defaults[name] = options[name]
    book.features["defaults"] += 1


# -- inputs and outputs -----------------------------------------------------


def declare(g: Scope, wanted: Sequence[Val] = ()) -> dict[str, Any]:
    """Declares one to three inputs, of the wanted types first; the first is `prev`."""
    c = g.choices
    n: Size = c.pick((N, N, N, 2))
    t, h, w = c.pick((T, T, 6)), c.pick((8, H, 7)), c.pick((8, W, 6))
    channels = c.pick((4, 3, 1, 2, 6))
    kinds: list[tuple[int, tuple[DType, tuple[Size, ...]]]] = [
        (8, ("float32", (n, channels, h, w))), (8, ("float32", (n, t, c.pick((6, 4, 8))))),
        (5, ("float32", (n, 8))), (4, ("float32", (n, channels, t))), (4, ("int64", (n, t))),
        (2, ("bool", (n, t))), (2, ("int32", (n,))), (2, ("float32", (n, 2, 4, 5, 3))),
        (2, ("float32", (c.pick((S, 5)), 6))), (1, ("float32", (n, 2 * t, 4))),
        (1, ("float32", ())), (1, ("uint8", (n, t))), (1, ("int8", (n, 4))),
        (1, ("float64", (n, 8))),
    ]  # fmt: skip
    result: dict[str, Any] = {}
    for k in range(max(len(wanted), c.pick((1, 2, 1, 3)))):
        dtype, dims = c.weighted(kinds[:5] if k == 0 else kinds)
        if k < len(wanted):
            dtype, dims = wanted[k].type.dtype, wanted[k].type.dims
        if any(size == 2 * t for size in dims) and t not in [s for v in g.values for s in v.dims]:
            dims = (n, t, 4)
        name = g.book.name("x", "image", "tokens", "mask", "input", "y")
        result[name] = declaration(g, name, TensorType(dtype, dims), k)
    if c.chance(6):
        result[g.book.name("past", "cache")] = {
            "shape": [3],
            "optional": True,
        }  # absent where a model stands alone
    g.owner.symbols |= {s for v in g.values for s in v.type.symbols}
    return result


def declaration(g: Scope, name: str, type: TensorType, k: int) -> Any:
    """The input's declaration; its value, or values where it is a list, are known from now on."""
    most = 1.0 if type.dtype == "bool" else float(MOST_INDEX)
    known = {} if type.dtype in FLOATING else {"low": 0.0, "high": most, "exact": True}
    v = Val(name, type, **known)
    shape = [written(size) for size in type.dims]
    entry: dict[str, Any] = {"shape": shape}
    if type.dtype != "float32":
        entry["dtype"] = type.dtype
    if g.choices.chance(5) and k > 0:
        count = 2
        entry["repeat"] = count
        g.values += [Val(f"{name}.{i}", type, **known) for i in range(count)]
        g.stars.append((f"{name}.*", v, count))
        g.stars.append((name, v, count))
        g.book.features["list input"] += 1
        return entry
    g.values.append(v)
    if g.prev is None:
        g.prev = v if k else Val("prev", type, **known)
    return shape if list(entry) == ["shape"] else entry


def chosen(g: Scope) -> Any:
    """Outputs: the last value alone, or several by name; none that may be the same everywhere."""
    c = g.choices
    last = g.prev
    good = [v for v in reversed(g.values) if not v.few and v.rank]
    if last is not None and not last.few and last.rank and c.chance(30):
        return None
    picked = ([last] if last is not None and not last.few else []) + c.some(good[:6], 0, 3)
    if not picked:
        picked = good[:1] or ([last] if last is not None else [])
    refs = list(dict.fromkeys(v.ref for v in picked))
    if c.chance(25) and len(refs) == len({ref.rsplit(".", 1)[-1] for ref in refs}):
        return refs
    names = ["logits", "y", "class", "output.1", "self", "é", "a b"]
    result = {(names[k] if c.chance(30) else f"out{k}"): ref for k, ref in enumerate(refs)}
    if c.chance(8) and g.stars:
        result["present"] = g.stars[-1][0]
    return result


# -- models -----------------------------------------------------------------


def model(book: Book, others: list[Template]) -> Template | None:
    """A model beside the main one, which that can call."""
    owner = Owner("model")
    g = Scope(book, owner)
    inputs = declare(g)
    if g.stars or any(isinstance(d, dict) and d.get("optional") for d in inputs.values()):
        return None
    declared = [fresh(v, v.ref) if v.floating else v for v in g.values]
    g.values = list(declared)
    kept = book.steps_left
    book.steps_left = min(kept, 8)
    grow(g, 6, moves(others))
    book.steps_left += kept - 8
    if not g.steps or g.prev is None:
        return None
    outs = book.choices.some([v for v in g.values if v not in declared and not v.few], 0, 2)
    names = ["mean", "log_var", "z"]
    data: dict[str, Any] = {"inputs": inputs, "graph": g.steps}
    outputs = [(names[k], v) for k, v in enumerate(outs)]
    if outputs:
        data["outputs"] = {name: v.ref for name, v in outputs}
    name = book.name("encoder", "decoder", "critic")
    return Template(name, data, owner, declared, None, outputs or [("", g.prev)])


__all__ = ["Made", "from_seed", "specs"]
