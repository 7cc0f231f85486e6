"""The typed wrapper of networkx: the only file that imports it.

A definition's body is a `networkx.MultiDiGraph`: an edge from producer to user, keyed by the user's
input slot (so that `add(x, x)` can be said) and carrying the producer's output port. Nodes are
numbered in the order they are added, which is a topological order, and iteration never depends on
hashing.

What is asked most (adding, nodes, inputs, users) goes to networkx's own dictionaries, which its
documentation lays open: views and checked additions cost three to ten times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import networkx as nx

from archc.ir.nodes import Node
from archc.ir.types import TensorType


class Value(NamedTuple):
    """An output port of a node; slots of optional inputs that are absent hold None instead."""

    node: int
    port: int = 0


class Graph:
    """The nodes of one definition and the values between them."""

    def __init__(self) -> None:
        self._graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        self._next = 0

    def __len__(self) -> int:
        return len(self._graph)

    def __iter__(self) -> Iterator[int]:
        """Node ids in topological order."""
        return iter(self._graph.nodes)

    def __contains__(self, id: int) -> bool:
        return id in self._graph

    @property
    def edges(self) -> int:
        """How many slots of all nodes hold a value."""
        return int(self._graph.number_of_edges())

    def add(self, node: Node, inputs: Iterable[Value | None] = ()) -> int:
        """Adds a node after all others; its inputs are there already. Returns its id."""
        id = self._next
        self._next += 1
        graph = self._graph
        graph._node[id] = {"node": node}
        graph._succ[id] = {}
        before: dict[int, dict[int, dict[str, int]]] = {}
        graph._pred[id] = before
        for slot, value in enumerate(inputs):
            if value is not None:
                source, port = value
                if source not in before:  # one dictionary of slots, seen from both ends
                    before[source] = graph._succ[source][id] = {}
                before[source][slot] = {"port": port}
        return id

    def node(self, id: int) -> Node:
        node: Node = self._graph._node[id]["node"]
        return node

    def set_node(self, id: int, node: Node) -> None:
        """Puts another node in a node's place, with the same inputs."""
        self._graph._node[id]["node"] = node

    def nodes(self) -> Iterator[tuple[int, Node]]:
        for id, data in self._graph._node.items():
            yield id, data["node"]

    def inputs(self, id: int) -> tuple[Value | None, ...]:
        """What stands in each of the node's slots."""
        found: list[Value | None] = [None] * len(self.node(id).slots)
        for source, edges in self._graph._pred[id].items():
            for slot, data in edges.items():
                if slot < len(found):
                    found[slot] = Value(source, data["port"])
        return tuple(found)

    def present(self, id: int) -> tuple[Value, ...]:
        """The node's inputs without the absent ones."""
        return tuple([value for value in self.inputs(id) if value is not None])

    def users(self, id: int) -> tuple[tuple[int, int, int], ...]:
        """(user, slot, port) of every use of the node's outputs, in order."""
        edges = self._graph.out_edges(id, keys=True, data=True)
        return tuple(sorted((user, slot, data["port"]) for _, user, slot, data in edges))

    def type(self, value: Value) -> TensorType:
        return self.node(value.node).types[value.port]

    def rewire(self, id: int, inputs: Sequence[Value | None]) -> None:
        """Gives the node other inputs."""
        self._graph.remove_edges_from(list(self._graph.in_edges(id, keys=True)))
        for slot, value in enumerate(inputs):
            if value is not None:
                self._graph.add_edge(value.node, id, key=slot, port=value.port)

    def replace(self, old: Value, new: Value) -> None:
        """Lets every user of `old` use `new`."""
        for user, slot, port in self.users(old.node):
            if port == old.port:
                self._graph.remove_edge(old.node, user, key=slot)
                self._graph.add_edge(new.node, user, key=slot, port=new.port)

    def remove(self, id: int) -> None:
        """Takes out a node that has no users."""
        self._graph.remove_node(id)

    def sorted(self) -> list[int]:
        """Node ids in topological order, the one nearest the order of adding."""
        return list(nx.lexicographical_topological_sort(self._graph))

    @property
    def networkx(self) -> nx.MultiDiGraph[Any]:
        """A copy as plain networkx, each node with its `node` attribute."""
        return self._graph.copy()
