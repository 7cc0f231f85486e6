"""One op applied to inputs: attributes, literals, inference, weights, and the node they make."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archc import init as initialisers
from archc.elaborate.context import MAX_ELEMENTS, MAX_WEIGHT, StepError
from archc.elaborate.evaluate import plain_argument
from archc.elaborate.references import Given, Literal
from archc.elaborate.scope import Frame, Group, Item, Poison, Poisoned, Tensor
from archc.errors import did_you_mean
from archc.ir.dims import lower_bound
from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, InputNode, OpNode, Weight, WeightRef
from archc.ir.types import FLOATING, INTEGRAL, DType, TensorType
from archc.ops.attributes import AttributeProblem, Required, freeze
from archc.ops.base import Input, Op, Site, TypingError, WeightType
from archc.place import Place
from archc.spec.ast import Step
from archc.spec.formula import ABSENT, Argument
from archc.spec.reader import Data, Mapping, Scalar

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator


@dataclass(slots=True)
class Inputs:
    """What a step is given: by position, by name, and where the first stands."""

    positional: list[Given]
    named: dict[str, Given]
    place: Place


@dataclass(slots=True)
class Written:
    """An attribute as it was written, or as a default or a parameter gave it."""

    value: Any
    place: Place


def apply(
    e: Elaborator, frame: Frame, step: Step, op_class: type[Op], chosen: dict[str, Any], inputs: Inputs, path: str
) -> Item:
    """Adds the op's node. Raises StepError, Poisoned."""
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
            "E307", f"{op.name} has no weight '{unwanted[0]}' here", bound[unwanted[0]][0].place,
            help="its attributes leave the weight out",
        )  # fmt: skip
    outputs = inferred if isinstance(inferred, tuple) else (inferred,)
    for output in outputs:
        check_size(output, step, frame)
    weights = tuple(weight(e, frame, step, op, declared, path) for declared in site.weights.values())
    check_weight_names(step, op, site)
    node = OpNode(
        path=path, types=outputs, slots=slots, place=step.head_place, step=step, op=op, weights=weights
    )  # fmt: skip
    id = frame.builder.add(node, values)
    tensors = {name: frame.builder.tensor(id, port) for port, name in enumerate(op.outputs)}
    return Item(dict(tensors), node=id, builder=frame.builder, path=path)


def check_size(type: TensorType, step: Step, frame: Frame) -> None:
    elements = lower_bound(type.elements)
    if elements is not None and elements > MAX_ELEMENTS:
        raise StepError.of(
            "E311", f"the value {type} would have {elements:,} elements or more", step.head_place,
            notes=frame.builder.trace,
        )  # fmt: skip


def written_attributes(
    e: Elaborator, frame: Frame, step: Step, op_class: type[Op], chosen: dict[str, Any]
) -> dict[str, Written]:
    """The attributes from the spec's defaults, a parameter's choice, and the step, in rising order."""
    result: dict[str, Written] = {}
    for name, value in e.defaults(frame.space, op_class.name).items():
        if name not in ("init", "freeze"):
            result[name] = Written(value, step.head_place)
    for name, value in chosen.items():
        if name not in op_class.attributes and not op_class.open_attributes:
            raise StepError.of(
                "E206", f"{op_class.name}: no attribute '{name}'", step.head_place,
                help=did_you_mean(name, op_class.attributes),
            )  # fmt: skip
        result[name] = Written(value, step.head_place)
    data = step.value
    if isinstance(data, Mapping):
        for name, entry in data.entries.items():
            attribute = op_class.attributes.get(str(name))
            symbolic = attribute.kind.symbolic if attribute else bool(op_class.open_attributes)
            value = e.evaluator.value(entry.value, frame, symbolic=symbolic)
            result[str(name)] = Written(value, entry.value.place)
    elif isinstance(data, Scalar):
        if op_class.main is None:
            raise StepError.of(
                "E207", f"{op_class.name} takes no plain value", data.place,
                help="write attributes as a mapping, or inputs as a list",
            )  # fmt: skip
        symbolic = op_class.attributes[op_class.main].kind.symbolic
        result[op_class.main] = Written(e.evaluator.value(data, frame, symbolic=symbolic), data.place)
    return result


