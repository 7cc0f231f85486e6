"""Inputs to try a program with: sizes for its symbols, and values that its ops accept.

Integers stay within the tables that they index, masks attend to something, and everything else is
normal noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product as combinations
from typing import Any

import numpy as np

from archc import arrays
from archc.errors import UsageError
from archc.init import Init, fans
from archc.ir.dims import Size
from archc.ir.nodes import CallNode, OpNode
from archc.ir.program import Definition, Program, WeightEntry
from archc.ir.substitution import substitute
from archc.ir.types import FLOATING, INTEGRAL, TensorType
from archc.store import made, shape
from archc.weights import Entry, initial

Array = np.ndarray[Any, Any]
LADDER = (2, 3, 5, 7, 8, 12, 16, 24, 32, 48, 64, 96, 128, 224, 256, 512)
DEFAULT_RANGE = 4  # of an integer that indexes nothing
PASSING = frozenset(
    {
        "identity",
        "reshape",
        "flatten",
        "transpose",
        "rearrange",
        "expand",
        "slice",
        "concat",
        "stack",
        "unstack",
        "split",
        "squeeze",
        "unsqueeze",
        "roll",
        "flip",
        "tile",
    }
)


def bindings(definition: Definition, count: int = 2) -> list[dict[str, int]]:
    """Up to `count` different sizes for the definition's symbols, such that no value is empty.

    Sizes differ from symbol to symbol where they can, so that one is not mistaken for another.
    """
    names = definition.symbols()
    if not names:
        return [{}]
    sizes = sorted(set(sizes_of(definition)), key=str)
    found: list[dict[str, int]] = []
    for start in range(len(LADDER)):
        values = {name: LADDER[(start + k) % len(LADDER)] for k, name in enumerate(names)}
        for candidate in (values, dict.fromkeys(names, LADDER[start])):
            if candidate not in found and feasible(sizes, candidate):
                found.append(candidate)
                break
        if len(found) == count:
            return found
    if not found:
        for combination in combinations(LADDER[::3], repeat=min(len(names), 4)):
            candidate = dict(zip(names, combination, strict=False))
            if len(candidate) == len(names) and feasible(sizes, candidate):
                return [candidate]
        raise UsageError.of(
            "E710", "no small sizes fit all symbolic dimensions", help="choose them: --at N=2,T=64"
        )
    return found


def smallest(definition: Definition) -> dict[str, int]:
    """Every symbolic dimension at 1 where that leaves no value empty, else small sizes."""
    ones = dict.fromkeys(definition.symbols(), 1)
    return ones if feasible(list(sizes_of(definition)), ones) else bindings(definition, 1)[0]


def feasible(sizes: list[Size], values: Mapping[str, int]) -> bool:
    """Whether every size is a positive number for these values."""
    for size in sizes:
        number = substitute(size, values)
        if not isinstance(number, int) or number < 1:
            return False
    return True


def sizes_of(definition: Definition) -> Iterator[Size]:
    """All sizes in it that depend on symbols."""
    for _, node in definition.graph.nodes():
        for type in node.types:
            yield from (dim for dim in type.dims if not isinstance(dim, int))
        if isinstance(node, CallNode) and node.definition.symbols():
            yield from sizes_of(node.definition)


def inputs(definition: Definition, sizes: Mapping[str, int], seed: int = 0) -> dict[str, Array]:
    """Random values for every input, by name."""
    limits = ranges(definition, sizes)
    rng = np.random.Generator(np.random.Philox(seed))
    return {
        name: _values(type, sizes, limits.get(name), rng)
        for name, type in definition.input_types().items()
    }


def _values(
    type: TensorType, sizes: Mapping[str, int], limit: int | None, rng: np.random.Generator
) -> Array:
    shape = tuple(number for dim in type.dims if isinstance(number := substitute(dim, sizes), int))
    if len(shape) != type.rank:
        missing = ", ".join(sorted(type.symbols - sizes.keys()))
        raise UsageError.of(
            "E710", f"the sizes of {missing} are not given", help="choose them: --at N=2"
        )
    if type.dtype == "bool":
        mask = rng.random(shape) < 0.7
        if shape:
            mask[..., 0] = True  # a row that attends to nothing has no softmax
        return np.asarray(mask)
    if type.dtype in FLOATING:
        values = rng.standard_normal(shape).astype(np.float32)
        return np.asarray(arrays.cast(values, "float32", type.dtype))
    return rng.integers(0, limit if limit is not None else DEFAULT_RANGE, shape).astype(type.dtype)


def ranges(definition: Definition, sizes: Mapping[str, int]) -> dict[str, int]:
    """For each integer input that indexes a table, how many rows the smallest such table has.

    One, where something is added to it or the like on its way there.
    """
    limits = _Limits(sizes)
    found: dict[str, int] = {}
    for id in definition.inputs:
        node = definition.input(id)
        if node.types[0].dtype in INTEGRAL:
            limit = limits.of(definition, id, 0)
            if limit is not None:
                found[node.name] = limit
    return found


@dataclass(eq=False)
class _Limits:
    """Of values, how many rows what they index has; None of those that index nothing."""

    sizes: Mapping[str, int]
    seen: set[tuple[str, int, int]] = field(default_factory=set)

    def of(self, definition: Definition, id: int, port: int) -> int | None:
        key = (definition.name, id, port)
        if key in self.seen:
            return None
        self.seen.add(key)
        limits = [
            limit
            for user, slot, used in definition.graph.users(id)
            if used == port and (limit := self.at(definition, user, slot)) is not None
        ]
        return min(limits, default=None)

    def at(self, definition: Definition, user: int, slot: int) -> int | None:
        """Of what a node reads there."""
        node = definition.graph.node(user)
        outside = [
            limit
            for port, type in enumerate(node.types)
            if type.dtype in INTEGRAL and (limit := self.of(definition, user, port)) is not None
        ]
        if isinstance(node, CallNode):
            inside = self.of(node.definition, node.definition.inputs[slot], 0)
            return 1 if outside else inside
        if not isinstance(node, OpNode):
            return None
        own = self.own(definition, user, node, slot)
        passes = node.op.name in PASSING or node.op.name == "cast"
        limits = [*([] if own is None else [own]), *(outside if passes else [1] * bool(outside))]
        return min(limits, default=None)

    def own(self, definition: Definition, id: int, node: OpNode, slot: int) -> int | None:
        """How many rows the op itself chooses among by what is in the slot."""
        if node.op.name == "one_hot":
            return int(node.op.values["num"])
        size: Size | None = None
        if node.op.name == "embedding":
            size = next((weight.type.dims[0] for weight in node.weights), None)
        elif node.op.name == "gather" and slot == 1:
            table = definition.graph.inputs(id)[0]
            if table is not None:
                size = definition.graph.type(table).dims[node.op.values.get("axis") or 0]
        found = None if size is None else substitute(size, self.sizes)
        return found if isinstance(found, int) else None


def lively(program: Program, seed: int = 0) -> dict[str, Entry]:
    """Weights to try a program with: every one matters, and signals neither die out nor blow up.

    Initial weights would hide errors: a fresh normalisation does nothing, and a deep network's
    first outputs may hardly depend on its inputs. Statistics, scales and biases are random here,
    and matrices keep the variance (He et al., 2015). Tables with values in the spec keep them.
    """
    return {
        entry.name: made(entry, seed) if entry.weight.value is not None else _lively(entry, seed)
        for entry in program.weights()
        if entry.owner is None
    }


def _lively(entry: WeightEntry, seed: int) -> Entry:
    sizes, dtype = shape(entry), entry.type.dtype
    if dtype not in FLOATING:
        return made(entry, seed)
    if entry.weight.slot == "running_var" or (len(sizes) == 1 and entry.weight.slot == "weight"):
        init = Init("uniform", (0.5, 1.5))
    elif len(sizes) < 2:
        init = Init("normal", (0.1,))
    else:
        init = Init("normal", ((2 / max(1, fans(sizes)[0])) ** 0.5,))
    return initial(entry.name, dtype, sizes, init, seed)
