"""Steps whose values nothing needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from archc.ir.lookup import Lookup, instances, references
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, Weight
from archc.ir.program import Definition, Program
from archc.ops.registry import ops
from archc.passes.base import Pass
from archc.passes.rebuild import Rebuild, rebuilt

Needed = Callable[[Node], bool]  # whether a node that is not read stays


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

        def stays(node: Node) -> bool:
            if isinstance(node, OpNode):
                return any(id(weight) in needed for weight in node.weights)
            return brings_weights(node, stays)

        return rebuilt(program, lambda definition: swept(definition, stays))


def has_weights(node: Node) -> bool:
    """Whether removing the node would take weights away."""
    return bool(node.weights) if isinstance(node, OpNode) else brings_weights(node, has_weights)


def brings_weights(node: Node, stays: Needed) -> bool:
    """Whether the node is a call of its own weights, some of which stay."""
    if not isinstance(node, CallNode) or node.model is not None:
        return False
    return any(stays(inner) for _, inner in node.definition.graph.nodes())


def swept(definition: Definition, stays: Needed = has_weights) -> Definition:
    """The definition without the nodes that its outputs do not need and that may go."""
    graph = definition.graph
    live: set[int] = {value.node for value in definition.outputs.values()}
    dead: dict[int, Node] = {}
    for id, node in reversed(list(graph.nodes())):
        if isinstance(node, InputNode):
            live.add(id)
        elif id not in live:
            dead[id] = node
            if not stays(node):
                continue
            if isinstance(node, OpNode):  # its weights are held without what it reads
                continue
            del dead[id]
        live.add(id)
        live.update(value.node for value in graph.present(id))
    holders = [node for id, node in dead.items() if stays(node)]
    if len(dead) == len(holders) and all(map(_is_holder, holders)):
        return definition
    rebuild = Rebuild(definition)
    for id, node in graph.nodes():
        if id in live:
            rebuild.keep(id, node)
        elif isinstance(node, OpNode) and stays(node):
            for holder in _holders(node):
                rebuild.graph.add(holder)
    return rebuild.finish()


def _is_holder(node: Node) -> bool:
    return isinstance(node, OpNode) and node.op.own_path and not node.op.inputs


def _holders(node: OpNode) -> list[OpNode]:
    """A `weight` node for each weight of a node that is going."""
    if _is_holder(node):
        return [node]
    return [holder(weight, node) for weight in node.weights]


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
