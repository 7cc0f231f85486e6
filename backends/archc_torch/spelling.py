"""How the spec writes a number, where it writes a formula: what generated code then writes, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archc.ir.graph import Graph
from archc.ir.nodes import OpNode, Weight
from archc.spec.ast import Step, Template
from archc.spec.data import Mapping, Scalar
from archc.spec.data import Sequence as Items
from archc.spec.formula import Formula


def formula(data: object) -> str:
    """The formula's text, empty where the data is none."""
    if isinstance(data, Scalar) and isinstance(data.formula, Formula):
        return data.formula.text
    return ""


def attribute(node: OpNode, name: str) -> str:
    """How an attribute of an op is written."""
    data = node.step.value if node.step is not None else None
    if isinstance(data, Mapping) and name in data.entries:
        return formula(data.entries[name].value)
    return formula(data) if node.op.main == name else ""


def shape(node: OpNode) -> list[str]:
    """How each size of a weight's shape is written."""
    data = node.step.value if node.step is not None else None
    entry = data.entries.get("shape") if isinstance(data, Mapping) else None
    if entry is None or not isinstance(entry.value, Items):
        return []
    return [formula(item) for item in entry.value.items]


def beginning(node: OpNode, weight: Weight) -> str:
    """How the main number of a weight's initialiser is written."""
    given = node.step.init if node.step is not None else None
    entry = given.entries.get(weight.slot) if given is not None else None
    data = entry.value if entry is not None else None
    if isinstance(data, Mapping) and len(data.entries) == 1:
        return formula(next(iter(data.entries.values())).value)
    return ""


def number(graph: Graph, id: int) -> str:
    """How a number among a step's inputs is written: it is found by its place in the spec."""
    place = graph.node(id).place
    for user, _, _ in graph.users(id):
        step = graph.node(user).step
        for scalar in scalars(step.data) if step is not None else ():
            if scalar.place == place and formula(scalar):
                return formula(scalar)
    return ""


def scalars(data: object) -> Iterator[Scalar]:
    """All plain values in what a step says."""
    match data:
        case Scalar():
            yield data
        case Items():
            for item in data.items:
                yield from scalars(item)
        case Mapping():
            for entry in data.entries.values():
                yield from scalars(entry.value)


def conditions(template: Template, step: Step) -> tuple[tuple[str, ...], str]:
    """The conditions that a step stands under, outermost first, and a name for what they decide."""
    asked = [one for one in _above(template.steps, step, ()) or () if one.when is not None]
    named = [
        str(one.name.value)
        for one in asked
        if isinstance(one.name, Scalar) and one.name.formula is None
    ]
    return tuple(text for one in asked if (text := formula(one.when))), named[0] if named else ""


def _above(steps: Sequence[Step], wanted: Step, above: tuple[Step, ...]) -> tuple[Step, ...] | None:
    """The steps around a step and itself, outermost first."""
    for one in steps:
        chain = (*above, one)
        if one is wanted or (one.place, one.head_place) == (wanted.place, wanted.head_place):
            return chain
        found = _above(one.body, wanted, chain) if one.body is not None else None
        if found is not None:
            return found
    return None
