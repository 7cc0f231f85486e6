"""Steps elaborated as definitions of their own: equal copies of a `do`, and `scan`, the repeat at run time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.elaborate.builder import Builder
from archc.elaborate.context import StepError
from archc.elaborate.scope import Frame, Group, Item, Poison, Poisoned, Reference, Scope, Tensor, item_of
from archc.ir.dims import Size
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, Copies, ScanNode
from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc.spec.ast import Step
from archc.spec.reader import Data, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator, Feed


def child(frame: Frame, path: str) -> Frame:
    """A frame whose steps go into a graph of their own and may capture what they see outside."""
    outer = frame.builder
    inner = Builder(outer.context, parent=outer, trace=outer.trace, symbols=dict(outer.symbols),
                    parameters=outer.parameters)  # fmt: skip
    return replace(frame, builder=inner, scope=Scope("", frame.scope))


def body_call(e: Elaborator, frame: Frame, step: Step, path: str, fed: Feed) -> Item:
    """A `do` as a call of a definition made of its steps. Raises StepError, Poisoned."""
    assert step.body is not None
    inner = child(frame, path)
    values: list[Value] = []
    prev: Item | None = None
    for k, (name, given) in enumerate(e.do_inputs(frame, step, fed)):
        reference = e._reference(given, frame)
        item = item_of(enter(inner.builder, reference, name or f"x{k or ''}", frame, values, step))
        item.used = True
        prev = prev or item
        if name is not None:
            inner.scope.items[name] = item
    frozen = frame.frozen or (step.freeze is not None and e.evaluator.condition(step.freeze, frame))
    last = e.steps(step.body, replace(inner, prev=prev or frame.prev, frozen=frozen))
    if not isinstance(last.first, Tensor):
        raise Poisoned
    definition = finish(e, inner, step, path, {"y": inner.builder.bring(last.first)})
    node = CallNode(
        path=path, types=tuple(definition.output_types().values()), slots=definition.input_names(),
        place=step.place, step=step, definition=definition, arguments=own_arguments(frame),
        copies=Copies(path), outputs=("y",),
    )  # fmt: skip
    id = frame.builder.add(node, [*values, *captured(inner.builder, frame)])
    return Item({"y": frame.builder.tensor(id)}, node=id, builder=frame.builder, path=path)


def own_arguments(frame: Frame) -> dict[str, Any]:
    """The enclosing definition's parameters, passed on under their own names."""
    return {name: frame.bindings[name] for name in frame.builder.parameters}


def enter(
    builder: Builder, reference: Reference, name: str, frame: Frame, values: list[Value], step: Step
) -> Reference:
    """An input of the inner definition for an outer value; `values` gathers what the call is fed."""
    if isinstance(reference, Poison):
        raise Poisoned
    if isinstance(reference, Group):
        return Group(tuple(
            enter(builder, item, f"{name}.{k}", frame, values, step) for k, item in enumerate(reference.items)
        ))  # fmt: skip
    if isinstance(reference, Tensor):
        values.append(frame.builder.bring(reference))
        return builder.input(name, reference.type, step.place)
    return reference


def finish(e: Elaborator, inner: Frame, step: Step, path: str, outputs: dict[str, Value]) -> Definition:
    name = path.replace(".", "_")
    return Definition(
        name=e.context.unique(name), kind="body", graph=inner.builder.graph, place=step.place,
        inputs=tuple(inner.builder.inputs), outputs=outputs, parameters=inner.builder.parameters, source=name,
        symbol_values=dict(inner.builder.symbols),
    )  # fmt: skip


def captured(builder: Builder, frame: Frame) -> list[Value]:
    """The outer values that the inner graph captured, as values of the frame's graph."""
    return [frame.builder.bring(tensor) for tensor in builder.captured.values()]


def scan(e: Elaborator, frame: Frame, step: Step, path: str, fed: Feed) -> Item:
    """The step once for each position of axis 1 of the scanned inputs. Raises StepError, Poisoned."""
    assert step.scan is not None
    wanted = scanned_names(e, frame, step.scan)
    callee = e.input_names(frame, step)
    given = scan_inputs(e, frame, step, callee)
    missing = [name for name in wanted if name not in dict(given)]
    if missing:
        raise StepError.of("E307", f"'{missing[0]}' is scanned but is no input of the step", step.scan.place,
                           help=f"its inputs are {', '.join(callee)}")  # fmt: skip
    inner = child(frame, path)
    values: list[Value] = []
    length: Size | None = None
    scanned: list[int] = []
    inside: dict[str, Reference] = {}
    for name, reference in given:
        if name in wanted:
            sliced, length = slice_type(reference, name, length, step)
            scanned.append(len(values))
            values.append(frame.builder.bring(reference))  # type: ignore[arg-type]
            inside[name] = inner.builder.input(name, sliced, step.place)
        else:
            inside[name] = enter(inner.builder, reference, name, frame, values, step)
    once = replace(step, scan=None, repeat=None, when=None, inputs=None, value=attributes_only(step))
    segment = path.rpartition(".")[2]
    item = e.once(inner, named_inputs(once, inside, inner.scope), segment, {})
    if item.poisoned:
        raise Poisoned
    return scan_item(e, frame, step, path, inner, item, values, scanned, length)


