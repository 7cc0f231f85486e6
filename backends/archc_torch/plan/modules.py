"""Every module and weight of a definition gets its place, under its name in the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.ir.graph import Value
from archc.ir.nodes import CallNode, Node, OpNode, ScanNode
from archc_torch import names, tree
from archc_torch.plan import chains, tensors
from archc_torch.plan.leaves import call_leaf, element, op_leaf, weight_leaf
from archc_torch.plan.uses import constructor, line_of
from archc_torch.sketch import Branch, Leaf, Output

if TYPE_CHECKING:
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan


def whole(p: Plan, frame: Frame) -> bool:
    """Writes the definition as an nn.Sequential.

    If it is nothing else, and its modules have no better names than numbers.
    """
    definition = frame.definition
    if len(definition.inputs) != 1 or len(definition.outputs) != 1:
        return False
    if frame.prefix or "." in definition.input_names()[0]:
        return False
    found = chain(p, frame, chains.scopes(definition.graph, ""))
    if found is None or found.entry.node != definition.inputs[0]:
        return False
    ((name, value),) = definition.outputs.items()
    numbered = (_numbered(name, child) for name, child in found.branch.children.items())
    if value != Value(found.last, 0) or not any(numbered):
        return False
    p.sketch.modules = found.branch
    p.sketch.outputs.append(Output(name, (definition.graph.type(value),), False, ()))
    return True


def _numbered(name: str, child: Branch | Leaf) -> bool:
    """Whether a module that may have weights or a class of its own is but a number."""
    return name.isdigit() and (isinstance(child, Branch) or child.weighted or bool(child.callee))


def chain(p: Plan, frame: Frame, scope: chains.Scope) -> chains.Chain | None:
    """The scope as a chain that has weights, if it is one."""
    exits = frozenset(frame.definition.outputs.values())
    graph = frame.definition.graph
    found = chains.chain(graph, scope, lambda id: element(p, frame, id), exits)
    return found if found is not None and found.weighted else None


def lay(p: Plan, frame: Frame) -> None:
    """Finds the chains and puts every module and weight of the frame into the tree."""
    graph = frame.definition.graph
    starts = _chains(p, frame)
    for id, node in graph.nodes():
        if id in starts:
            chains.close_gaps(starts[id].branch)
            tree.put(p.sketch.modules, starts[id].path, starts[id].branch, node.place)
        elif id not in frame.inside:
            _put(p, frame, id, node)
    for id, node in graph.nodes():  # before anything says where a module is
        if isinstance(node, ScanNode) and id in frame.live:
            inner = p.enter(node.definition, frame.path(node.copies.prefix))
            p.bodies[frame.number, id] = inner
            lay(p, inner)


def _chains(p: Plan, frame: Frame) -> dict[int, chains.Chain]:
    """The frame's chains by their first node, each as long as it can be."""
    starts: dict[int, chains.Chain] = {}
    stack = list(chains.scopes(frame.definition.graph, frame.prefix).nested())
    while stack:
        scope = stack.pop()
        # What lies around a loop is not its body's alone.
        shared = frame.number > 0 and len(scope.path) <= len(frame.prefix)
        found = None if shared else chain(p, frame, scope)
        if found is None or not frame.live.issuperset(scope.nodes()):
            stack += scope.nested()
            continue
        starts[found.first] = frame.chains[found.last] = found
        frame.inside |= scope.nodes()
    return starts


def _put(p: Plan, frame: Frame, id: int, node: Node) -> None:
    """Puts what stands for one node into the tree, if anything does."""

    def put(path: str, leaf: Leaf) -> None:
        tree.put(p.sketch.modules, path, leaf, node.place)

    if isinstance(node, CallNode):
        if not isinstance(node, ScanNode) and node.model is None:
            p.library.sketch(node.definition)
            leaf = call_leaf(p, frame, id, node)
            path = frame.path(node.copies.path(0))
            if path.isdigit() and not leaf.weighted:
                path = frame.paths[id] = _free(p, node.definition.source)
            put(path, leaf)
        return
    if not isinstance(node, OpNode):
        return
    if node.op.name == "constant":
        if node.types[0].rank and id in frame.live:
            frame.paths[id] = _free(p, node.path.rpartition(".")[2])
            put(frame.paths[id], tensors.constant(node))
        return
    made = None if node.op.own_path else _as_module(p, frame, id, node)
    if made is not None:
        put(frame.path(node.path), made)
        return
    for weight in node.weights:
        put(frame.path(weight.path), weight_leaf(p, frame, id, weight))


def _as_module(p: Plan, frame: Frame, id: int, node: OpNode) -> Leaf | None:
    """The op's module, where it has weights or state; None where tensors keep its weights."""
    if node.weights:
        frame.paths[id] = frame.path(node.path)
    elif line_of(node).call is not None:
        return None
    made = constructor(p, frame, id)
    assert made is not None or node.weights
    if made is None or (node.weights and frame.fed(id)):
        return None
    return op_leaf(p, frame, id, made.code)


def _free(p: Plan, name: str) -> str:
    """An attribute like this name, for what has no weights and so may be called anything."""
    return names.unique(names.safe(name, names.TAKEN), p.sketch.modules.children)
