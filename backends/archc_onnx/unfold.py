"""An op without a line, lowered as the ops that it takes itself apart into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archc.ir.nodes import OpNode
from archc.ir.types import DType, TensorType
from archc.ops.base import Op, Site
from archc.ops.registry import ops
from archc_onnx.draft import Operand
from archc_onnx.line import At

Lowering = Callable[[OpNode, Mapping[str, Operand | None]], "tuple[list[Operand], At]"]


@dataclass(eq=False, slots=True)
class Unfolding:
    """What `expand` builds with: each op that it adds is lowered at once."""

    at: At
    lower: Lowering

    def op(self, name: str, *inputs: Operand | float | None, **attributes: Any) -> Operand:
        return self.outputs(name, *inputs, **attributes)[0]

    def outputs(
        self, name: str, *inputs: Operand | float | None, **attributes: Any
    ) -> tuple[Operand, ...]:
        fed = {key: value for key, value in attributes.items() if isinstance(value, Operand)}
        settings = {key: value for key, value in attributes.items() if key not in fed}
        op = ops()[name].make(**settings)
        slots = {**self._slots(op, inputs), **fed}
        types = _inferred(op, slots, fed)
        node = OpNode(
            path=f"{self.at.path}/{name}", types=types, slots=tuple(slots),
            place=self.at.node.place, step=self.at.node.step, op=op,
        )  # fmt: skip
        made, inner = self.lower(node, slots)
        self.at.drafts += inner.drafts
        return tuple(made)

    def weight(self, name: str) -> Operand:
        return self.at.weight(name)

    def _slots(
        self, op: Op, inputs: tuple[Operand | float | None, ...]
    ) -> dict[str, Operand | None]:
        """The inputs by slot; a number is of the type that the other operands share."""
        names: list[tuple[str, bool]] = []
        for port in op.inputs:
            rest = len(inputs) - len(op.inputs) + 1
            many = [f"{port.name}.{k}" for k in range(rest)] if port.variadic else [port.name]
            names += [(name, port.matched) for name in many]
        shared: DType = "float32"
        for (_, matched), value in zip(names, inputs, strict=False):
            if matched and isinstance(value, Operand):
                shared = value.type.dtype
        found: dict[str, Operand | None] = {}
        for k, (name, _) in enumerate(names):
            value = inputs[k] if k < len(inputs) else None
            if isinstance(value, int | float):
                value = self.at.emitter.scalar(value, shared)
            found[name] = value
        return found


def _inferred(
    op: Op, slots: Mapping[str, Operand | None], fed: Mapping[str, Operand]
) -> tuple[TensorType, ...]:
    types: dict[str, TensorType | tuple[TensorType, ...] | None] = {}
    for port in op.inputs:
        if port.variadic:
            found = [v for slot, v in slots.items() if slot.rpartition(".")[0] == port.name]
            types[port.name] = tuple(value.type for value in found if value is not None)
        else:
            value = slots[port.name]
            types[port.name] = None if value is None else value.type
    result = op.infer(Site(op, types, {name: value.type for name, value in fed.items()}))
    return result if isinstance(result, tuple) else (result,)
