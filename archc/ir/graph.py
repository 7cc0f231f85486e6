"""The typed wrapper of networkx: the only file that imports it.

A definition's body is a `networkx.MultiDiGraph`: an edge from producer to user, keyed by the user's
input slot (so that `add(x, x)` can be said) and carrying the producer's output port. Nodes are
numbered in the order they are added, which is a topological order, and iteration never depends on
hashing.

What is asked most (adding, nodes, inputs, users) goes to networkx's own dictionaries, which its
documentation lays open: views and checked additions cost three to ten times as much. They are made
here, and its graph around them once something else is asked of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import networkx as nx

from archc.ir.nodes import Node
from archc.ir.types import TensorType

Edges = dict[int, dict[str, int]]  # by the reader's slot, its data: the output port


class Value(NamedTuple):
    """An output port of a node; slots of optional inputs that are absent hold None instead."""

    node: int
    port: int = 0


class Graph:
    """The nodes of one definition and the values between them."""

    def __init__(self) -> None:
        self._nodes: dict[int, dict[str, Node]] = {}
        self._users: dict[int, dict[int, Edges]] = {}
        self._read: dict[int, dict[int, Edges]] = {}
        self._inputs: dict[int, tuple[Value | None, ...]] = {}  # by slot, once they are known
        self._next = 0

    @cached_property
    def _graph(self) -> nx.MultiDiGraph[int]:
        """The graph of networkx that these dictionaries are: what changes in them changes in it."""
        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        graph._node, graph._adj, graph._pred = self._nodes, self._users, self._read
        return graph

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[int]:
        """Node ids in topological order."""
        return iter(self._nodes)

    def __contains__(self, id: int) -> bool:
        return id in self._nodes

    @property
    def edges(self) -> int:
        """How many slots of all nodes hold a value."""
        return int(self._graph.number_of_edges())

    def add(self, node: Node, inputs: Iterable[Value | None] = ()) -> int:
        """Adds a node after all others; its inputs are there already. Returns its id."""
        id = self._next
        self._next += 1
        self._nodes[id] = {"node": node}
        self._users[id] = {}
        read: dict[int, Edges] = {}
        self._read[id] = read
        given = tuple(inputs)
        if len(given) == len(node.slots):
            self._inputs[id] = given
        for slot, value in enumerate(given):
            if value is not None:
                source, port = value
                if source not in read:  # one dictionary of slots, seen from both ends
                    read[source] = self._users[source][id] = {}
                read[source][slot] = {"port": port}
        return id

    def node(self, id: int) -> Node:
        return self._nodes[id]["node"]

    def set_node(self, id: int, node: Node) -> None:
        """Puts another node in a node's place, with the same inputs."""
        self._inputs.pop(id, None)
        self._nodes[id]["node"] = node

    def nodes(self) -> Iterable[tuple[int, Node]]:
        return [(id, data["node"]) for id, data in self._nodes.items()]

    def inputs(self, id: int) -> tuple[Value | None, ...]:
        """What stands in each of the node's slots."""
        if id not in self._inputs:
            found: list[Value | None] = [None] * len(self.node(id).slots)
            for source, edges in self._read[id].items():
                for slot, data in edges.items():
                    if slot < len(found):
                        found[slot] = Value(source, data["port"])
            self._inputs[id] = tuple(found)
        return self._inputs[id]

    def present(self, id: int) -> tuple[Value, ...]:
        """The node's inputs without the absent ones."""
        return tuple([value for value in self.inputs(id) if value is not None])

    def users(self, id: int) -> tuple[tuple[int, int, int], ...]:
        """(user, slot, port) of every use of the node's outputs, in order."""
        return tuple(sorted(
            (user, slot, data["port"])
            for user, edges in self._users[id].items()
            for slot, data in edges.items()
        ))  # fmt: skip

    def type(self, value: Value) -> TensorType:
        return self.node(value.node).types[value.port]

    def rewire(self, id: int, inputs: Sequence[Value | None]) -> None:
        """Gives the node other inputs."""
        self._inputs.pop(id, None)
        self._graph.remove_edges_from(list(self._graph.in_edges(id, keys=True)))
        for slot, value in enumerate(inputs):
            if value is not None:
                self._graph.add_edge(value.node, id, key=slot, port=value.port)

    def replace(self, old: Value, new: Value) -> None:
        """Lets every user of `old` use `new`."""
        for user, slot, port in self.users(old.node):
            if port == old.port:
                self._inputs.pop(user, None)
                self._graph.remove_edge(old.node, user, key=slot)
                self._graph.add_edge(new.node, user, key=slot, port=new.port)

    def remove(self, id: int) -> None:
        """Takes out a node that has no users."""
        self._inputs.pop(id, None)
        self._graph.remove_node(id)

    def sorted(self) -> list[int]:
        """Node ids in topological order, the one nearest the order of adding."""
        return list(nx.lexicographical_topological_sort(self._graph))

    @property
    def networkx(self) -> nx.MultiDiGraph[Any]:
        """A copy as plain networkx, each node with its `node` attribute."""
        return self._graph.copy()
