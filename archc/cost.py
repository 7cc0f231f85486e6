"""What a model costs: multiply-accumulates, parameters, memory for activations, and their table.

Every symbolic dimension is 1 unless `at` gives it a size. A size that is negative there, such as
that of a convolution without room, counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from archc.errors import UsageError, did_you_mean
from archc.ir.dims import Size, symbols
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, ScanNode, Weight
from archc.ir.program import Definition, Program
from archc.ir.sites import site
from archc.ir.substitution import substitute
from archc.ir.types import ITEM_BYTES, TensorType
from archc.ops.base import Op

At = Mapping[str, int]


def macs(definition: Definition, at: At | None = None) -> int:
    """Multiply-accumulates of convolutions, linear layers and matrix products of one application.

    A call counts as often as it is repeated, a scan as often as it has positions.
    """
    return _Counter(_sizes(definition, at)).macs(definition)


def peak(definition: Definition, at: At | None = None) -> int:
    """The most bytes that activations take at one time, in the order of the steps.

    Each value is held from the step that makes it to the last that reads it, the model's inputs and
    outputs to the end; a step's inputs and outputs are held together, and a call is a step: what it
    reads is held until it ends. Weights, scratch memory of a kernel and what training keeps for its
    way back are not counted, and no step works in place.
    """
    return _Counter(_sizes(definition, at)).peak(definition, inputs=True)


def sized(type: TensorType, at: At) -> TensorType:
    """The type with each symbol's size, 1 where `at` has none. Raises UsageError E704."""
    return type.with_dims(_size(dim, at) for dim in type.dims)


def _size(dim: Size, at: At) -> int:
    if isinstance(dim, int):
        return dim
    try:
        found = substitute(dim, {name: at.get(name, 1) for name in symbols(dim)})
    except ZeroDivisionError as error:
        message = f"the size {dim} is a division by 0 at {at or 'size 1'}"
        raise UsageError.of("E704", message, help="choose other sizes with --at") from error
    assert isinstance(found, int)
    return max(0, found)


def _sizes(definition: Definition, at: At | None) -> At:
    """`at`, once its names are known. Raises UsageError E704."""
    known = definition.symbols()
    for name in at or {}:
        if name not in known:
            help = did_you_mean(name, known) or "its inputs have no symbolic dimensions"
            raise UsageError.of("E704", f"no input has a dimension '{name}'", help=help)
    return at or {}


def _bytes(type: TensorType) -> int:
    elements = type.elements
    assert isinstance(elements, int)
    return elements * ITEM_BYTES[type.dtype]


