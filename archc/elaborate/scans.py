"""Steps elaborated as definitions of their own.

Equal copies of a `do`, and `scan`, the repeat at run time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archc.elaborate.context import StepError
from archc.elaborate.feeds import reference_of
from archc.elaborate.inputs import do_inputs, input_names, inputs_of
from archc.elaborate.scope import (
    Frame,
    Item,
    Poison,
    Poisoned,
    Reference,
    Scope,
    Tensor,
    item_of,
)
from archc.ir.dims import Size
from archc.ir.graph import Value
from archc.ir.nodes import Copies, ScanNode
from archc.ir.types import TensorType
from archc.spec.ast import Step
from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator, Feed
from archc.elaborate.bodies import captured, child, enter, finish, own_arguments


def scan(e: Elaborator, frame: Frame, step: Step, path: str, fed: Feed) -> Item:
    """The step once for each position of axis 1 of the scanned inputs.

    Raises StepError, Poisoned.
    """
    assert step.scan is not None
    wanted = scanned_names(e, frame, step.scan)
    callee = input_names(e, frame, step)
    given = scan_inputs(e, frame, step, callee, fed)
    missing = [name for name in wanted if name not in dict(given)]
    if missing:
        raise StepError.of(
            "E307",
            f"'{missing[0]}' is scanned but is no input of the step",
            step.scan.place,
            help=f"its inputs are {', '.join(callee)}",
        )
    inner = child(frame, path)
    values: list[Value] = []
    length: Size | None = None
    scanned: list[int] = []
    inside: dict[str, Reference] = {}
    for name, reference in given:
        if name in wanted:
            tensor = scanned_tensor(reference, name, step)
            sliced, length = slice_type(tensor, length, step)
            scanned.append(len(values))
            values.append(frame.builder.bring(tensor))
            inside[name] = inner.builder.input(name, sliced, step.place)
        else:
            inside[name] = enter(inner.builder, reference, name, frame, values, step)
    once = replace(
        step, scan=None, repeat=None, when=None, inputs=None, value=attributes_only(step)
    )
    segment = path.rpartition(".")[2]
    item = e.once(inner, named_inputs(once, inside, inner.scope), segment, {})
    if item.poisoned:
        raise Poisoned
    return scan_item(e, frame, step, path, inner, item, values, scanned, length)


def scan_item(
    e: Elaborator,
    frame: Frame,
    step: Step,
    path: str,
    inner: Frame,
    item: Item,
    values: list[Value],
    scanned: list[int],
    length: Size | None,
) -> Item:
    assert length is not None
    builder = inner.builder
    names = [builder.graph.node(id).path for id in builder.inputs]
    outputs: dict[str, Value] = {}
    types: list[TensorType] = []
    feedback: list[tuple[int, int]] = []
    for port, (name, reference) in enumerate(item.outputs.items()):
        if not isinstance(reference, Tensor):
            raise StepError.of(
                "E202", f"the output '{name}' of a scanned step is a list", step.place
            )
        outputs[name] = builder.bring(reference)
        if name in names and names.index(name) not in scanned:
            slot = names.index(name)
            carried = builder.graph.node(builder.inputs[slot]).types[0]
            if carried != reference.type:
                raise StepError.of(
                    "E304",
                    f"'{name}' is carried from position to position, but its type changes",
                    step.head_place,
                    notes=(f"in  {carried}", f"out {reference.type}"),
                )
            feedback.append((port, slot))
            types.append(carried)
        else:
            dims = reference.type.dims
            if not dims:
                raise StepError.of(
                    "E302", f"the output '{name}' of a scanned step has no axis of items",
                    step.head_place, help="what is gathered is [N, …] at each position",
                )  # fmt: skip
            types.append(reference.type.with_dims((*dims[:1], length, *dims[1:])))
    scope = path.rpartition(".")[0]
    definition = finish(e, inner, step, path, outputs)
    node = ScanNode(
        path=path,
        types=tuple(types),
        slots=definition.input_names(),
        place=step.head_place,
        step=step,
        definition=definition,
        arguments=own_arguments(frame),
        copies=Copies(scope),
        outputs=tuple(outputs),
        feedback=tuple(feedback),
        scanned=tuple(scanned),
    )
    id = frame.builder.graph.add(node, [*values, *captured(builder, frame)])
    tensors: dict[str, Reference] = {
        name: frame.builder.tensor(id, port) for port, name in enumerate(outputs)
    }
    return Item(tensors, node=id, builder=frame.builder, path=path)


def scanned_names(e: Elaborator, frame: Frame, data: Data) -> list[str]:
    value = e.evaluator.value(data, frame)
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise StepError.of(
            "E202", "'scan' is a list of the step's inputs", data.place, help="scan: [token]"
        )
    return names


def scan_inputs(
    e: Elaborator, frame: Frame, step: Step, callee: list[str], fed: Feed
) -> list[tuple[str, Reference]]:
    """Every input of the scanned step by name, in the callee's order."""
    if step.body is not None:
        pairs = [
            (name or f"x{k or ''}", given)
            for k, (name, given) in enumerate(do_inputs(e, frame, step, fed))
        ]
    else:
        inputs = inputs_of(e, frame, step, {}, callee)
        free = [name for name in callee if name not in inputs.named]
        found = {**dict(zip(free, inputs.positional, strict=False)), **inputs.named}
        pairs = [(name, found[name]) for name in callee if name in found]
    return [(name, reference_of(given, frame)) for name, given in pairs]


def scanned_tensor(reference: Reference, name: str, step: Step) -> Tensor:
    """The value that is walked along axis 1. Raises StepError E302 where it has none, Poisoned."""
    if isinstance(reference, Poison):
        raise Poisoned
    if not isinstance(reference, Tensor) or reference.type.rank < 2:
        raise StepError.of(
            "E302", f"'{name}' is scanned along axis 1 and has none", step.head_place
        )
    return reference


def slice_type(tensor: Tensor, length: Size | None, step: Step) -> tuple[TensorType, Size]:
    """The type at one position of axis 1, and the axis' length, the same for all that is scanned.

    Raises StepError E301.
    """
    dims = tensor.type.dims
    if length is not None and length != dims[1]:
        raise StepError.of(
            "E301",
            f"scanned inputs have different lengths: {length} and {dims[1]}",
            step.head_place,
        )
    return tensor.type.with_dims((dims[0], *dims[2:])), dims[1]


def attributes_only(step: Step) -> Data | None:
    return None if isinstance(step.value, Sequence) else step.value


def named_inputs(step: Step, inside: dict[str, Reference], scope: Scope) -> Step:
    """The step with all inputs by name, each known in the inner scope."""
    entries: dict[str | int, Entry] = {}
    for name, reference in inside.items():
        item = item_of(reference)
        item.used = True
        scope.items[f"scan {name}"] = item  # no spec can write this name
        key = Scalar(name, step.place)
        entries[name] = Entry(key, Scalar(f"scan {name}", step.place))
    step.inputs = Mapping(entries, step.place)
    return step
