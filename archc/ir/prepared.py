"""A definition's nodes made ready to be unrolled, once for equal arguments, however often used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archc.ir.graph import Graph
from archc.ir.keys import Keys
from archc.ir.nodes import InputNode, Node, OpNode, Weight
from archc.ir.program import Arguments, Definition
from archc.ir.types import TensorType
from archc.ir.vertices import hashed
from archc.ops.base import Op, values_of
from archc.records import record
from archc.spec.values import Argument

# Sums of sums are one sum, for these; the order of their operands means nothing, too.
ASSOCIATIVE = frozenset({"add", "mul", "maximum", "minimum", "logical_and", "logical_or"})


def does_nothing(op: str, values: Mapping[str, Any]) -> bool:
    """Whether the op passes its input through, while training too."""
    return op == "identity" or (op in ("dropout", "drop_path") and values["rate"] == 0)


def is_pure(node: OpNode, values: Mapping[str, Any]) -> bool:
    """Whether two such nodes with equal inputs and weights are as good as one."""
    draws = node.op.training and not ("dropout" in values and values["dropout"] == 0)
    return not (node.op.random or node.op.training_only or draws)


@record
class Prepared:
    """An op's node with its instance's numbers, ready to be placed wherever it is called."""

    key: bytes
    inputs: tuple[int | tuple[Weight, bytes], ...]  # where the values are, and weights of its own
    pure: bool
    unordered: bool
    passes: bool
    op: Op
    zero: bool  # whatever it is given, it gives zeros
    data: int  # how many of the inputs are no weights; they are the first
    operands: tuple[TensorType, ...]  # the types of these, of a sum
    types: tuple[TensorType, ...]


@record
class Step:
    """A node but for an input: where its outputs go, and where what it reads is."""

    at: int
    node: Node
    op: Prepared | None
    inputs: tuple[int, ...]


@record
class Template:
    """A definition for certain arguments: its values have numbers, those of its inputs first."""

    steps: list[Step]
    size: int
    outputs: list[int]


def prepare(
    definition: Definition, arguments: Arguments, keys: Keys, sums: set[bytes], shared: bool
) -> Template:
    """The definition's nodes but its inputs.

    `sums` gets the keys of sums and of what is like them. Where no weight is `shared`, weights are
    part of their op's key.
    """
    work = _Work(definition.graph, arguments, keys, sums, shared)
    steps: list[Step] = []
    first = {id: k for k, id in enumerate(definition.inputs)}  # the number of an output 0
    size = len(first)
    for id, node in definition.graph.nodes():
        if isinstance(node, InputNode):
            continue
        first[id] = size
        read = definition.graph.inputs(id)
        places = [None if v is None else first[v.node] + v.port for v in read]
        op = work.op(id, node, places) if isinstance(node, OpNode) else None
        steps.append(Step(size, node, op, tuple([k for k in places if k is not None])))
        size += len(node.types)
    outputs = [first[value.node] + value.port for value in definition.outputs.values()]
    return Template(steps, size, outputs)


@record
class _Work:
    """What is the same for all nodes of a definition."""

    graph: Graph
    arguments: Arguments
    keys: Keys
    sums: set[bytes]
    shared: bool

    def op(self, id: int, node: OpNode, places: Sequence[int | None]) -> Prepared:
        """The op where it stands: `places` has the numbers of what it reads, by slot."""
        op = node.op
        passed = bool(self.arguments) and any(isinstance(v, Argument) for v in op.values.values())
        values = values_of(op, self.arguments) if passed else op.values
        names = op.weight_names
        data: list[tuple[str, int]] = []
        parts: dict[str, int | tuple[Weight, bytes]] = {}
        for slot, value in zip(node.slots, places, strict=True):
            if value is None:
                continue
            if slot in names:
                parts[slot] = value
            else:
                data.append((slot, value))
        for weight in node.weights:
            parts[weight.slot] = weight, self.keys.weight(weight, self.arguments)
        weights = [name for name in dict.fromkeys((*names, *parts)) if name in parts]
        unordered = op.commutative and len(op.inputs) == 1 and not weights
        slots = [op.inputs[0].name] if unordered else [slot for slot, _ in data] + weights
        passes = does_nothing(op.name, values) or (op.own_path and not op.inputs)
        key = self.keys.op(node, values, slots)
        inputs = (*(value for _, value in data), *(parts[name] for name in weights))
        absorbs = not self.shared and bool(node.weights)
        if absorbs:
            key = hashed(key, *[b"" if isinstance(part, int) else part[1] for part in inputs])
            inputs = tuple([part for part in inputs if isinstance(part, int)])
        plain = type(op)(values) if passed else op
        operands = tuple(map(self.graph.type, self.graph.present(id))) if op.zero_is_neutral else ()
        if unordered and op.name in ASSOCIATIVE:
            self.sums.add(key)
        return Prepared(
            key=key,
            inputs=inputs,
            pure=is_pure(node, values) and not absorbs,
            unordered=unordered,
            passes=(passes or key in self.sums) and len(data) + len(weights) == 1,
            op=plain,
            zero=plain.gives_zero([False] * len(data)),
            data=len(data),
            operands=operands,
            types=node.types,
        )
