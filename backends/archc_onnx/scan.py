"""A scan as ONNX's Scan, whose body is a graph of its own.

Against Loop it takes the slices and stacks the outputs by itself, and is a fifth faster. Values
that are neither walked along nor carried are seen from inside, as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archc.ir.nodes import ScanNode
from archc.ir.program import Definition
from archc_onnx.draft import Body, Operand
from archc_onnx.emitter import Emitter

Inside = Callable[[Definition, Mapping[int, Operand]], list[Operand]]
"""Lowers a definition whose inputs, by their ids, are given; returns its outputs."""


def scan(
    emitter: Emitter, node: ScanNode, given: Sequence[Operand], inside: Inside, doc: str
) -> list[Operand]:
    """The node's outputs, in its order."""
    definition = node.definition
    outer, inner = emitter.body, Body(node.path, emitter.body)
    carried = [slot for _, slot in node.feedback]
    inputs: dict[int, Operand] = {}
    for slot in (*carried, *node.scanned):
        id = definition.inputs[slot]
        source = definition.input(id)
        operand = Operand(source.types[0], inner, source.path)
        inputs[id] = operand
        inner.inputs.append(operand)
    for slot, id in enumerate(definition.inputs):
        inputs.setdefault(id, given[slot])
    emitter.body = inner
    outputs = inside(definition, inputs)
    emitter.body = outer
    kept = [port for port, _ in node.feedback]
    stacked = [port for port in range(len(node.types)) if port not in kept]
    order = [*kept, *stacked]
    inner.outputs = _own(inner, [outputs[port] for port in order], node)
    made = outer.add(
        "Scan",
        [given[slot] for slot in (*carried, *node.scanned)],
        [node.types[port] for port in order],
        node.path,
        {
            "body": inner,
            "num_scan_inputs": len(node.scanned),
            "scan_input_axes": [1] * len(node.scanned),
            "scan_output_axes": [1] * len(stacked),
        },
        doc,
    )
    for port, operand in zip(order, made, strict=True):
        operand.wish = node.path if len(order) == 1 else f"{node.path}.{node.outputs[port]}"
    return [made[order.index(port)] for port in range(len(order))]


def _own(body: Body, outputs: Sequence[Operand], node: ScanNode) -> list[Operand]:
    """The outputs as values that the body itself makes, each once."""
    result: list[Operand] = []
    for operand in outputs:
        if operand.maker is None or operand.body is not body or operand in result:
            wish = f"{node.path}/output"
            operand = body.add("Identity", [operand], [operand.type], wish)[0]
        result.append(operand)
    return result
