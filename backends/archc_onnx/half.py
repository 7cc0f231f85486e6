"""A flat program in half precision: weights and computation float16, inputs and outputs as asked.

Numbers too large for float16 become its largest, so that a mask of -1e9 stays finite. Sines of
positions keep float32 up to their result: beyond 2048 float16 has no odd numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from archc.ir.graph import Graph, Value
from archc.ir.nodes import InputNode, Node, OpNode, ScanNode, WeightNode
from archc.ir.program import Definition, Program
from archc.ir.types import DType, TensorType
from archc.ops.attributes import Attribute
from archc.ops.base import Op
from archc.ops.kinds import Optional, TypeName
from archc.ops.registry import ops
from archc.passes.dead_code import holder

LARGEST: Final = 65504.0
_FULL: Final = frozenset({"sinusoid"})  # computed in float32


def halve(program: Program, *, io: bool = False) -> Program:
    """The flat program with float32 replaced by float16; by `io` in inputs and outputs, too."""
    definition = _definition(program.model, inside=io)
    return replace(program, models={program.main: definition})


def _definition(definition: Definition, *, inside: bool) -> Definition:
    """`inside` is whether inputs and outputs are float16, as within a scan."""
    old, new = definition.graph, Graph()
    made: dict[Value, Value] = {}
    inputs: dict[int, int] = {}
    for id, node in old.nodes():
        given = [None if value is None else made[value] for value in old.inputs(id)]
        if isinstance(node, InputNode):
            added = new.add(replace(node, types=_types(node.types) if inside else node.types))
            inputs[id] = added
            made[Value(id)] = Value(added) if inside else _cast(new, Value(added), "float16")
        elif isinstance(node, OpNode) and node.op.name in _FULL:
            given = [None if value is None else _cast(new, value, "float32") for value in given]
            added = new.add(node, given)
            made[Value(id)] = _cast(new, Value(added), "float16")
        else:
            halved = _node(node)
            if isinstance(halved, OpNode) and halved.op.name == "embedding" and halved.weights:
                table = new.add(holder(halved.weights[0], halved))  # which it has its type from
                halved = replace(halved, slots=("x", "weight"), weights=())
                given = [given[0], Value(table)]
            added = new.add(halved, given)
            made.update((Value(id, port), Value(added, port)) for port in range(len(node.types)))
    outputs = {}
    for name, value in definition.outputs.items():
        wide = not inside and old.type(value).dtype == "float32"
        outputs[name] = _cast(new, made[value], "float32") if wide else made[value]
    return replace(
        definition,
        graph=new,
        inputs=tuple(inputs[id] for id in definition.inputs),
        outputs=outputs,
    )


def _cast(graph: Graph, value: Value, to: DType) -> Value:
    """The value in the other of the two types; as it is where it has neither."""
    node, type = graph.node(value.node), graph.type(value)
    if type.dtype == to or type.dtype not in ("float16", "float32"):
        return value
    path = f"{node.path}.{to}" if len(node.types) == 1 else f"{node.path}.{value.port}.{to}"
    op = ops()["cast"].make(to=to)
    cast = OpNode(path=path, types=(type.with_dtype(to),), slots=("x",), place=node.place, op=op)
    return Value(graph.add(cast, [value]))


def _node(node: Node) -> Node:
    types = _types(node.types)
    if isinstance(node, ScanNode):
        return replace(node, types=types, definition=_definition(node.definition, inside=True))
    if isinstance(node, OpNode):
        weights = tuple(replace(w, type=_types((w.type,))[0]) for w in node.weights)
        return replace(node, types=types, op=_op(node.op, types), weights=weights)
    assert isinstance(node, WeightNode)
    return replace(node, types=types)


def _types(types: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
    return tuple(t.with_dtype("float16") if t.dtype == "float32" else t for t in types)


def _op(op: Op, types: tuple[TensorType, ...]) -> Op:
    """The op with float16 where it names float32, or makes it of numbers without a type."""
    values: dict[str, Any] = dict(op.values)
    for name, attribute in op.attributes.items():
        if values[name] == "float32" and _names_type(attribute):
            values[name] = "float16"
    if op.name == "constant" and types[0].dtype == "float16":
        values.update(dtype="float16", value=limited(values["value"]))
    elif op.name == "full" and types[0].dtype == "float16":
        values["value"] = limited(values["value"])
    return op if values == op.values else type(op)(values)


def _names_type(attribute: Attribute[Any]) -> bool:
    kind = attribute.kind
    return isinstance(kind.kind if isinstance(kind, Optional) else kind, TypeName)


def limited(value: Any) -> Any:
    """Numbers, nested or not, none of them finite and beyond float16."""
    if isinstance(value, tuple):
        return tuple(map(limited, value))
    if isinstance(value, int | float) and abs(value) != float("inf"):
        return min(max(value, -LARGEST), LARGEST)
    return value
