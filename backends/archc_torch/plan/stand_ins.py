"""Models that are called with several sizes, written once: in terms of their own symbols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from archc.ir.dims import Dim, Size
from archc.ir.nodes import CallNode, Node, OpNode, ScanNode, WeightNode
from archc.ir.program import Definition, Program
from archc.ir.substitution import substitute
from archc.ir.types import TensorType

Sizes = Mapping[str, Size]


class StandIns:
    """For definitions of a model of which there are several: the model by itself.

    Only where all of them are that model with other sizes for its symbols. Whatever was decided
    by a size while the spec was read, such as a `when`, makes them different models.
    """

    def __init__(self, program: Program, main: Definition) -> None:
        self.main = main
        self._generic: dict[int, Definition] = {}  # by the ids of those that it stands for
        called: dict[str, dict[int, Definition]] = {}
        for call in self.calls():
            if call.model is not None:
                called.setdefault(call.model, {})[id(call.definition)] = call.definition
        for name, definitions in called.items():
            generic = program.models[name]
            if len(definitions) > 1 and all(is_instance(d, generic) for d in definitions.values()):
                self._generic |= dict.fromkeys(definitions, generic)

    def of(self, definition: Definition) -> Definition:
        """What is written for the definition."""
        return self._generic.get(id(definition), definition)

    def calls(self) -> Iterator[CallNode]:
        """All calls in the main model and in what it calls, however deep."""
        return self._calls(self.main, set())

    def _calls(self, definition: Definition, seen: set[int]) -> Iterator[CallNode]:
        if id(definition) in seen:
            return
        seen.add(id(definition))
        for call in definition.calls():
            yield call
            yield from self._calls(self.of(call.definition), seen)


def is_instance(definition: Definition, generic: Definition) -> bool:
    """Whether the definition is the generic one with sizes put in for its symbols."""
    own = generic.symbols()
    if not all(name in definition.symbol_values for name in own):
        return False
    return _alike(definition, generic, {name: definition.symbol_values[name] for name in own})


def _alike(one: Definition, generic: Definition, sizes: Sizes) -> bool:
    if one is generic and all(str(size) == name for name, size in sizes.items()):
        return True
    nodes, others = list(one.graph.nodes()), list(generic.graph.nodes())
    return (
        one.inputs == generic.inputs
        and one.outputs == generic.outputs
        and list(one.outputs) == list(generic.outputs)
        and (one.parameters, one.grouped) == (generic.parameters, generic.grouped)
        and len(nodes) == len(others)
        and all(
            id == other
            and one.graph.inputs(id) == generic.graph.inputs(other)
            and _same(node, twin, sizes)
            for (id, node), (other, twin) in zip(nodes, others, strict=True)
        )
    )


def _same(node: Node, twin: Node, sizes: Sizes) -> bool:
    """Whether the node is its twin in the generic definition with these sizes."""
    types = tuple(put_in(type, sizes) for type in twin.types)
    if type(node) is not type(twin) or (node.path, node.types) != (twin.path, types):
        return False
    match node, twin:
        case OpNode(), OpNode():
            values = {name: put_in(value, sizes) for name, value in twin.op.values.items()}
            return (node.op.name, dict(node.op.values), node.weights, node.slots) == (
                twin.op.name, values, twin.weights, twin.slots,
            )  # fmt: skip
        case CallNode(), CallNode():
            return _call(node) == _call(twin) and _alike(node.definition, twin.definition, sizes)
        case WeightNode(), WeightNode():
            return node.ref == twin.ref
    return True


def _call(node: CallNode) -> tuple[Any, ...]:
    """What is the same of calls whatever the sizes."""
    scanned = node.scanned if isinstance(node, ScanNode) else ()
    return (
        dict(node.arguments), node.copies, node.count, node.feedback, node.model, node.outputs,
        node.slots, scanned,
    )  # fmt: skip


def put_in(value: Any, sizes: Sizes) -> Any:
    """An attribute or a type with sizes in place of the symbols."""
    match value:
        case TensorType():
            return value.with_dims(tuple(substitute(size, sizes) for size in value.dims))
        case Dim():
            return substitute(value, sizes)
        case tuple():
            return tuple(put_in(item, sizes) for item in value)
    return value
