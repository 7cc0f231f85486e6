"""Steps whose values nothing needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from archc.ir.lookup import Lookup, instances, references
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, Weight
from archc.ir.program import Definition, Program
from archc.ops.registry import ops
from archc.passes.base import Pass
from archc.passes.rebuild import Rebuild, rebuilt


@dataclass(frozen=True)
class DeadCode(Pass):
    """Removes what no output of its definition needs, weights included.

    1. A weight that something tied or reading needs stays; where its op is gone, it is held by a
       `weight` node without users. A call with such a weight stays whole.
    2. So do all weights of a model that is called for several input types, since some of them may
       need what others do not.

    An output of a block that no call uses is needed all the same: flatten first to look through.
    """

    keeps_weights: ClassVar[bool] = False

    def run(self, program: Program) -> Program:
        needed = needed_weights(program)
        keeping = Keeping(lambda weight: id(weight) in needed)

        def change(definition: Definition) -> Definition:
            paths = {weight.path for weight in _weights(definition) if id(weight) in needed}
            result = swept(definition, keeping)
            # A holder has another object: callers must know it for the weight that it holds.
            needed.update((id(w), w) for w in _weights(result) if w.path in paths)
            return result

        return rebuilt(program, change)


def _weights(definition: Definition) -> Iterator[Weight]:
    for _, node in definition.graph.nodes():
        if isinstance(node, OpNode):
            yield from node.weights


@dataclass(eq=False)
class Keeping:
    """Which weights stay although nothing reads their node: all, unless `needed` chooses."""

    needed: Callable[[Weight], bool] = lambda weight: True
    _known: dict[Definition, bool] = field(default_factory=dict)

    def brings(self, node: Node) -> bool:
        """Whether the node has such weights, of its own or in what it calls."""
        if isinstance(node, OpNode):
            return any(map(self.needed, node.weights))
        if not isinstance(node, CallNode) or node.model is not None:
            return False
        callee = node.definition
        if callee not in self._known:
            self._known[callee] = any(self.brings(inner) for _, inner in callee.graph.nodes())
        return self._known[callee]


def swept(definition: Definition, keeping: Keeping) -> Definition:
    """The definition without the nodes that its outputs do not need, but their needed weights."""
    graph = definition.graph
    live: set[int] = {value.node for value in definition.outputs.values()}
    held: dict[int, list[OpNode]] = {}  # a dead op → what its weights are held by
    for id, node in reversed(list(graph.nodes())):
        if isinstance(node, OpNode) and id not in live:
            held[id] = [holder(weight, node) for weight in node.weights if keeping.needed(weight)]
        elif isinstance(node, InputNode) or id in live or keeping.brings(node):
            live.add(id)
            live.update(value.node for value in graph.present(id))
    dead = [id for id in graph if id not in live and not is_holder(graph.node(id))]
    if not dead and all(held.values()):
        return definition
    rebuild = Rebuild(definition)
    for id, node in graph.nodes():
        if id in live or (is_holder(node) and held[id]):
            rebuild.keep(id, node)
        else:
            for new in held.get(id, ()):
                rebuild.graph.add(new)
    return rebuild.finish()


def is_holder(node: Node) -> bool:
    """Whether the node is a weight and nothing else."""
    return isinstance(node, OpNode) and node.op.own_path and not node.op.inputs


def holder(weight: Weight, like: Node) -> OpNode:
    """A `weight` node for a weight that another node had."""
    begins = {"shape": weight.type.dims} if weight.value is None else {"value": weight.value}
    op = ops()["weight"].make(**begins, dtype=weight.type.dtype)
    own = replace(weight, slot="weight")
    return OpNode(
        path=weight.path, types=(weight.type,), place=like.place, step=like.step, op=op,
        weights=(own,),
    )  # fmt: skip


def needed_weights(program: Program) -> dict[int, Weight]:
    """The weights that stay even if their own op goes, by their identity.

    Those that a tie or a read refers to, and those of models with several definitions.
    """
    lookup, places = Lookup(program), instances(program)
    found: dict[int, Weight] = {}
    for definition, place in places.items():
        for ref in references(definition):
            owner = lookup.refer(ref, place.root, place.prefix)
            if owner is not None:
                found[id(owner.weight)] = owner.weight
    for definition in _several(program):
        for _, node in definition.graph.nodes():
            if isinstance(node, OpNode):
                found.update((id(weight), weight) for weight in node.weights)
    return found


def _several(program: Program) -> set[Definition]:
    """The definitions of models that are called for several input types, and their blocks."""
    versions: dict[str, set[Definition]] = {name: {d} for name, d in program.models.items()}
    for definition in program.definitions():
        for call in definition.calls():
            if call.model is not None:
                versions[call.model].add(call.definition)
    found: set[Definition] = set()

    def collect(definition: Definition) -> None:
        if definition not in found:
            found.add(definition)
            for call in definition.calls():
                if call.model is None:
                    collect(call.definition)

    for several in versions.values():
        if len(several) > 1:
            for definition in several:
                collect(definition)
    return found
