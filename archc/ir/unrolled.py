"""A model unrolled into vertices that stand for what is computed, and for nothing else.

Calls are gone, copy by copy; so are names, dead nodes and nodes that do nothing. A weight is a
vertex, whichever ops own, share or read it. Equal vertices are one, unless they draw numbers or
keep statistics while training. What is known to be zero is a vertex without inputs. A scan is a
vertex whose key is the hash of its body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from archc.ir.canonical import canonical
from archc.ir.keys import Keys
from archc.ir.lookup import Lookup
from archc.ir.nodes import (
    CallNode,
    OpNode,
    ScanNode,
    Weight,
    WeightNode,
    WeightRef,
)
from archc.ir.prepared import Owned, Prepared, Template, prepare
from archc.ir.program import Arguments, Definition, bind
from archc.ir.types import TensorType
from archc.ir.vertices import PORT_BITS, Vertex, hashed, reached, simplified
from archc.ops.sizes import broadcast
from archc.records import record


@record
class Instance:
    """The model whose weights are used, its definition, and what their paths begin with."""

    model: str
    root: Definition
    prefix: str = ""


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
    zeros: set[int] = field(default_factory=set)  # the values that are known to be zero
    scans: list[list[int]] = field(default_factory=list)  # the outputs of each, as they were met
    uses: Sequence[set[int]] | None = None  # the ports of those that are needed; else all are
    shared: bool = True  # whether a weight may be read in two places; else it is part of its op
    patterns: Sequence[str] = ()  # of names of weights, which differ if they match others

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

    def zero(self, type: TensorType) -> int:
        """The value that is zero everywhere, one for each type."""
        value = self.add(Vertex(f"zero {self.keys.type(type)}".encode()))
        self.zeros.add(value)
        return value

    def run(
        self, definition: Definition, arguments: Arguments, inputs: Sequence[int], at: Instance
    ) -> list[int]:
        """Adds an instance's vertices; returns its outputs."""
        template = self.template(definition, arguments)
        made = [*inputs]
        for step in template.steps:
            if isinstance(step, Prepared):
                made += self.place(step, made)
            elif isinstance(step, Owned):
                made.append(self.own(step.weight, step.key, at))
            elif isinstance(step.node, WeightNode):
                made.append(self.refer(step.node.ref, at))
            else:
                made += self.call(step.node, [made[k] for k in step.inputs], arguments, at)
        return [made[k] for k in template.outputs]

    # -- nodes ----------------------------------------------------------------------------------

    def template(self, definition: Definition, arguments: Arguments) -> Template:
        """The definition's nodes but its inputs, ops prepared; made once for equal arguments."""
        key = (definition, tuple(sorted(arguments.items()))) if arguments else definition
        found = self.templates.get(key)
        if found is None:
            found = prepare(definition, arguments, self.keys, self.sums, self.shared)
            self.templates[key] = found
        return found

    def place(self, op: Prepared, made: Sequence[int]) -> list[int]:
        """The values that an op gives, added where they are not there already."""
        inputs, meaning = [made[k] for k in op.inputs], op.meaning
        if meaning.zero:
            return [self.zero(type) for type in op.types]
        if self.zeros and not self.zeros.isdisjoint(inputs[: meaning.data]):
            zero = [value in self.zeros for value in inputs[: meaning.data]]
            if op.op.gives_zero(zero):
                return [self.zero(type) for type in op.types]
            if op.operands:
                inputs = self.summed(op, inputs, zero)
        if meaning.passes or (op.operands and len(inputs) == 1):
            return inputs
        if meaning.unordered:
            inputs.sort()
        value = self.add(Vertex(op.key, tuple(inputs), meaning.unordered), op.pure)
        return [value] if len(op.types) == 1 else [value + k for k in range(len(op.types))]

    def summed(self, op: Prepared, inputs: list[int], zero: list[bool]) -> list[int]:
        """The operands of a sum but zeros; with one of its type where they have not its shape."""
        rest = [value for value, none in zip(inputs, zero, strict=True) if not none]
        types = [type for type, none in zip(op.operands, zero, strict=True) if not none]
        whole = broadcast(types, ["inputs"] * len(types), op.op.name) == op.types[0].dims
        return rest if whole else [*rest, self.zero(op.types[0])]

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
                self.weights[name] = self.leaf(self.marked(key, name) if self.patterns else key)
        return self.weights[name]

    def marked(self, key: bytes, name: tuple[str, str]) -> bytes:
        """A weight's key with the patterns that its name matches, with its model's or alone."""
        names = (name[1], ".".join(name))
        marks = [fnmatchcase(one, pattern) for one in names for pattern in self.patterns]
        return hashed(key, bytes(marks))

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

    def call(self, node: CallNode, given: list[int], outer: Arguments, at: Instance) -> list[int]:
        """What the copies in a row give, or a scan; `outer` are the caller's own arguments."""
        arguments = bind(node, outer) if node.arguments else {}
        if isinstance(node, ScanNode):
            used = set(range(len(node.types))) if self.uses is None else self.uses[len(self.scans)]
            found = self.scan(node, arguments, given, used, at)
            self.scans.append(found)
            return found
        outputs: list[int] = []
        for k in range(node.count):
            inner = entered(node, at, k) if self.shared else at  # else no weight goes by its name
            outputs = self.run(node.definition, arguments, given, inner)
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
        body = Unrolled(self.keys, self.lookup, self.templates, sums=self.sums, uses=uses,
                        patterns=self.patterns)  # fmt: skip
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


def shares_weights(definition: Definition, seen: set[Definition]) -> bool:
    """Whether a weight may be used by more than the op that owns it, or more than once."""
    if definition in seen:
        return False
    seen.add(definition)
    for _, node in definition.graph.nodes():
        if isinstance(node, OpNode):
            if node.op.own_path or any(weight.tie is not None for weight in node.weights):
                return True
        elif isinstance(node, CallNode):
            called = node.model is not None or isinstance(node, ScanNode)
            if called or shares_weights(node.definition, seen):
                return True
        elif isinstance(node, WeightNode):
            return True
    return False


def entered(node: CallNode, at: Instance, k: int = 0) -> Instance:
    """The instance that a call's copy is."""
    if node.model is not None:
        return Instance(node.model, node.definition)
    path = node.copies.path(k)
    return Instance(at.model, at.root, f"{at.prefix}{path}." if path else at.prefix)
