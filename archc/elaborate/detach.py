"""The modifier `detach`: a step's values, which pass no gradient on."""

from __future__ import annotations

from dataclasses import replace

from archc.elaborate.scope import Frame, Group, Item, Reference, Tensor
from archc.ir.nodes import OpNode
from archc.ops.registry import ops
from archc.spec.ast import Step


def detached(frame: Frame, step: Step, item: Item) -> Item:
    """The step's item with every value detached."""

    def each(name: str, reference: Reference) -> Reference:
        if isinstance(reference, Group):
            return Group(tuple(each(f"{name}_{k}", one) for k, one in enumerate(reference.items)))
        if not isinstance(reference, Tensor):
            return reference
        node = OpNode(
            path=f"{item.path or 'value'}_detached_{name}",
            types=(reference.type,),
            slots=("x",),
            place=step.head_place,
            step=step,
            op=ops()["stop_gradient"].make(),
        )
        return frame.builder.tensor(frame.builder.graph.add(node, [frame.builder.bring(reference)]))

    return replace(item, outputs={name: each(name, one) for name, one in item.outputs.items()})