@dataclass(eq=False)
class _Counter:
    """Counts with sizes in place of symbols; each definition once."""

    at: At
    _macs: dict[Definition, int] = field(default_factory=dict)
    _peaks: dict[tuple[Definition, bool], int] = field(default_factory=dict)
    _types: dict[TensorType, TensorType] = field(default_factory=dict)

    def type(self, type: TensorType) -> TensorType:
        known = self._types.get(type)
        if known is None:
            known = self._types[type] = sized(type, self.at)
        return known

    def macs(self, definition: Definition) -> int:
        if definition not in self._macs:
            self._macs[definition] = sum([
                self.of(definition, id, node) for id, node in definition.graph.nodes()
            ])  # fmt: skip
        return self._macs[definition]

    def of(self, definition: Definition, id: int, node: Node) -> int:
        """The multiply-accumulates of one node."""
        if isinstance(node, CallNode):
            times = self.length(definition, id, node) if isinstance(node, ScanNode) else node.count
            return times * self.macs(node.definition)
        if not isinstance(node, OpNode) or type(node.op).macs is Op.macs:  # as of most ops
            return 0
        types = tuple(map(self.type, node.types))
        found = node.op.macs(site(definition.graph, id, node, self.type), types)
        assert isinstance(found, int)
        return found

    def length(self, definition: Definition, id: int, node: ScanNode) -> int:
        """How many positions a scan has."""
        value = definition.graph.inputs(id)[node.scanned[0]]
        assert value is not None
        length = self.type(definition.graph.type(value)).dims[1]
        assert isinstance(length, int)
        return length

    def peak(self, definition: Definition, inputs: bool) -> int:
        """The most bytes held at one time, with or without the inputs, which a caller holds."""
        key = definition, inputs
        if key not in self._peaks:
            self._peaks[key] = self._peak(definition, inputs)
        return self._peaks[key]

    def _peak(self, definition: Definition, inputs: bool) -> int:
        graph = definition.graph
        last: dict[int, int] = {}  # node → the last that reads it
        for id in graph:
            last.update((value.node, id) for value in graph.present(id))
        kept = {value.node for value in definition.outputs.values()}
        held = most = 0
        dying: dict[int, int] = {}  # node → the bytes that it frees
        for id, node in graph.nodes():
            if isinstance(node, InputNode):
                held += self.size(node) if inputs else 0
            else:
                held += self.size(node)
                inside = self.inside(node) if isinstance(node, CallNode) else 0
                most = max(most, held + inside)
                if id not in kept:
                    dying.setdefault(last.get(id, id), 0)
                    dying[last.get(id, id)] += self.size(node)
            held -= dying.pop(id, 0)
        return max(most, held)

    def size(self, node: Node) -> int:
        return sum(_bytes(self.type(type)) for type in node.types)

    def inside(self, call: CallNode) -> int:
        """What a call holds at most beyond its own inputs and outputs."""
        callee = call.definition
        types = callee.output_types()
        outputs = sum(_bytes(self.type(type)) for type in types.values())
        beyond = max(0, self.peak(callee, inputs=False) - outputs)
        if call.count > 1 or isinstance(call, ScanNode):  # what goes from copy to copy
            fed = [types[call.outputs[port]] for port, _ in call.feedback]
            beyond += sum(_bytes(self.type(type)) for type in fed)
        if isinstance(call, ScanNode):  # the slices of a position, and what it gives
            slices = [callee.input(callee.inputs[slot]).types[0] for slot in call.scanned]
            beyond += outputs + sum(_bytes(self.type(type)) for type in slices)
        return beyond


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a step, or a part of the model with its steps.

    `path` is its dotted path within the model, `h.[0..11]` for copies in a row; `what` the op, the
    block or the model, empty for a scope. `types` are its outputs' with the sizes counted with,
    `declared` with their symbols; `params` its learnable parameters, those of all its copies;
    `macs` likewise.
    """

    path: str
    what: str
    types: tuple[TensorType, ...]
    params: int
    macs: int
    count: int = 1
    rows: tuple[Row, ...] = ()
    declared: tuple[TensorType, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Row]]:
        """This row and those below it, each with its depth."""
        yield depth, self
        for row in self.rows:
            yield from row.walk(depth + 1)

    def steps(self) -> Iterator[Row]:
        """The steps alone, in order: rows without rows."""
        if not self.rows:
            yield self
        for row in self.rows:
            yield from row.steps()


def table(program: Program, model: str | None = None, at: At | None = None) -> Row:
    """The table of a model, the main one or another: its root row holds the totals.

    A tied weight counts where it is owned, a model's weights where it is called first; a model of
    which only weights are read has a row of its own at the end. Copies in a row are one row whose
    steps are those of one copy, counted for all. KeyError for an unknown model.
    """
    name = program.main if model is None else model
    definition = program.models[name]
    counter = _Counter(_sizes(definition, at))
    tables = _Table(program, counter, {name})
    rows = list(tables.rows(definition, "", _Times()))
    rows += [tables.only_weights(m) for m in program.called(name) if m not in tables.seen]
    declared = tuple(definition.output_types().values())
    types = tuple(map(counter.type, declared))
    total = program.count_params(name)
    macs = counter.macs(definition)
    return Row("", name, types, total, macs, rows=tuple(rows), declared=declared)


@dataclass(frozen=True, slots=True)
class _Times:
    """How often what is below counts: weights, 0 where they were counted before, and steps."""

    params: int = 1
    macs: int = 1


Placed = tuple[tuple[str, ...], Row]  # the scopes that a row is in, outermost first


@dataclass(eq=False)
class _Table:
    program: Program
    counter: _Counter
    seen: set[str]  # the models whose weights have been counted

    def rows(self, definition: Definition, prefix: str, times: _Times) -> tuple[Row, ...]:
        """The rows of one instance of a definition, those in a scope below a row for the scope."""
        placed: list[Placed] = []
        for id, node in definition.graph.nodes():
            if isinstance(node, OpNode):
                row = self.step(definition, id, node, prefix, times)
            elif isinstance(node, CallNode):
                row = self.call(definition, id, node, prefix, times)
            else:
                continue
            placed.append((tuple(node.path.split(".")[:-1]), row))
        return tuple(nested(placed, prefix))

    def step(
        self, definition: Definition, id: int, node: OpNode, prefix: str, times: _Times
    ) -> Row:
        learned = sum(map(numbers, node.weights))
        return Row(
            prefix + node.path, node.op.name, tuple(map(self.counter.type, node.types)),
            learned * times.params, self.counter.of(definition, id, node) * times.macs,
            declared=node.types,
        )  # fmt: skip

    def call(
        self, definition: Definition, id: int, node: CallNode, prefix: str, times: _Times
    ) -> Row:
        repeated, path = node.count, node.path
        if isinstance(node, ScanNode):
            inner = _Times(times.params, times.macs * self.counter.length(definition, id, node))
            below = f"{prefix}{node.copies.prefix}." if node.copies.prefix else prefix
        else:
            if node.copies.start is not None:
                last = node.copies.start + repeated - 1
                path = f"{node.copies.prefix}[{node.copies.start}..{last}]"
            inner = _Times(times.params * repeated, times.macs * repeated)
            below = f"{prefix}{path}."
        if node.model is not None:
            inner = inner if node.model not in self.seen else _Times(0, inner.macs)
            self.seen.add(node.model)
        rows = self.rows(node.definition, below, inner)
        what = "scan" if isinstance(node, ScanNode) else node.definition.source
        return Row(
            prefix + path, what or node.definition.name,
            tuple(map(self.counter.type, node.types)), sum(row.params for row in rows),
            self.counter.of(definition, id, node) * times.macs, repeated, rows, node.types,
        )  # fmt: skip

    def only_weights(self, model: str) -> Row:
        """A model that is not called, and some of whose weights are read or tied to."""
        own = {entry.name for entry in self.program.weights(model)}
        called = [name for name in self.program.called(model) if name != model]
        own -= {entry.name for name in called for entry in self.program.weights(name)}
        total = sum(numbers(e.weight) for e in self.program.weights(model) if e.name in own)
        self.seen.add(model)
        return Row(model, model, (), total, 0)


def numbers(weight: Weight) -> int:
    """How many numbers a weight learns of its own."""
    if weight.tie is not None or weight.buffer or not weight.trained:
        return 0
    elements = weight.type.elements
    assert isinstance(elements, int)
    return elements


def nested(placed: Sequence[Placed], prefix: str, level: int = 0) -> Iterator[Row]:
    """The rows with those of each scope of two steps or more below a row of its own."""
    for scope, group in groupby(placed, lambda item: item[0][level : level + 1]):
        members = list(group)
        if not scope:
            yield from (row for _, row in members)
        elif len(members) == 1:
            yield from nested(members, prefix, level + 1)
        else:
            rows = tuple(nested(members, prefix, level + 1))
            path = prefix + ".".join(members[0][0][: level + 1])
            yield Row(
                path, "", rows[-1].types, sum(row.params for row in rows),
                sum(row.macs for row in rows), rows=rows, declared=rows[-1].declared,
            )  # fmt: skip
