"""A file while it is made: nodes and values that get their names when all of them are there.

A value is an `Operand`, typed from the beginning. What it is called is only wished for: at the end
inputs, weights and outputs have their names first, and who comes later to a taken one gets a
number behind it. So lowering never looks at names, and the same program gives the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from archc.ir.types import TensorType
from archc_onnx.model import AttributeValue, Graph, Node, Tensor, ValueInfo

# Operators whose outputs are all optional: one that nothing uses is left out.
_SPARING = frozenset({"LSTM", "GRU", "RNN"})


@dataclass(eq=False, slots=True)
class Operand:
    """A value; `maker` is the node it comes from, None for an input and an initialiser."""

    type: TensorType
    body: Body
    wish: str
    maker: Draft | None = None
    name: str = ""


@dataclass(eq=False, slots=True)
class Draft:
    """A node; an absent optional input is None. `wish` is what it would like to be called."""

    op_type: str
    inputs: list[Operand | None]
    attributes: dict[str, AttributeValue | Body]
    wish: str
    doc: str = ""
    domain: str = ""
    outputs: list[Operand] = field(default_factory=list)

    def bodies(self) -> list[Body]:
        return [value for value in self.attributes.values() if isinstance(value, Body)]


@dataclass(eq=False, slots=True)
class Body:
    """A graph: the model's own, or one inside a node, which also sees the values around it."""

    name: str
    outer: Body | None = None
    nodes: list[Draft] = field(default_factory=list)
    inputs: list[Operand] = field(default_factory=list)
    outputs: list[Operand] = field(default_factory=list)

    @property
    def depth(self) -> int:
        return 0 if self.outer is None else self.outer.depth + 1

    def add(
        self,
        op_type: str,
        inputs: Iterable[Operand | None],
        types: Iterable[TensorType],
        wish: str,
        attributes: dict[str, AttributeValue | Body] | None = None,
        doc: str = "",
        domain: str = "",
    ) -> list[Operand]:
        """Adds a node after all others; returns its outputs."""
        draft = Draft(op_type, list(inputs), attributes or {}, wish, doc, domain)
        draft.outputs = [Operand(type, self, wish, draft) for type in types]
        self.nodes.append(draft)
        return draft.outputs


def deepest(bodies: Iterable[Body], otherwise: Body) -> Body:
    """The innermost of graphs that lie within each other."""
    return max(bodies, key=lambda body: body.depth, default=otherwise)


# ---- what nobody uses


def prune(body: Body, kept: Iterable[Operand] = ()) -> set[Operand]:
    """Takes out nodes that nothing uses, here and inside; returns the operands that are used."""
    live = set(kept)
    _prune(body, live)
    return live


def _prune(body: Body, live: set[Operand]) -> None:
    live.update(body.outputs)
    nodes = []
    for draft in reversed(body.nodes):
        if not live.isdisjoint(draft.outputs):
            nodes.append(draft)
            live.update(value for value in draft.inputs if value is not None)
            for inner in draft.bodies():
                _prune(inner, live)
    body.nodes = nodes[::-1]


# ---- names


class Names:
    """Names given out, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}  # the number tried next: many equal wishes are quick

    def take(self, wish: str, other: str = "") -> str:
        """The wish, or where it is taken `other`, or one of them with a number."""
        if wish not in self._taken:
            self._taken.add(wish)
            return wish
        base = other or wish
        name, number = base, self._next.get(base, 2)
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._next[base] = number
        self._taken.add(name)
        return name


def finish(
    root: Body, outputs: dict[str, Operand], initialisers: Sequence[tuple[Operand, Tensor]]
) -> tuple[Graph, dict[str, str]]:
    """The graph with everything named, and what each output is called.

    An output that an input or a weight has the name of is called `NAME.output`. `initialisers` are
    the used ones; a tensor whose name is empty gets its operand's.
    """
    names, nodes = Names(), Names()
    for operand in root.inputs:
        operand.name = names.take(operand.wish)
    for operand, tensor in initialisers:
        if tensor.name:
            operand.name = names.take(tensor.name)
    called = {}
    for name, operand in outputs.items():
        called[name] = operand.name = names.take(name, f"{name}.output")
    for operand, _ in initialisers:
        operand.name = operand.name or names.take(operand.wish)
    graph = _named(root, names, nodes)
    graph.initialisers = [_renamed(tensor, operand.name) for operand, tensor in initialisers]
    return graph, called


def _renamed(tensor: Tensor, name: str) -> Tensor:
    return tensor if tensor.name == name else Tensor(name, tensor.dtype, tensor.dims, tensor.data)


def _named(body: Body, names: Names, nodes: Names) -> Graph:
    graph = Graph(body.name)
    for operand in body.inputs:
        operand.name = operand.name or names.take(operand.wish)
    outputs = set(body.outputs)
    for draft in body.nodes:
        attributes: dict[str, AttributeValue] = {
            key: _named(value, names, nodes) if isinstance(value, Body) else value
            for key, value in draft.attributes.items()
        }
        for operand in draft.outputs:
            if not operand.name and operand.wish:
                operand.name = names.take(operand.wish, f"{operand.wish}.y")
            if operand.name and operand not in outputs:
                graph.value_infos.append(_info(operand))
        graph.nodes.append(
            Node(
                draft.op_type,
                _trimmed([value.name if value is not None else "" for value in draft.inputs]),
                _trimmed([value.name for value in draft.outputs]),
                nodes.take(draft.wish),
                draft.domain,
                attributes,
                draft.doc,
            )
        )
    graph.inputs = [_info(operand) for operand in body.inputs]
    graph.outputs = [_info(operand) for operand in body.outputs]
    return graph


def spare(body: Body, live: set[Operand]) -> None:
    """Leaves out optional outputs that nothing uses."""
    for draft in body.nodes:
        for inner in draft.bodies():
            spare(inner, live)
        if draft.op_type in _SPARING:
            for operand in draft.outputs:
                if operand not in live:
                    operand.wish = ""


def _trimmed(names: list[str]) -> list[str]:
    while names and not names[-1]:
        names.pop()
    return names


def _info(operand: Operand) -> ValueInfo:
    dims = tuple(dim if isinstance(dim, int) else str(dim) for dim in operand.type.dims)
    return ValueInfo(operand.name, operand.type.dtype, dims)