def converted(op_class: type[Op], attributes: dict[str, Written], step: Step) -> dict[str, Any]:
    """Every attribute's value as the op sees it."""
    values: dict[str, Any] = {}
    raw = op_class.collect({name: written.value for name, written in attributes.items()})
    for name, attribute in op_class.attributes.items():
        if name not in raw:
            if isinstance(attribute.default, Required):
                raise StepError.of(
                    "E208", f"{op_class.name} needs '{name}': {attribute.doc}", step.head_place,
                    help=f"write {op_class.name}: {{{name}: …}}",
                )  # fmt: skip
            values[name] = attribute.default
            continue
        try:
            values[name] = convert(attribute.kind, raw[name])
        except AttributeProblem as problem:
            place = attributes[name].place if name in attributes else step.head_place
            raise StepError.of("E207", f"{op_class.name}: {name}: {problem.message}", place, help=problem.help) from problem
    return values


def convert(kind: Any, value: Any) -> Any:
    """The value converted; a parameter that passes through is checked by its number and kept as it is."""
    if isinstance(value, Argument):
        if kind.typed:
            plain_argument(value)
        kind.convert(value.value)
        return value
    return kind.convert(value)


def bind_inputs(op: Op, inputs: Inputs) -> dict[str, list[Given]]:
    """Which given input goes into which of the op's; fed weights come by name."""
    declared = op.inputs
    bound: dict[str, list[Given]] = {}
    rest = list(inputs.positional)
    for port in declared:
        if port.name in inputs.named or not rest:
            continue
        if port.variadic:
            bound[port.name], rest = rest, []
        else:
            bound[port.name] = [rest.pop(0)]
    if rest:
        raise StepError.of(
            "E307", f"{op.name} takes {_takes(declared)}, found {len(inputs.positional)} inputs", rest[0].place,
            label="one too many",
        )  # fmt: skip
    known = [*(port.name for port in declared), *op.weight_names]
    for name, given in inputs.named.items():
        if name not in known:
            raise StepError.of("E307", f"{op.name} has no input '{name}'", given.key or given.place,
                               help=did_you_mean(name, known))  # fmt: skip
        bound[name] = [given]
    for port in declared:
        if port.optional or (port.variadic and bound.get(port.name)):
            continue
        if not bound.get(port.name):
            raise StepError.of(
                "E307", f"{op.name} needs the input '{port.name}'", inputs.place,
                help=f"{op.name} takes {_takes(declared)}",
            )  # fmt: skip
    return bound


def _takes(inputs: tuple[Input, ...]) -> str:
    if not inputs:
        return "no inputs"
    words = [f"{i.name} …" if i.variadic else f"{i.name} (optional)" if i.optional else i.name for i in inputs]
    return "the inputs " + ", ".join(words)


def place_inputs(
    e: Elaborator, frame: Frame, op: Op, bound: dict[str, list[Given]], step: Step
) -> tuple[list[Value | None], tuple[str, ...], dict[str, Any], dict[str, TensorType]]:
    """The slots' values and names, and the types by input and by fed weight."""
    builder = frame.builder
    matched = literal_dtype(op, bound, step, frame)
    values: list[Value | None] = []
    slots: list[str] = []
    types: dict[str, Any] = {}
    fed: dict[str, TensorType] = {}
    for port in op.inputs:
        found: list[Value] = []
        for given in bound.get(port.name, []):
            found += values_of(given, port, matched, frame, op)
        if port.variadic:
            if not found and not port.optional:
                raise StepError.of("E307", f"{op.name} has no inputs left: all are absent", step.head_place)
            slots += [f"{port.name}.{k}" for k in range(len(found))]
            values += found
            types[port.name] = tuple(builder.graph.type(value) for value in found)
            continue
        if len(found) > 1:
            raise StepError.of("E307", f"{op.name}: the input '{port.name}' is one value, found a list of {len(found)}",
                               bound[port.name][0].place)  # fmt: skip
        if not found and not port.optional:
            raise absent(op, port, bound, step)
        slots.append(port.name)
        values.append(found[0] if found else None)
        types[port.name] = builder.graph.type(found[0]) if found else None
    for name in op.weight_names:
        for given in bound.get(name, []):
            found = values_of(given, Input(name), "float32", frame, op)
            if len(found) != 1:
                raise StepError.of("E307", f"{op.name}: the weight '{name}' is one value", given.place)
            slots.append(name)
            values.append(found[0])
            fed[name] = builder.graph.type(found[0])
    return values, tuple(slots), types, fed


