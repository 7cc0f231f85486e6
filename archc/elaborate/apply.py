"""One op applied to inputs: attributes, literals, inference, weights, and the node they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archc.elaborate.context import MAX_ELEMENTS, MAX_RANK, StepError
from archc.elaborate.scope import Frame, Item
from archc.ir.dims import lower_bound
from archc.ir.nodes import OpNode
from archc.ir.types import TensorType
from archc.ops.attributes import freeze
from archc.ops.base import Op
from archc.ops.site import Site, TypingError
from archc.spec.ast import Step

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
from archc.elaborate.attributes import converted, written_attributes
from archc.elaborate.inputs import Inputs
from archc.elaborate.operands import bind_inputs, place_inputs
from archc.elaborate.origins import typing_error
from archc.elaborate.weights import check_weight_names, weight


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
    attributes = written_attributes(e, frame, step, op_class, chosen)
    op = op_class(converted(op_class, attributes, step))
    bound = bind_inputs(op, inputs)
    values, slots, types, fed = place_inputs(e, frame, op, bound, step)
    site = Site(op, types, fed)
    try:
        inferred = op.infer(site)
    except TypingError as error:
        raise typing_error(error, frame, step, attributes, bound, inputs) from error
    unwanted = sorted(fed.keys() - site.used)
    if unwanted:
        raise StepError.of(
            "E307",
            f"{op.name} has no weight '{unwanted[0]}' here",
            bound[unwanted[0]][0].place,
            help="its attributes leave the weight out",
        )
    outputs = inferred if isinstance(inferred, tuple) else (inferred,)
    e.context.spend_step(step.place, (len(values) + len(outputs) + len(site.weights)) // 8)
    for output in outputs:
        check_size(output, step, frame)
    weights = tuple(
        weight(e, frame, step, op, declared, path) for declared in site.weights.values()
    )
    check_weight_names(step, op, site)
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
    tensors = {name: frame.builder.tensor(id, port) for port, name in enumerate(op.outputs)}
    return Item(dict(tensors), node=id, builder=frame.builder, path=path)


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
    elements = lower_bound(type.elements)
    if elements is not None and elements > MAX_ELEMENTS:
        raise StepError.of(
            "E311",
            f"the value {type} would have {elements:,} elements or more",
            step.head_place,
            notes=frame.builder.trace,
        )


__all__ = ["Inputs", "apply", "freeze"]
