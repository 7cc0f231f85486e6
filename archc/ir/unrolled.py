"""A model unrolled into vertices that stand for what is computed, and for nothing else.

Calls are gone, copy by copy; so are names, dead nodes and nodes that do nothing. A weight is a
vertex, whichever ops own, share or read it. Equal vertices are one, unless they draw numbers or
keep statistics while training. A scan is a vertex whose key is the hash of its body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.ir.canonical import canonical
from archc.ir.graph import Value
from archc.ir.keys import Keys
from archc.ir.lookup import Lookup
from archc.ir.nodes import (
    CallNode,
    InputNode,
    Node,
    OpNode,
    ScanNode,
    Weight,
    WeightNode,
    WeightRef,
)
from archc.ir.program import Arguments, Definition, bind
from archc.ir.vertices import PORT_BITS, Vertex, hashed, reached, simplified
from archc.ops.base import values_of
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """An op's node with its instance's numbers, ready to be placed wherever it is called."""

    key: bytes
    inputs: tuple[Value | tuple[Weight, bytes], ...]  # values and weights of its own, by slot
    pure: bool
    unordered: bool
    passes: bool
    ports: int


@dataclass(frozen=True, slots=True)
class Instance:
    """The model whose weights are used, its definition, and what their paths begin with."""

    model: str
    root: Definition
    prefix: str = ""


Template = list[tuple[int, Node, Prepared | None]]


@dataclass(eq=False)
class Unrolled:
    """The vertices of a model or of a scan's body. A value is a vertex's number and a port's."""

    keys: Keys
    lookup: Lookup
    templates: dict[object, Template] = field(default_factory=dict)  # shared with bodies
    vertices: list[Vertex] = field(default_factory=list)
    weights: dict[tuple[str, str], int] = field(default_factory=dict)  # (model, path) → value
    known: dict[tuple[bytes, tuple[int, ...]], int] = field(default_factory=dict)
    sums: set[bytes] = field(default_factory=set)  # the keys of associative ops
    unlike: set[int] = field(default_factory=set)  # vertices that are equal to no other
    impure: set[int] = field(default_factory=set)  # those that draw or keep something
    scans: list[list[int]] = field(default_factory=list)  # the outputs of each, as they were met
    uses: Sequence[set[int]] | None = None  # the ports of those that are needed; else all are

    def add(self, vertex: Vertex, pure: bool = True) -> int:
        """The value of a vertex; that of an equal one that is there already, where it is pure."""
        key = (vertex.key, vertex.inputs)
        if pure and key in self.known:
            return self.known[key]
        index = len(self.vertices)
        self.vertices.append(vertex)
        if pure:
            self.known[key] = index << PORT_BITS
        else:
            self.unlike.add(index)
            self.impure.add(index)
        return index << PORT_BITS

    def leaf(self, key: bytes) -> int:
        """The value of a new vertex without inputs that no other is equal to."""
        self.unlike.add(len(self.vertices))
        self.vertices.append(Vertex(key))
        return (len(self.vertices) - 1) << PORT_BITS

    def run(
        self, definition: Definition, arguments: Arguments, inputs: Sequence[int], at: Instance
    ) -> list[int]:
        """Adds an instance's vertices; returns its outputs."""
        made: dict[int, list[int]] = {
            id: [value] for id, value in zip(definition.inputs, inputs, strict=True)
        }
        for id, node, op in self.template(definition, arguments):
            if op is not None:
                made[id] = self.place(op, made, at)
            elif isinstance(node, WeightNode):
                made[id] = [self.refer(node.ref, at)]
            elif isinstance(node, CallNode):
                given = [made[v.node][v.port] for v in definition.graph.present(id)]
                if isinstance(node, ScanNode):
                    place = len(self.scans)
                    used = set(range(len(node.types))) if self.uses is None else self.uses[place]
                    made[id] = self.scan(node, bind(node, arguments), given, used, at)
                    self.scans.append(made[id])
                else:
                    made[id] = self.call(node, bind(node, arguments), given, at)
        return [made[value.node][value.port] for value in definition.outputs.values()]

    # -- nodes ----------------------------------------------------------------------------------

    def template(self, definition: Definition, arguments: Arguments) -> Template:
        """The definition's nodes but its inputs, ops prepared; made once for equal arguments."""
        key = (definition, tuple(sorted(arguments.items())))
        if key not in self.templates:
            self.templates[key] = [
                (id, node, self.prepared(id, node, definition, arguments)
                 if isinstance(node, OpNode) else None)
                for id, node in definition.graph.nodes() if not isinstance(node, InputNode)
            ]  # fmt: skip
        return self.templates[key]

    def prepared(
        self, id: int, node: OpNode, definition: Definition, arguments: Arguments
    ) -> Prepared:
        op = node.op
        passed = any(isinstance(value, Argument) for value in op.values.values())
        values = values_of(op, arguments) if passed else op.values
        own = {port.name for port in op.inputs}
        filled = [
            (slot, value)
            for slot, value in zip(node.slots, definition.graph.inputs(id), strict=True)
            if value is not None
        ]
        data = [(s, v) for s, v in filled if s in own or s.rpartition(".")[0] in own]
        parts: dict[str, Value | tuple[Weight, bytes]] = dict(filled[len(data) :])
        parts |= {w.slot: (w, self.keys.weight(w, arguments)) for w in node.weights}
        weights = [name for name in (*op.weight_names, *parts) if name in parts]
        weights = list(dict.fromkeys(weights))
        unordered = op.commutative and len(op.inputs) == 1 and not weights
        slots = [op.inputs[0].name] if unordered else [slot for slot, _ in data] + weights
        passes = does_nothing(op.name, values) or (op.own_path and not op.inputs)
        key = self.keys.op(node, values, slots)
        if unordered and op.name in ASSOCIATIVE:
            self.sums.add(key)
        return Prepared(
            key=key,
            inputs=(*(value for _, value in data), *(parts[name] for name in weights)),
            pure=is_pure(node, values),
            unordered=unordered,
            passes=(passes or key in self.sums) and len(data) + len(weights) == 1,
            ports=len(node.types),
        )

    def place(self, op: Prepared, made: dict[int, list[int]], at: Instance) -> list[int]:
        inputs = [
            made[part.node][part.port] if isinstance(part, Value) else self.own(*part, at)
            for part in op.inputs
        ]
        if op.passes:
            return inputs
        if op.unordered:
            inputs.sort()
        value = self.add(Vertex(op.key, tuple(inputs), op.unordered), op.pure)
        return [value] if op.ports == 1 else [value + port for port in range(op.ports)]

    def own(self, weight: Weight, key: bytes, at: Instance) -> int:
        """A weight of an op's own; tied, it is the one it is tied to."""
        name = (at.model, at.prefix + weight.path)
        if name not in self.weights:
            tied = weight.tie is not None and (weight.tie.model, weight.tie.path) != (
                None, weight.path,
            )  # fmt: skip
            if tied and weight.tie is not None:
                self.weights[name] = self.refer(weight.tie, at)
            else:
                self.weights[name] = self.leaf(key)
        return self.weights[name]

    def refer(self, ref: WeightRef, at: Instance) -> int:
        """The weight that a tie or a read means."""
        if ref.model is not None:
            at = Instance(ref.model, self.lookup.program.models[ref.model])
        name = (at.model, at.prefix + ref.path)
        if name not in self.weights:
            found = self.lookup.find(at.root, name[1])
            assert found is not None, f"there is no weight '{name[1]}'"
            key = self.keys.weight(found.weight, {})
            self.own(found.weight, key, Instance(at.model, at.root, found.prefix))
        return self.weights[name]

    def call(
        self, node: CallNode, arguments: Arguments, given: list[int], at: Instance
    ) -> list[int]:
        """The copies in a row."""
        outputs: list[int] = []
        for k in range(node.count):
            outputs = self.run(node.definition, arguments, given, entered(node, at, k))
            for port, slot in node.feedback:
                given[slot] = outputs[port]
        return outputs

    # -- scans ----------------------------------------------------------------------------------

    def scan(
        self, node: ScanNode, arguments: Arguments, given: list[int], used: set[int], at: Instance
    ) -> list[int]:
        """A vertex for the scan, whose ports are the used outputs in the body's own order."""
        body = self.body(node, arguments, given, used, at, None)
        if body.unrolled.scans:  # what its own scans give may be needed in part
            live = body.unrolled.live([body.ends[port] for port in body.needed])
            body = self.body(node, arguments, given, used, at, live)
        return self.scanned(body)

    def body(
        self, node: ScanNode, arguments: Arguments, given: list[int], used: set[int], at: Instance,
        uses: Sequence[set[int]] | None,
    ) -> Body:  # fmt: skip
        """The scan's body, unrolled."""
        body = Unrolled(self.keys, self.lookup, self.templates, sums=self.sums, uses=uses)
        carried = {slot: port for port, slot in node.feedback}
        outside: dict[int, int] = {}  # the body's value → ours
        shared: dict[tuple[bool, int], int] = {}
        inputs: list[int] = []
        for slot, type in enumerate(node.definition.input_types().values()):
            kind = "carried" if slot in carried else "along" if slot in node.scanned else "all"
            key = f"{kind} {self.keys.type(type)}".encode()
            if slot in carried:
                inputs.append(body.leaf(key))
            else:  # the same value in two slots is one value
                same = (slot in node.scanned, given[slot])
                if same not in shared:
                    shared[same] = body.leaf(key)
                inputs.append(shared[same])
            outside[inputs[-1]] = given[slot]
        outputs = body.run(node.definition, arguments, inputs, entered(node, at))
        states = {port: inputs[slot] for slot, port in carried.items()}
        ends = [
            body.add(Vertex(b"state", (value, states[port])) if port in states
                     else Vertex(b"stack", (value,)))
            for port, value in enumerate(outputs)
        ]  # fmt: skip
        return Body(body, outside, ends, body.needed(ends, states, used))

    def scanned(self, scan: Body) -> list[int]:
        """The vertex, and what of it the outputs are."""
        body, outside, ends, needed = scan.unrolled, scan.outside, scan.ends, scan.needed
        found = simplified(body.vertices, [ends[port] for port in needed], body.sums, body.unlike)
        order = canonical(found.vertices, [])
        rank = {
            value: order.ranks[found[value] >> PORT_BITS]
            for value in [*outside, *body.weights.values(), *ends]
            if value in found
        }
        leaves = outside | {
            value: self.adopt(name, body, value)
            for name, value in body.weights.items() if value in rank
        }  # fmt: skip
        inside = sorted((value for value in leaves if value in rank), key=rank.__getitem__)
        pure = not any(index << PORT_BITS in found for index in body.impure)
        key = hashed(b"scan", order.hash)
        own = self.add(Vertex(key, tuple([leaves[value] for value in inside])), pure)
        last = sorted({rank[ends[port]] for port in needed})
        return [own + last.index(rank[end]) if end in rank else own for end in ends]

    def live(self, ends: Sequence[int]) -> list[set[int]]:
        """Which ports of each scan these values need."""
        wanted = reached(self.vertices, ends)
        read = {
            value for k, vertex in enumerate(self.vertices) if wanted[k] for value in vertex.inputs
        }
        read.update(ends)
        return [{port for port, value in enumerate(scan) if value in read} for scan in self.scans]

    def adopt(self, name: tuple[str, str], body: Unrolled, value: int) -> int:
        """Our own vertex for a weight of a body; the names of one weight share it."""
        if name not in self.weights:
            names = [other for other, same in body.weights.items() if same == value]
            known = next((self.weights[other] for other in names if other in self.weights), None)
            key = body.vertices[value >> PORT_BITS].key
            self.weights[name] = self.leaf(key) if known is None else known
        return self.weights[name]

    def needed(self, ends: list[int], states: dict[int, int], used: set[int]) -> list[int]:
        """The outputs of a body that are used, or carried into what is."""
        needed = set(used)
        while True:
            wanted = reached(self.vertices, [ends[port] for port in needed])
            more = {port for port, value in states.items() if wanted[value >> PORT_BITS]}
            if more <= needed:
                return sorted(needed)
            needed |= more


@dataclass(frozen=True, slots=True)
class Body:
    """A scan's body: its vertices, what they read outside, its outputs, and the needed ports."""

    unrolled: Unrolled
    outside: dict[int, int]  # the body's value → the caller's
    ends: list[int]
    needed: list[int]


def entered(node: CallNode, at: Instance, k: int = 0) -> Instance:
    """The instance that a call's copy is."""
    if node.model is not None:
        return Instance(node.model, node.definition)
    path = node.copies.path(k)
    return Instance(at.model, at.root, f"{at.prefix}{path}." if path else at.prefix)