def absent(op: Op, port: Input, bound: dict[str, list[Given]], step: Step) -> StepError:
    """A required input that is there in name only."""
    given = next(iter(bound.get(port.name, [])), None)
    if given is None or given.text == "prev":
        return StepError.of("E218", f"{op.name}: there is no value before this step", step.head_place,
                            help="declare inputs, or name the step's input with 'in'")  # fmt: skip
    return StepError.of("E218", f"{op.name} needs '{given.text}', which is not given", given.place,
                        help="it is optional: leave the step out with 'when: =given(…)'")  # fmt: skip


def values_of(given: Given, port: Input, matched: DType | None, frame: Frame, op: Op) -> list[Value]:
    """The values behind one given input: none if it is absent, several if it is a list."""
    what = given.what
    if isinstance(what, Poison):
        raise Poisoned
    if what is ABSENT:
        return []
    if isinstance(what, Tensor):
        return [frame.builder.bring(what)]
    if isinstance(what, Group):
        return [value for item in what.items for value in values_of(replace(given, what=item), port, matched, frame, op)]
    assert isinstance(what, int | float | Argument)
    dtype = (matched if port.matched else None) or natural_dtype(what)
    number = what.value if isinstance(what, Argument) else what
    if dtype in INTEGRAL and isinstance(number, float):
        raise StepError.of(
            "E303", f"{op.name}: the number {number} meets values of {dtype}", given.place,
            help="convert them first: cast: float32",
        )  # fmt: skip
    if (dtype == "bool") != isinstance(number, bool):
        raise StepError.of("E303", f"{op.name}: the literal {number} meets values of {dtype}", given.place)
    if isinstance(number, int) and not isinstance(number, bool) and dtype in FLOATING:
        what = float(number)
    return [frame.builder.constant(what, dtype, given.place)]


def natural_dtype(number: Literal) -> DType:
    if isinstance(number, bool):
        return "bool"
    return "int64" if isinstance(number, int) else "float32"


def literal_dtype(op: Op, bound: dict[str, list[Given]], step: Step, frame: Frame) -> DType | None:
    """The one element type of an op's matched inputs; literals adopt it, and mixing is an error."""
    found: dict[DType, Given] = {}
    literals: list[Literal] = []
    for port in op.inputs:
        if not port.matched:
            continue
        for given in bound.get(port.name, []):
            for part in given.what.items if isinstance(given.what, Group) else [given.what]:
                if isinstance(part, Tensor):
                    found.setdefault(part.type.dtype, given)
                elif isinstance(part, int | float | Argument):
                    literals.append(part)
    if len(found) > 1:
        (a, first), (b, second) = list(found.items())[:2]
        raise StepError.of(
            "E303", f"{op.name}: element types do not match: {first.text} is {a}, {second.text} is {b}", second.place,
            help=f"convert one of them: cast: {a}", notes=frame.builder.trace,
        )  # fmt: skip
    if found:
        return next(iter(found))
    if any(isinstance(number, float | Argument) for number in literals):
        return "float32"
    return natural_dtype(literals[0]) if literals else None


def weight(e: Elaborator, frame: Frame, step: Step, op: Op, declared: WeightType, path: str) -> Weight:
    """A declared weight with the step's modifiers: initialiser, tie, freeze."""
    defaults = e.defaults(frame.space, op.name)
    init, tie = declared.init, None
    chosen = step.init.get(declared.name) if step.init else None
    if chosen is not None:
        init = parse_init(e.evaluator.value(chosen, frame), chosen)
    elif declared.name in (defaults.get("init") or {}):
        init = parse_init(defaults["init"][declared.name], step.data)
    frozen = frame.frozen or bool(defaults.get("freeze"))
    if step.freeze is not None:
        frozen = e.evaluator.condition(step.freeze, frame)
    elements = declared.type.elements
    assert isinstance(elements, int)
    if elements > MAX_WEIGHT:
        raise StepError.of(
            "E311", f"the weight '{declared.name}' would have {elements:,} numbers", step.head_place,
            notes=frame.builder.trace,
        )  # fmt: skip
    unfit = initialisers.problem(init, tuple(map(int, declared.type.dims)), declared.type.dtype)  # type: ignore[arg-type]
    if unfit is not None and declared.value is None:
        place = chosen.place if chosen is not None else step.head_place
        raise StepError.of("E207", f"{op.name}: {declared.name}: {unfit}", place)
    own = path if op.own_path else f"{path}.{declared.name}"
    if declared.type.dtype not in FLOATING and not (frozen or declared.buffer):
        raise StepError.of(
            "E303", f"a weight of {declared.type.dtype} cannot be trained", step.head_place, help="add freeze: true"
        )
    if step.tie is not None and declared.name in step.tie:
        data = step.tie.entries[declared.name].value
        tie = tied(e, frame, data, declared)
    return Weight(
        slot=declared.name, path=own, type=declared.type, init=init, buffer=declared.buffer or (frozen and op.own_path),
        trained=not frozen and not declared.buffer, tie=tie, value=declared.value,
    )  # fmt: skip


