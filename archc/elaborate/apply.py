"""One op applied to inputs: attributes, literals, inference, weights, and the node they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archc.elaborate.context import MAX_ELEMENTS, MAX_RANK, StepError
from archc.elaborate.scope import Frame, Item, Reference, Tensor
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
from archc.elaborate.inputs import Inputs, inputs_of
from archc.elaborate.operands import bind_inputs, place_inputs, place_values
from archc.elaborate.origins import typing_error
from archc.elaborate.weights import own_weights


def apply(
    e: Elaborator,
    frame: Frame,
    step: Step,
    op_class: type[Op],
    chosen: dict[str, Any],
    given: Inputs | list[Tensor],
    path: str,
) -> Item:
    """Adds the op's node; a list of values is given by position. Raises StepError, Poisoned."""
    if op_class.training_only:
        check_update(e, step, op_class)
    attributes = applied(e, frame, step, op_class, chosen)
    op = attributes.op
    placed = None if isinstance(given, Inputs) else place_values(op, given, frame.builder)
    if placed is None:
        inputs = named(e, frame, step, op, given)
        placed = place_inputs(e, frame, op, bind_inputs(op, inputs), step)
    values, slots, types, fed = placed
    site = Site(op, types, fed)
    try:
        inferred = op.infer(site)
    except TypingError as error:
        inputs = named(e, frame, step, op, given)
        bound = bind_inputs(op, inputs)
        raise typing_error(error, frame, step, attributes.places, bound, inputs) from error
    if fed and len(fed) > len(site.used):
        unwanted = min(fed.keys() - site.used)
        raise StepError.of(
            "E307",
            f"{op.name} has no weight '{unwanted}' here",
            bind_inputs(op, named(e, frame, step, op, given))[unwanted][0].place,
            help="its attributes leave the weight out",
        )
    outputs = inferred if isinstance(inferred, tuple) else (inferred,)
    extra = (len(values) + len(outputs) + len(site.weights)) // 8
    if extra:
        e.context.spend_step(step.place, extra)
    for output in outputs:
        if len(output.dims) > MAX_RANK or output.least > MAX_ELEMENTS:
            raise too_large(output, step, frame)
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
    builder = frame.builder
    id = builder.graph.add(node, values)
    tensors: dict[str, Reference] = {}
    for port, name in enumerate(op.outputs):
        tensors[name] = Tensor(Value(id, port), outputs[port], builder)
    return Item(tensors, node=id, builder=builder, path=path)


def named(e: Elaborator, frame: Frame, step: Step, op: Op, given: Inputs | list[Tensor]) -> Inputs:
    """What the op is given, with how it was written."""
    if isinstance(given, Inputs):
        return given
    return inputs_of(e, frame, step, {}, [port.name for port in op.inputs])


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


def too_large(type: TensorType, step: Step, frame: Frame) -> StepError:
    """Why no value has such a type."""
    if type.rank > MAX_RANK:
        what = f"the value would have {type.rank} dimensions, and {MAX_RANK} are the most"
        return StepError.of("E302", what, step.head_place, notes=frame.builder.trace)
    return StepError.of(
        "E311",
        f"the value {type} would have {type.least:,} elements or more",
        step.head_place,
        notes=frame.builder.trace,
    )


__all__ = ["Inputs", "apply", "freeze"]
