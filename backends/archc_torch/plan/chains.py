"""Scopes of a graph, and which of them are chains: one module after another, an nn.Sequential."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, Node, OpNode
from archc_torch import names
from archc_torch.sketch import Branch, Leaf
from archc_torch.tree import doubled, in_order


@dataclass(eq=False, slots=True)
class Scope:
    """The nodes below a dotted path, in the graph's order."""

    path: str
    children: dict[str, Scope | int] = field(default_factory=dict)

    def put(self, segments: list[str], id: int, node: Node) -> None:
        name, *rest = segments
        if not rest:
            if name in self.children:
                raise doubled(node.path, node.place)
            self.children[name] = id
            return
        inner = self.children.setdefault(name, Scope(f"{self.path}.{name}" if self.path else name))
        if isinstance(inner, int):
            raise doubled(node.path, node.place)
        inner.put(rest, id, node)

    def nested(self) -> Iterator[Scope]:
        """The scopes directly below."""
        return (child for child in self.children.values() if isinstance(child, Scope))

    def nodes(self) -> set[int]:
        """All nodes below."""
        found = {child for child in self.children.values() if isinstance(child, int)}
        return found.union(*(child.nodes() for child in self.nested()))


@dataclass(eq=False, slots=True)
class Chain:
    """Nodes of which each takes the one value that the one before gives: an nn.Sequential."""

    path: str
    branch: Branch
    entry: Value
    first: int
    last: int
    weighted: bool


# A node's module, and whether it has weights or state; None of what is no module of one input.
Element = Callable[[int], "tuple[Leaf, bool] | None"]


def scopes(graph: Graph, prefix: str) -> Scope:
    """The tree of scopes of a graph whose names begin with `prefix`."""
    root = Scope("")
    for id, node in graph.nodes():
        if is_step(node):
            root.put([*(prefix.split(".") if prefix else []), *node.path.split(".")], id, node)
    return root


def is_step(node: Node) -> bool:
    """Whether the node is a step with a place among others, and no literal.

    A scan is one: its body's modules lie in the same scope, which is no chain then.
    """
    if isinstance(node, OpNode):
        return node.op.name != "constant"
    return isinstance(node, CallNode)


def chain(graph: Graph, scope: Scope, element: Element, exits: frozenset[Value]) -> Chain | None:
    """The scope as a chain, if it is one. `exits` are the values that are outputs."""
    branch = Branch(chain=True)
    before: Value | None = None
    entry: Value | None = None
    first = last = -1
    weighted = False
    found: tuple[Branch | Leaf, bool]
    for name, child in scope.children.items():
        if isinstance(child, Scope):
            inner = chain(graph, child, element, exits)
            if inner is None:
                return None
            found, own_first, own_last = (inner.branch, inner.weighted), inner.first, inner.last
        else:
            leaf = element(child)
            if leaf is None:
                return None
            found, own_first, own_last = leaf, child, child
        given = graph.present(own_first)
        if len(given) != 1:
            return None
        if before is not None and not (
            given[0] == before and _only_use(graph, before, own_first, exits)
        ):
            return None
        entry = entry or given[0]
        first = first if first >= 0 else own_first
        branch.children[name], more = found
        weighted = weighted or more
        before, last = Value(own_last, 0), own_last
    if entry is None or not _nameable(branch):
        return None
    if not in_order(branch):
        branch.children = _spoken(branch)
    return Chain(scope.path, branch, entry, first, last, weighted)


def close_gaps(branch: Branch) -> None:
    """Lets a chain of which no instance has but parts be there or not as a whole."""
    for child in branch.children.values():
        if isinstance(child, Branch):
            close_gaps(child)
    gaps = {child.gap and child.gap.has for child in branch.children.values()}
    if len(gaps) == 1 and None not in gaps:
        branch.gap = next(child.gap for child in branch.children.values())
        for child in branch.children.values():
            child.gap = None


def _only_use(graph: Graph, value: Value, user: int, exits: frozenset[Value]) -> bool:
    return value not in exits and [use[0] for use in graph.users(value.node)] == [user]


def _spoken(branch: Branch) -> dict[str, Branch | Leaf]:
    """The children; what is but a number and has no weights is called by what it is, `relu2`."""
    found: dict[str, Branch | Leaf] = {}
    for name, child in branch.children.items():
        if isinstance(child, Leaf) and name.isdigit() and not child.weighted and child.count == 1:
            word = child.word.removesuffix("1d").removesuffix("2d").removesuffix("3d")
            name = names.unique(f"{word}{name}", {*branch.children, *found})
        found[name] = child
    return found


def _nameable(branch: Branch) -> bool:
    return in_order(branch) or all(map(names.contained, branch.children))
