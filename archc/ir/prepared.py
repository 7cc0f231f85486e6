"""A definition's nodes made ready to be unrolled, once for equal arguments, however often used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.ir.graph import Graph, Value
from archc.ir.keys import Keys
from archc.ir.nodes import CallNode, InputNode, OpNode, Weight, WeightNode
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
class Meaning:
    """What an op computes of certain inputs and weights, whatever their types are."""

    key: bytes
    data: int  # how many of what it reads are no weights; they are the first
    weights: tuple[str, ...]  # in the order in which the key names them
    unordered: bool
    sums: bool  # a sum within such a sum is a part of it
    passes: bool  # what goes in comes out
    pure: bool
    zero: bool  # whatever it is given, it gives zeros


@record
class Prepared:
    """An op's node with its instance's numbers, ready to be placed wherever it is called."""

    op: Op
    meaning: Meaning
    key: bytes
    inputs: list[int]  # where the values are, those of weights last
    pure: bool
    operands: list[TensorType]  # the types of what it reads, of a sum
    types: tuple[TensorType, ...]


@record
class Owned:
    """A weight of an op's own, which others may share."""

    weight: Weight
    key: bytes


@record
class Read:
    """A call or a weight that is read, and where what it takes is."""

    node: CallNode | WeightNode
    inputs: list[int]


@record
class Template:
    """A definition for certain arguments.

    Its values have numbers: those of its inputs come first, then what each step gives in turn.
    """

    steps: list[Prepared | Owned | Read]
    outputs: list[int]


def prepare(
    definition: Definition, arguments: Arguments, keys: Keys, sums: set[bytes], shared: bool
) -> Template:
    """The definition's nodes but its inputs.

    `sums` gets the keys of sums and of what is like them. Where no weight is `shared`, weights are
    part of their op's key.
    """
    work = _Work(definition.graph, arguments, keys, sums, shared, len(definition.inputs))
    first = {id: k for k, id in enumerate(definition.inputs)}  # the number of an output 0
    for id, node in definition.graph.nodes():
        if isinstance(node, InputNode):
            continue
        read = definition.graph.inputs(id)
        places = [None if value is None else first[value.node] + value.port for value in read]
        if isinstance(node, OpNode):
            work.op(node, places, read)
        else:
            assert isinstance(node, CallNode | WeightNode)
            work.steps.append(Read(node, [k for k in places if k is not None]))
        first[id] = work.size
        work.size += len(node.types)
    outputs = [first[value.node] + value.port for value in definition.outputs.values()]
    return Template(work.steps, outputs)


@dataclass(eq=False)
class _Work:
    """The steps of a definition, as they are made."""

    graph: Graph
    arguments: Arguments
    keys: Keys
    sums: set[bytes]
    shared: bool
    size: int  # how many values there are
    steps: list[Prepared | Owned | Read] = field(default_factory=list)

    def op(self, node: OpNode, places: list[int | None], read: Sequence[Value | None]) -> None:
        """Adds the op; `places` has the numbers of what it reads, by slot."""
        op, slots = node.op, node.slots
        if self.arguments and any(isinstance(v, Argument) for v in op.values.values()):
            op = type(op)(values_of(op, self.arguments))
        if None in places:
            slots = tuple([s for s, k in zip(slots, places, strict=True) if k is not None])
        inputs = [k for k in places if k is not None]
        own = tuple([weight.slot for weight in node.weights])
        meaning = op.meanings.get((slots, own)) or self.meaning(op, node, slots, own)
        key = meaning.key
        if meaning.weights:
            key, inputs = self.weighted(node, meaning, dict(zip(slots, inputs, strict=True)))
        if meaning.sums:
            self.sums.add(key)
        operands = [value for value in read if value is not None] if op.zero_is_neutral else []
        self.steps.append(Prepared(
            op=op,
            meaning=meaning,
            key=key,
            inputs=inputs,
            pure=meaning.pure and (self.shared or not own),
            operands=[self.graph.type(value) for value in operands],
            types=node.types,
        ))  # fmt: skip

    def weighted(
        self, node: OpNode, meaning: Meaning, given: dict[str, int]
    ) -> tuple[bytes, list[int]]:
        """The op's key and its inputs: its own weights are part of the one, or if shared the other.

        `given` is what its slots read.
        """
        data = list(given)[: meaning.data]
        keys = {one.slot: self.keys.weight(one, self.arguments) for one in node.weights}
        key = meaning.key
        if self.shared:
            for weight in node.weights:
                self.steps.append(Owned(weight, keys[weight.slot]))
                given[weight.slot] = self.size
                self.size += 1
        elif keys:
            parts = [keys.get(name, b"") for name in meaning.weights]
            key = hashed(key, *[b""] * meaning.data, *parts)
        fed = [given[name] for name in meaning.weights if name in given]
        return key, [*[given[name] for name in data], *fed]

    def meaning(
        self, op: Op, node: OpNode, filled: tuple[str, ...], own: tuple[str, ...]
    ) -> Meaning:
        """What the op computes with these slots filled and these weights of its own.

        It is kept on the op where no symbol is in it, which models rename.
        """
        names = op.weight_names
        data = [slot for slot in filled if slot not in names]
        weights = [*filled[len(data) :], *own]
        ordered = [name for name in names if name in weights]
        ordered += [name for name in weights if name not in ordered]
        unordered = op.commutative and len(op.inputs) == 1 and not weights
        text = self.keys.op(op, node.types[0], [op.inputs[0].name] if unordered else data + ordered)
        sums = unordered and op.name in ASSOCIATIVE
        through = does_nothing(op.name, op.values) or (op.own_path and not op.inputs) or sums
        found = Meaning(
            key=text.encode() if op.name == "constant" else hashed(text.encode()),
            data=len(data),
            weights=tuple(ordered),
            unordered=unordered,
            sums=sums,
            passes=through and len(data) + len(weights) == 1,
            pure=is_pure(node, op.values),
            zero=op.gives_zero([False] * len(data)),
        )
        if op.name != "constant" and "<" not in text:
            op.meanings[filled, own] = found
        return found
