"""A graph while it grows: the values in scope, the steps so far, and how a step is written down."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from typing import Any

from fuzz.source import Choices
from fuzz.values import TAME, Test, Use, Val, feasible, least, number

from archc.ir.dims import Dim, Size, symbols
from archc.ir.types import DType, TensorType
from archc.ops.base import Op
from archc.ops.kinds import AttributeProblem
from archc.ops.registry import ops
from archc.ops.site import Site, TypingError

# Ordinary names, and such as mean something in Python, in PyTorch or in the language itself.
NAMES = (
    "a", "fc", "conv1", "norm", "h", "y", "out", "mask", "attn", "head", "self", "forward",
    "class_", "torch", "F", "nn", "input", "output", "weight", "math", "lambda", "None", "super",
    "args", "relu", "linear", "layer1", "str", "device", "init", "graph", "add", "int", "import",
    "Tensor", "70",
)  # fmt: skip

# Ways to say a whole number: K itself, UP and DOWN its neighbours, LESS 8 less. The first two do
# for any, the others from 0 on.
FORMULAS = (
    "UP - 1", "min(UP, DOWN) + 1", "max(K, -1)", "[K, 7][0]", "sum([DOWN, 1])", "int(K + 0.5)",
    "len(range(K))", "[j for j in range(UP)][-1]", "K if 2 > 1 else 0", "abs(-K)",
    "round(K + 0.25)", "ceil(K - 0.5)", "2**3 + LESS", "17 // 2 + LESS", "floor(sqrt(K * K))",
    "[[DOWN], [K, UP]][1][0]", "len('ab') - 2 + K", "int(str(K))", "K if 1 in [1, 2] else 0",
)  # fmt: skip

VARYING = ("rate", "eps", "slope", "alpha", "momentum", "dropout")  # may differ from copy to copy


@dataclass
class Book:
    """What all scopes of one spec share: its sections, the names that are taken, and counts."""

    choices: Choices
    params: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    taken: set[str] = field(default_factory=lambda: {"prev", "x", "i"})
    ops: Counter[str] = field(default_factory=Counter)
    features: Counter[str] = field(default_factory=Counter)
    steps_left: int = 24

    def name(self, *wanted: str) -> str:
        """A name that the spec does not use yet."""
        base = self.choices.pick(wanted or NAMES)
        name, k = base, 1
        while name in self.taken:
            k += 1
            name = f"{base}{k}"
        self.taken.add(name)
        return name


@dataclass
class Owner:
    """The block or model that a scope belongs to; only a block has parameters of its own."""

    kind: str
    symbols: set[str] = field(default_factory=set)
    inputs: list[Val] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)  # name to declaration
    given: dict[str, Any] = field(default_factory=dict)  # name to the value it has now


class Scope:
    """The values that can be referred to and the steps that make them."""

    def __init__(
        self, book: Book, owner: Owner, parent: Scope | None = None, apart: bool = False
    ) -> None:
        self.book, self.owner, self.parent = book, owner, parent
        self.choices = book.choices
        self.apart = apart  # its steps become a definition of their own: no ties to the outside
        self.values: list[Val] = []
        self.stars: list[tuple[str, Val, int]] = []  # `name.*`, one copy's value, how many
        self.weights: list[tuple[str, TensorType]] = []
        self.loop: dict[str, int] = {}  # loop variables and how often they turn
        self.prev: Val | None = None
        self.steps: list[Any] = []

    # -- choosing ------------------------------------------------------------

    def visible(self) -> list[Val]:
        """All that can be referred to, `prev` first, then the latest."""
        found = [] if self.prev is None else [self.prev]
        scope: Scope | None = self
        while scope is not None:
            found += reversed(scope.values)
            scope = scope.parent
        return found

    def value(self, test: Test, wild: bool = False) -> Val | None:
        """A value that passes the test, `prev` more often than others; None if there is none."""
        found = [v for v in self.visible() if (wild or v.scale <= TAME) and test(v)]
        if not found:
            return None
        if found[0] is self.prev and not self.choices.chance(40):
            return found[0]
        return self.choices.pick(found)

    def floats(self, *ranks: int, least_rank: int = 0, wild: bool = False) -> Val | None:
        def fits(v: Val) -> bool:
            return (
                v.type.dtype == "float32"
                and v.rank >= least_rank
                and (not ranks or v.rank in ranks)
            )

        return self.value(fits, wild)

    def known_weights(self) -> list[tuple[str, TensorType]]:
        """The weights that can be named here."""
        found, scope = list(self.weights), self
        while scope.parent is not None and not scope.apart:
            scope = scope.parent
            found += scope.weights
        return found

    # -- writing numbers -----------------------------------------------------

    def whole(self, k: int) -> Any:
        """A whole number as it stands, or as a formula or a parameter that gives it."""
        if not self.choices.chance(18):
            return k
        facts = [
            f"={v.ref}.{fact}"
            for v in self.visible()[:12]
            if speakable(v.ref)
            for axis, size in enumerate(v.dims)
            if size == k
            for fact in facts_of(axis, v.rank)
        ]
        options = ["param", "param", *FORMULAS[: None if k >= 0 else 2]]
        chosen = self.choices.pick(facts[:6] if facts and self.choices.chance(40) else options)
        if chosen in facts:
            self.book.features["fact"] += 1
            return chosen
        if chosen == "param":
            return self.parameter(k)
        self.book.features["arithmetic"] += 1
        places = {"K": k, "UP": k + 1, "DOWN": k - 1, "LESS": k - 8}
        return "=" + re.sub("[A-Z]+", lambda place: str(places[place.group()]), chosen)

    def real(self, v: float, key: str = "") -> Any:
        loop = self.in_loop()
        if loop and key in VARYING and self.choices.chance(60):
            return f"={v} + 0.05 * {loop}"
        if not self.choices.chance(25):
            return v
        if v and (1 / v).is_integer() and self.choices.chance(30):
            return f"=1 / {int(1 / v)}"
        return self.parameter(float(v))

    def in_loop(self) -> str:
        """The innermost loop variable, if there is one."""
        scope: Scope | None = self
        while scope is not None:
            if scope.loop:
                return next(iter(scope.loop))
            scope = scope.parent
        return ""

    def parameter(self, value: Any) -> str:
        """A formula that names a parameter of this value: the block's own, or the spec's."""
        block = self.owner.kind == "block" and self.choices.chance(70)
        held = self.owner.given if block else self.book.params
        for name, known in held.items():
            if type(known) is type(value) and known == value and self.choices.chance(70):
                return f"={name}"
        name = self.book.name(
            *(("k", "size", "depth") if isinstance(value, int) else ("rate", "eps", "slope"))
        )
        held[name] = value
        self.book.features["block parameter" if block else "parameter"] += 1
        if block:
            bare = (
                "float"
                if isinstance(value, float)
                else "bool"
                if isinstance(value, bool)
                else "int"
            )
            self.owner.params[name] = bare if self.choices.chance(50) else value
            facts = [
                f"={v.ref}.shape[{k}]"
                for v in self.owner.inputs
                for k, size in enumerate(v.dims)
                if size == value
            ]
            if bare == "int" and facts and self.choices.chance(40):
                self.owner.params[name] = self.choices.pick(facts)
        return f"={name}"

    def size(self, size: Size) -> Any:
        if isinstance(size, int):
            return self.whole(size)
        text = str(size)
        facts = [
            f"={v.ref}.shape[{axis}]"
            for v in self.visible()[:8]
            if speakable(v.ref)
            for axis, found in enumerate(v.dims)
            if found == size
        ]
        if facts and self.choices.chance(30):
            return self.choices.pick(facts)
        return text if text.isidentifier() and not self.choices.chance(30) else f"={text}"

    def written(self, value: Any, key: str = "") -> Any:
        """An attribute's value as YAML data."""
        match value:
            case bool():
                return self.parameter(value) if self.choices.chance(8) else value
            case int() | Dim():
                return self.size(value)
            case float():
                return self.real(value, key)
            case Mapping():
                return {key: self.written(item) for key, item in value.items()}
            case list() | tuple():
                return [self.written(item) for item in value]
        return value

    # -- adding a step -------------------------------------------------------

    def infer(self, use: Use) -> tuple[Op, Site, tuple[TensorType, ...]] | None:
        """The op and the types that the use gives; None if it is not allowed or too large."""
        op_class = ops()[use.op]
        known = {
            k: v
            for k, v in self.book.defaults.get(use.op, {}).items()
            if k not in ("init", "freeze")
        }
        try:
            op = op_class.make(**{**known, **use.attributes})
            site = Site(op, bound(op, use), {name: v.type for name, v in use.fed.items()})
            found = op.infer(site)
        except (TypingError, AttributeProblem, ZeroDivisionError):
            return None
        types = found if isinstance(found, tuple) else (found,)
        if not all(map(feasible, types)) or any(named not in site.used for named in use.fed):
            return None
        if any(isinstance(s, int) and s > 4096 for w in site.weights.values() for s in w.type.dims):
            return None
        return op, site, types

    def add(
        self, use: Use, name: str | None = None, modifiers: Mapping[str, Any] | None = None
    ) -> list[Val] | None:
        """Writes the step down, with a name if it needs one.

        Gives its outputs, or None where it does not fit.
        """
        found = self.infer(use)
        if found is None:
            return None
        op, site, types = found
        step = {**self.head(use, op), **(modifiers or {})}
        if name is None and (len(types) > 1 or self.choices.chance(55)):
            name = self.book.name()
        self.book.ops[use.op] += 1
        given = [v for v in use.inputs if isinstance(v, Val)]
        few = use.few or use.low >= use.high or (all(v.few for v in given) and bool(given))
        spread = bool(given) and all(lone(v.type) for v in given) and not site.weights
        known = (use.low, use.high, use.scale, use.exact)
        outs = [
            Val(
                name if k == 0 and name else f"{name}.{out}",
                type,
                *known,
                few
                or (spread and not lone(type))
                or (not use.inputs and math.prod(map(number, type.dims)) == 1),
            )
            for k, (out, type) in enumerate(zip(op.outputs, types, strict=True))
        ]
        self.put(step, name, outs)
        if name is not None and not op.own_path:
            self.weights += [
                (f"{name}.{w.name}", w.type) for w in site.weights.values() if not w.buffer
            ]
        return outs

    def put(self, step: dict[str, Any], name: str | None, outs: Sequence[Val]) -> None:
        """Appends a step; its first output is `prev` from here on."""
        self.book.steps_left -= 1
        if name is not None:
            step["name"] = name
            self.values += outs
        head = next(iter(step))
        bare = len(step) == 1 and step[head] is None
        self.steps.append(head if bare else step)
        self.prev = replace(outs[0], ref="prev") if outs else None

    def head(self, use: Use, op: Op) -> dict[str, Any]:
        """The op key with its attributes, and `in`, in one of the ways they can be written."""
        c = self.choices
        attributes = {key: self.written(value, key) for key, value in use.attributes.items()}
        given = dict(zip(slot_names(op, use), use.inputs, strict=True))
        present = {name: v for name, v in given.items() if v is not None}
        variadic = any(slot.variadic for slot in op.inputs)
        refs = [v.ref if isinstance(v, Val) else v for v in present.values()]
        trailing = list(given)[: len(present)] == list(present)
        value: Any = attributes or None
        lone = op.main is not None and list(attributes) == [op.main]
        if lone and not isinstance(attributes[op.main], list) and not c.chance(25):
            value = attributes[op.main]
        if use.fed or not trailing or (len(refs) > 1 and not variadic and c.chance(25)):
            names = {name: v.ref if isinstance(v, Val) else v for name, v in present.items()}
            names |= {name: v.ref for name, v in use.fed.items()}
            if refs and refs[0] == "prev" and len(names) > 1 and c.chance(30):
                names.pop(next(iter(names)))  # the first input omitted is `prev`
            return {use.op: value, "in": {k: None if v == k else v for k, v in names.items()}}
        if not refs or (refs == ["prev"] and not c.chance(8)):
            return {use.op: value}
        if not attributes and (variadic or c.chance(60)):
            return {use.op: refs}
        return {use.op: value, "in": refs[0] if len(refs) == 1 and c.chance(70) else refs}