def scan_item(
    e: Elaborator, frame: Frame, step: Step, path: str, inner: Frame, item: Item, values: list[Value],
    scanned: list[int], length: Size | None,
) -> Item:  # fmt: skip
    assert length is not None
    builder = inner.builder
    names = [builder.graph.node(id).path for id in builder.inputs]
    outputs: dict[str, Value] = {}
    types: list[TensorType] = []
    feedback: list[tuple[int, int]] = []
    for port, (name, reference) in enumerate(item.outputs.items()):
        if not isinstance(reference, Tensor):
            raise StepError.of("E202", f"the output '{name}' of a scanned step is a list", step.place)
        outputs[name] = builder.bring(reference)
        if name in names and names.index(name) not in scanned:
            slot = names.index(name)
            carried = builder.graph.node(builder.inputs[slot]).types[0]
            if carried != reference.type:
                raise StepError.of(
                    "E304", f"'{name}' is carried from position to position, but its type changes", step.head_place,
                    notes=(f"in  {carried}", f"out {reference.type}"),
                )  # fmt: skip
            feedback.append((port, slot))
            types.append(carried)
        else:
            dims = reference.type.dims
            types.append(reference.type.with_dims((*dims[:1], length, *dims[1:])))
    scope = path.rpartition(".")[0]
    definition = finish(e, inner, step, path, outputs)
    node = ScanNode(
        path=path, types=tuple(types), slots=definition.input_names(), place=step.head_place, step=step,
        definition=definition, arguments=own_arguments(frame), copies=Copies(scope), outputs=tuple(outputs),
        feedback=tuple(feedback), scanned=tuple(scanned),
    )  # fmt: skip
    id = frame.builder.add(node, [*values, *captured(builder, frame)])
    tensors: dict[str, Reference] = {name: frame.builder.tensor(id, port) for port, name in enumerate(outputs)}
    return Item(tensors, node=id, builder=frame.builder, path=path)


def scanned_names(e: Elaborator, frame: Frame, data: Data) -> list[str]:
    value = e.evaluator.value(data, frame)
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise StepError.of("E202", "'scan' is a list of the step's inputs", data.place, help="scan: [token]")
    return names


def scan_inputs(e: Elaborator, frame: Frame, step: Step, callee: list[str]) -> list[tuple[str, Reference]]:
    """Every input of the scanned step by name, in the callee's order."""
    if step.body is not None:
        pairs = [(name or f"x{k or ''}", given) for k, (name, given) in enumerate(e.do_inputs(frame, step, {}))]
    else:
        inputs = e.inputs(frame, step, {}, bool(callee), callee[0] if callee else "")
        free = [name for name in callee if name not in inputs.named]
        found = {**dict(zip(free, inputs.positional, strict=False)), **inputs.named}
        pairs = [(name, found[name]) for name in callee if name in found]
    return [(name, e._reference(given, frame)) for name, given in pairs]


def slice_type(reference: Reference, name: str, length: Size | None, step: Step) -> tuple[TensorType, Size]:
    """The type at one position of axis 1, and the axis' length."""
    if isinstance(reference, Poison):
        raise Poisoned
    if not isinstance(reference, Tensor) or reference.type.rank < 2:
        raise StepError.of("E302", f"'{name}' is scanned along axis 1 and has none", step.head_place)
    dims = reference.type.dims
    if length is not None and length != dims[1]:
        raise StepError.of("E301", f"scanned inputs have different lengths: {length} and {dims[1]}", step.head_place)
    return reference.type.with_dims((dims[0], *dims[2:])), dims[1]


def attributes_only(step: Step) -> Data | None:
    return None if isinstance(step.value, Sequence) else step.value


def named_inputs(step: Step, inside: dict[str, Reference], scope: Scope) -> Step:
    """The step with all inputs by name, each known in the inner scope."""
    entries = {}
    from archc.spec.reader import Entry

    for name, reference in inside.items():
        item = item_of(reference)
        item.used = True
        scope.items[f"scan {name}"] = item  # no spec can write this name
        key = Scalar(name, step.place)
        entries[name] = Entry(key, Scalar(f"scan {name}", step.place))
    step.inputs = Mapping(dict(entries), step.place)
    return step