def parse_init(value: Any, data: Data) -> initialisers.Init:
    for part in value.values() if isinstance(value, AbstractMapping) else ():
        plain_argument(part)
    try:
        return initialisers.parse(value)
    except ValueError as error:
        raise StepError.of("E207", f"init: {error}", data.place) from error


def tied(e: Elaborator, frame: Frame, data: Data, declared: WeightType) -> WeightRef:
    from archc.elaborate.references import weight_reference

    text = e.evaluator.value(data, frame)
    found = weight_reference(e, text, data.place, frame) if isinstance(text, str) else None
    if found is None:
        raise StepError.of(
            "E313", f"there is no weight '{text}' to tie to", data.place,
            help="a weight's name is its step's path and its own: wte.weight",
        )  # fmt: skip
    ref, type, builder = found
    if builder is not frame.builder and ref.model is None:
        raise StepError.of("E313", f"the weight '{text}' is outside the repeated steps", data.place)
    if type != declared.type:
        raise StepError.of(
            "E310", "tied weights have different shapes", data.place, label=f"{type}",
            notes=(f"{declared.name} is {declared.type}",),
        )  # fmt: skip
    return ref


def check_weight_names(step: Step, op: Op, site: Site) -> None:
    """`tie` and `init` name weights that the op has."""
    for written in (step.tie, step.init):
        for name, entry in written.entries.items() if written else ():
            if name not in site.weights:
                raise StepError.of(
                    "E313", f"{op.name} has no weight '{name}' here", entry.key.place,
                    help=did_you_mean(str(name), site.weights),
                )  # fmt: skip


def typing_error(
    error: TypingError, frame: Frame, step: Step, attributes: dict[str, Written], bound: dict[str, list[Given]],
    inputs: Inputs,
) -> StepError:  # fmt: skip
    """An op's complaint, at the attribute or input it is about, with the origin of every shape involved."""
    place = step.head_place
    if error.about in attributes:
        place = attributes[error.about].place
    elif error.about in bound and error.about in inputs.named:
        place = bound[error.about][0].place
    given = [part for parts in bound.values() for part in parts]
    notes = [*error.notes, *origins(given), *frame.builder.trace]
    return StepError.of(error.code, error.message, place, label=error.label, help=error.help, notes=notes)


def origins(given: list[Given]) -> list[str]:
    """A line for each input: its shape, and the step that gave it that shape."""
    rows = [(part.text, part.what) for part in given if isinstance(part.what, Tensor)]
    if not rows:
        return []
    wide = max(len(text) for text, _ in rows)
    shapes = [tensor.type.shape_text for _, tensor in rows]
    wider = max(map(len, shapes))
    return [
        f"{text:<{wide}}  {shape:<{wider}}  {origin(tensor.builder.graph, tensor.value)}"
        for (text, tensor), shape in zip(rows, shapes, strict=True)
    ]


def origin(graph: Graph, value: Value) -> str:
    """Where a value got its shape: back through the ops that keep their input's type."""
    node = graph.node(value.node)
    while isinstance(node, OpNode) and node.op.inputs:
        first = next(iter(graph.present(value.node)), None)
        if first is None or graph.type(first) != node.types[value.port]:
            break
        value = first
        node = graph.node(value.node)
    if isinstance(node, InputNode):
        return f"from the input {node.name}"
    what = node.op.name if isinstance(node, OpNode) else node.definition.source if isinstance(node, CallNode) else ""
    where = f" at {node.place}" if node.place else ""
    return f"from {what}{where}{_main_text(node.step)}"


def _main_text(step: Step | None) -> str:
    """The attribute that most likely made the shape, as it was written."""
    data = step.value if step else None
    if isinstance(data, Mapping):
        entry = next((data.entries[key] for key in ("out", "dim", "hidden", "shape", "size") if key in data.entries), None)
        if entry is not None and isinstance(entry.value, Scalar):
            return f" ({entry.key.value}: {entry.value.value})"
    if isinstance(data, Scalar) and data.value is not None:
        return f" ({data.value})"
    return ""


__all__ = ["Inputs", "apply", "freeze"]
