"""A network as numbers: what a regressor can learn from about networks that were not trained.

`sizes` are few and say how large a network is, `shapes` are many and say how it is put together.
Both are those of the main model, without what no output needs; values go through `identity`, and
zeros do not count where they are added. Definitions count as often as they are called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import log1p
from typing import NamedTuple

from archc.ir.graph import Value
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, WeightNode
from archc.ir.program import Definition, Program

MANY = 8  # values that meet: of more, each kind counts once
WORDS = ("kernel", "stride", "groups", "heads")  # attributes that make an op another op here

Numbers = dict[str, float]


class Features(NamedTuple):
    """`sizes`: logarithms of parameters, MACs, depth, and of how many steps of a kind there are.

    A kind is an op with its kernel and the like, or a block; inputs that are outputs are `skips`.

    `shapes`: how many steps read which others, as logarithms, too. After Weisfeiler and Lehman
    (1968), as used for architectures by Ru et al. (2021, "Interpretable neural architecture search
    via Bayesian optimisation with Weisfeiler-Lehman kernels"), one round.
    """

    sizes: Numbers
    shapes: Numbers


def features(program: Program) -> Features:
    """The features of a program's main model."""
    model = program.model
    insides = {one: _Inside(one) for one in callees_first(model)}
    times = dict.fromkeys(reversed(insides), 0)
    times[model] = 1
    steps: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    for definition, count in times.items():  # callers come before those that they call
        for node in insides[definition].live:
            if not isinstance(node, InputNode):
                steps[label(node)] += count
            if isinstance(node, CallNode):
                times[node.definition] += count * node.count
        for shape, number in insides[definition].shapes.items():
            shapes[shape] += count * number
    depths: dict[Definition, int] = {}
    for definition in insides:
        depths[definition] = depth(definition, depths)
    sizes = {f"n {name}": log1p(count) for name, count in steps.items() if count}
    sizes |= {
        "skips": log1p(shapes["input > output"]),
        "params": log1p(program.params),
        "macs": log1p(program.macs),
        "depth": log1p(depths[model]),
    }
    return Features(sizes, {name: log1p(count) for name, count in shapes.items() if count})


def callees_first(model: Definition) -> list[Definition]:
    """All definitions that a model is made of, itself last."""
    found: dict[Definition, None] = {}

    def walk(definition: Definition) -> None:
        for call in definition.calls():
            if call.definition not in found:
                walk(call.definition)
        found[definition] = None

    walk(model)
    return list(found)


def depth(definition: Definition, known: Mapping[Definition, int]) -> int:
    """The most steps with weights on a way from an input to an output; `known` of its callees."""
    reached: dict[int, int] = {}
    for id, node in definition.graph.nodes():
        before = max((reached[value.node] for value in definition.graph.present(id)), default=0)
        own = int(isinstance(node, OpNode) and bool(node.weights))
        if isinstance(node, CallNode):
            own = node.count * known[node.definition]
        reached[id] = before + own
    return max((reached[value.node] for value in definition.outputs.values()), default=0)


class _Inside:
    """A definition's graph as values come from steps: through identities, sums and zeros."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.live: list[Node] = []
        self.shapes: Counter[str] = Counter()
        self._sources: dict[int, tuple[int, ...]] = {}
        ends = list(self.sources(definition.outputs.values()))
        self._count("output", ends)
        seen: set[int] = set()
        while ends:
            id = ends.pop()
            if id in seen:
                continue
            seen.add(id)
            node = definition.graph.node(id)
            self.live.append(node)
            sources = self.sources(definition.graph.present(id))
            if not isinstance(node, InputNode):
                self._count(label(node), sources)
            ends += sources

    def _count(self, what: str, sources: Iterable[int]) -> None:
        """A step's place: what it reads, all of it and one by one."""
        names = sorted(label(self.definition.graph.node(one)) for one in sources)
        names = names if len(names) <= MANY else sorted(set(names))
        self.shapes[f"{what}({', '.join(names)})"] += 1
        for name in names:
            self.shapes[f"{name} > {what}"] += 1

    def sources(self, values: Iterable[Value]) -> tuple[int, ...]:
        """The steps that values come from: identities are seen through, and the terms of sums."""
        return tuple(one for value in values for one in self._of(value.node))

    def _of(self, id: int) -> tuple[int, ...]:
        if id not in self._sources:
            graph = self.definition.graph
            node = graph.node(id)
            found: tuple[int, ...] = (id,)
            if isinstance(node, OpNode):
                if node.op.name in ("identity", "add"):
                    found = self.sources(graph.present(id))
                    found = found if len(found) <= MANY else tuple(dict.fromkeys(found))
                elif node.op.name == "zeros_like":
                    found = ()
            self._sources[id] = found
        return self._sources[id]


def label(node: Node) -> str:
    """What a step does, in a word or two."""
    match node:
        case OpNode(op=op):
            known = op.attributes
            said = [f"{getattr(op, word)}" for word in WORDS if word in known]
            return " ".join([op.name, *said])
        case CallNode(definition=definition):
            return definition.source or definition.name
        case WeightNode():
            return "weight"
    return "input"
