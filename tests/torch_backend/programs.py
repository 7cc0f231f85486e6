"""What the tests of the PyTorch backend share: programs of one op, and their inputs and weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ops.cases import Case, inferred, substituted

from archc.ir.dims import symbol
from archc.ir.graph import Graph, Value
from archc.ir.nodes import InputNode, OpNode, Weight
from archc.ir.program import Definition, Program
from archc.ir.types import FLOATING, TensorType

Arrays = dict[str, np.ndarray[Any, Any]]


def program_of(case: Case) -> Program:
    """A model that applies an example's op to inputs called as its slots; fed weights are inputs
    too.

    The sizes of a last input, which nothing reads, tell the symbols that stand in attributes alone.
    """
    op, site, graph = case.op, case.site(), Graph()
    types = inferred(site)
    slots: list[str] = []
    values: list[Value | None] = []
    inputs: list[int] = []

    def given(name: str, type: TensorType) -> Value:
        inputs.append(graph.add(InputNode(path=name, types=(type,), name=name)))
        return Value(inputs[-1])

    for port in op.inputs:
        parts = case.inputs.get(port.name, ())
        named = [f"{port.name}.{k}" for k in range(len(parts))] if port.variadic else [port.name]
        slots += named
        values += [given(name, part.type) for name, part in zip(named, parts, strict=False)]
        values += [None] * (len(named) - len(parts))
    for name, part in case.fed.items():
        slots.append(name)
        values.append(given(name, part.type))
    weights = tuple(
        Weight(
            name,
            "step" if op.own_path else f"step.{name}",
            weight.type,
            weight.init,
            buffer := weight.buffer or weight.type.dtype not in FLOATING,
            trained=not buffer,
            value=weight.value,
        )
        for name, weight in site.weights.items()
    )
    node = OpNode(path="step", types=types, slots=tuple(slots), op=op, weights=weights)
    id = graph.add(node, values)
    known = {name for one in inputs for name in graph.node(one).types[0].symbols}
    unknown = [name for name in case.symbols if name not in known]
    if unknown:
        given("sizes", TensorType("bool", tuple(map(symbol, unknown))))
    outputs = {f"out_{name}": Value(id, port) for port, name in enumerate(op.outputs)}
    model = Definition("m", "model", graph, inputs=tuple(inputs), outputs=outputs, source="m")
    return Program("m", {"m": model}, "m", prefixed=False)


def feeds_of(case: Case, program: Program, binding: Mapping[str, int]) -> Arrays:
    """The example's random inputs, and its weights where they are fed, by the model's inputs."""
    given: dict[str, Any] = dict(case.arrays(binding))
    weights = case.weights(binding)
    feeds: Arrays = {}
    for name, type in program.model.input_types().items():
        base, _, place = name.rpartition(".")
        if name == "sizes":
            feeds[name] = np.zeros(
                [int(str(size)) for size in substituted(type, binding).dims], bool
            )
        elif base:
            feeds[name] = given[base][int(place)].numpy()
        else:
            feeds[name] = given.get(name, weights.get(name)).numpy()
    return feeds


def weights_of(case: Case, binding: Mapping[str, int]) -> Arrays:
    """The weights that the op declares, by their names in `program_of`."""
    return {
        "step" if case.op.own_path else f"step.{name}": value.numpy()
        for name, value in case.weights(binding).items()
        if name not in case.fed
    }
