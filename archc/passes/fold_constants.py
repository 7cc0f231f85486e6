"""Steps whose values are known while compiling."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from archc.arrays import Array
from archc.errors import InternalError
from archc.ir.graph import Value
from archc.ir.nodes import Node, OpNode
from archc.ir.prepared import is_pure
from archc.ir.program import Definition, Program
from archc.ir.sites import spread
from archc.ir.text import output_names
from archc.ir.types import TensorType
from archc.ops.registry import ops
from archc.passes.base import Pass
from archc.passes.dead_code import Keeping, swept
from archc.passes.rebuild import Rebuild, rebuilt
from archc.spec.values import Argument


@dataclass(frozen=True)
class FoldConstants(Pass):
    """Computes what depends on constants alone, with `Op.evaluate`, and stores it as `constant`.

    1. Values of at most `limit` elements; larger ones are computed at run time as before.
    2. An op without inputs, such as a range, stays where something at run time reads it: it says
       the same as its numbers, and shorter.
    3. No weight is folded: a checkpoint may give it other values. No NaN is, since it equals
       nothing.
    """

    limit: int = 1 << 16

    def run(self, program: Program) -> Program:
        return rebuilt(program, self.definition)

    def definition(self, definition: Definition) -> Definition:
        known: dict[Value, Array] = {}
        for id, node in definition.graph.nodes():
            if isinstance(node, OpNode):
                found = self.evaluated(definition, id, node, known)
                known |= {Value(id, port): array for port, array in enumerate(found)}
        if not any(definition.graph.present(value.node) for value in known):
            return definition
        folding = _Folding(Rebuild(definition), known)
        for id, node in definition.graph.nodes():
            if Value(id) not in known or not definition.graph.present(id):
                folding.rebuild.put(id, node, folding.inputs(id))
        folding.outputs()
        return swept(folding.rebuild.finish(), Keeping())

    def evaluated(
        self, definition: Definition, id: int, node: OpNode, known: dict[Value, Array]
    ) -> tuple[Array, ...]:
        """The outputs of a node, or none where they are not to be known."""
        op, inputs = node.op, definition.graph.inputs(id)
        given = [None if value is None else known.get(value) for value in inputs]
        while given and inputs[len(given) - 1] is None:
            given.pop()
        if any(array is None for array in given) or not self.foldable(node):
            return ()
        with np.errstate(all="ignore"):
            result = op.evaluate(*cast("list[Array]", given))
        if result is None:
            return ()
        arrays = result if isinstance(result, tuple) else (result,)
        found = tuple(
            TensorType(cast(Any, array.dtype.name), tuple(map(int, array.shape)))
            for array in map(np.asarray, arrays)
        )
        if found != node.types:
            message = f"{op.name} says it gives {', '.join(map(str, node.types))}"
            raise InternalError.of("E903", f"{message}, and gives {', '.join(map(str, found))}",
                                   node.place)  # fmt: skip
        if any(array.dtype.kind == "f" and np.isnan(array).any() for array in arrays):
            return ()
        return arrays

    def foldable(self, node: OpNode) -> bool:
        """Whether the node's values are numbers, few enough, and its op a function."""
        sizes = [type.elements for type in node.types]
        few = all(isinstance(size, int) and size <= self.limit for size in sizes)
        plain = not any(isinstance(value, Argument) for value in node.op.values.values())
        fed = spread(node.op, node.slots) or {}
        own = {port.name for port in node.op.inputs}
        return (
            few
            and plain
            and not node.weights
            and fed.keys() <= own
            and is_pure(node, node.op.values)
            and all(type.dtype != "bfloat16" for type in node.types)
        )


@dataclass(eq=False)
class _Folding:
    """The graph made again, with constants where known values meet what is computed at run time."""

    rebuild: Rebuild
    known: dict[Value, Array]
    stored: dict[Value, Value] = field(default_factory=dict)

    def inputs(self, id: int) -> list[Value | None]:
        return [None if v is None else self.value(v) for v in self.rebuild.source.graph.inputs(id)]

    def outputs(self) -> None:
        """Constants for outputs that are known."""
        for value in self.rebuild.source.outputs.values():
            if value.node not in self.rebuild.made:
                ports = range(len(self.rebuild.source.graph.node(value.node).types))
                new = [self.value(Value(value.node, port)) for port in ports]
                self.rebuild.made[value.node] = tuple(new)

    def value(self, old: Value) -> Value:
        if old.node in self.rebuild.made:
            return self.rebuild.value(old)
        if old not in self.stored:
            node = self.rebuild.source.graph.node(old.node)
            self.stored[old] = Value(self.rebuild.graph.add(self.constant(node, old)))
        return self.stored[old]

    def constant(self, node: Node, old: Value) -> OpNode:
        type = node.types[old.port]
        name = output_names(node)[old.port]
        value = _tuples(self.known[old].tolist())
        op = ops()["constant"].make(value=value, dtype=type.dtype)
        path = node.path if len(node.types) == 1 else f"{node.path}.{name}"
        return OpNode(path=path, types=(type,), place=node.place, step=node.step, op=op)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
