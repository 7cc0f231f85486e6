"""One op applied to inputs: attributes, literals, inference, weights, and the node they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archc.elaborate.context import MAX_ELEMENTS, MAX_RANK, StepError
from archc.elaborate.scope import Frame, Item, Reference, Tensor
from archc.ir.dims import lower_bound
from archc.ir.graph import Value
from archc.ir.nodes import OpNode
from archc.ir.types import TensorType
from archc.ops.attributes import freeze
from archc.ops.base import Op
from archc.ops.site import Site, TypingError
from archc.spec.ast import Step

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
from archc.elaborate.attributes import applied
from archc.elaborate.inputs import Inputs
from archc.elaborate.operands import bind_inputs, lone, place_inputs
from archc.elaborate.origins import typing_error
from archc.elaborate.weights import own_weights


def apply(
    e: Elaborator,
    frame: Frame,
    step: Step,
    op_class: type[Op],
    chosen: dict[str, Any],
    inputs: Inputs,
    path: str,
) -> Item:
    """Adds the op's node. Raises StepError, Poisoned."""
    if op_class.training_only:
        check_update(e, step, op_class)
    attributes = applied(e, frame, step, op_class, chosen)
    op = attributes.op
    values: list[Value | None]
    slots: tuple[str, ...]
    fed: dict[str, TensorType] = {}
    only = lone(op, inputs)
    if only is not None:
        name = op.inputs[0].name
        values, slots, types = [frame.builder.bring(only)], (name,), {name: only.type}
    else:
        values, slots, types, fed = place_inputs(e, frame, op, bind_inputs(op, inputs), step)
    site = Site(op, types, fed)
    try:
        inferred = op.infer(site)
    except TypingError as error:
        bound = bind_inputs(op, inputs)
        raise typing_error(error, frame, step, attributes.written, bound, inputs) from error
    if len(fed) > len(site.used):
        unwanted = min(fed.keys() - site.used)
        raise StepError.of(
            "E307",
            f"{op.name} has no weight '{unwanted}' here",
            bind_inputs(op, inputs)[unwanted][0].place,
            help="its attributes leave the weight out",
        )
    outputs = inferred if isinstance(inferred, tuple) else (inferred,)
    e.context.spend_step(step.place, (len(values) + len(outputs) + len(site.weights)) // 8)
    for output in outputs:
        check_size(output, step, frame)
    weights = own_weights(e, frame, step, op, site, path, attributes.defaults)
    node = OpNode(
        path=path,
        types=outputs,
        slots=slots,
        place=step.head_place,
        step=step,
        op=op,
        weights=weights,
    )
    id = frame.builder.add(node, values)
    tensors: dict[str, Reference] = {
        name: Tensor(Value(id, port), outputs[port], frame.builder)
        for port, name in enumerate(op.outputs)
    }
    return Item(tensors, node=id, builder=frame.builder, path=path)


def check_update(e: Elaborator, step: Step, op_class: type[Op]) -> None:
    """E227 for what only the updates of a training have, in a model."""
    inside = next((one for one in reversed(e.context.open) if one.kind == "model"), None)
    if inside is None or inside.update:
        return
    draws = not op_class.inputs
    raise StepError.of(
        "E227",
        f"{op_class.name} is for the updates of a training, not for models",
        step.head_place,
        help="make it an input, and draw it in the training's 'feed'" if draws else "",
        notes=(f"in the model {inside.name}",),
    )


def check_size(type: TensorType, step: Step, frame: Frame) -> None:
    if type.rank > MAX_RANK:
        what = f"the value would have {type.rank} dimensions, and {MAX_RANK} are the most"
        raise StepError.of("E302", what, step.head_place, notes=frame.builder.trace)
    elements = least(type)
    if elements is not None and elements > MAX_ELEMENTS:
        raise StepError.of(
            "E311",
            f"the value {type} would have {elements:,} elements or more",
            step.head_place,
            notes=frame.builder.trace,
        )


def least(type: TensorType) -> int | None:
    """How many elements the value has at least; None where that is not known."""
    result = 1
    for dim in type.dims:
        bound = lower_bound(dim)
        if bound is None or bound < 0:
            return lower_bound(type.elements)
        result *= bound
    return result


__all__ = ["Inputs", "apply", "freeze"]