def lone(type: TensorType) -> bool:
    """Whether it may be one element: what is made of it alone is the same everywhere."""
    return all(least(size) == 1 for size in type.dims)


def slot_names(op: Op, use: Use) -> list[str]:
    """The name of each input; those of a variadic one are numbered."""
    names = [slot.name for slot in op.inputs]
    if any(slot.variadic for slot in op.inputs):
        return [f"{names[0]}.{k}" for k in range(len(use.inputs))]
    return names[: len(use.inputs)]


def bound(op: Op, use: Use) -> dict[str, Any]:
    """The inputs' types by the op's names; a literal takes the others' element type."""
    dtypes: list[DType] = [v.type.dtype for v in use.inputs if isinstance(v, Val)]
    matched = dtypes[-1] if dtypes else "float32"
    types = [
        v.type if isinstance(v, Val) else None if v is None else TensorType(matched, ())
        for v in use.inputs
    ]
    if any(slot.variadic for slot in op.inputs):
        return {op.inputs[0].name: tuple(types)}
    return {slot.name: types[k] if k < len(types) else None for k, slot in enumerate(op.inputs)}


def speakable(ref: str) -> bool:
    """Whether a formula can name it."""
    return ref.isidentifier() and not iskeyword(ref) and ref not in ("None", "True", "False")


def facts_of(axis: int, rank: int) -> list[str]:
    found = [f"shape[{axis}]"]
    if axis == 1:
        found.append("channels")
    if axis == rank - 1:
        found.append("features")
    return found


__all__ = ["Book", "Owner", "Scope", "least", "number", "speakable", "symbols"]
