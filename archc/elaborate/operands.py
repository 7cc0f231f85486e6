"""An op's inputs as values of the graph: binding, literals, absent ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.elaborate.context import StepError
from archc.elaborate.references import Given, Literal
from archc.elaborate.scope import Frame, Group, Poison, Poisoned, Tensor
from archc.errors import did_you_mean
from archc.ir.graph import Value
from archc.ir.types import FLOATING, INTEGRAL, DType, TensorType, holds
from archc.ops.base import Input, Op
from archc.spec import slips
from archc.spec.ast import Step
from archc.spec.values import ABSENT, Argument

if TYPE_CHECKING:
    from archc.elaborate.builder import Builder
    from archc.elaborate.elaborator import Elaborator
from archc.elaborate.inputs import Inputs

Placed = tuple[list[Value | None], tuple[str, ...], dict[str, Any], dict[str, TensorType]]


def place_values(op: Op, given: list[Tensor], builder: Builder) -> Placed | None:
    """What `place_inputs` gives for values by position, where they fit the op's inputs as they are.

    None where there are more or fewer of them, or of several element types.
    """
    ports, first = op.inputs, given[0]
    if len(ports) == len(given) == 1 and not ports[0].variadic:
        name = ports[0].name
        return [builder.bring(first)], (name,), {name: first.type}, {}
    several = len(ports) == 1 and ports[0].variadic
    if not several and (len(ports) != len(given) or any(port.variadic for port in ports)):
        return None
    for tensor in given:
        if tensor.type.dtype != first.type.dtype:
            return None
    values: list[Value | None] = [builder.bring(tensor) for tensor in given]
    if several:
        name = ports[0].name
        slots = tuple([f"{name}.{k}" for k in range(len(given))])
        return values, slots, {name: tuple([tensor.type for tensor in given])}, {}
    types = {port.name: tensor.type for port, tensor in zip(ports, given, strict=True)}
    return values, tuple(types), types, {}


def bind_inputs(op: Op, inputs: Inputs) -> dict[str, list[Given]]:
    """Which given input goes into which of the op's; fed weights come by name."""
    declared, named = op.inputs, inputs.named
    bound: dict[str, list[Given]] = {}
    rest = inputs.positional
    if rest:
        rest = list(rest) if any(port.variadic for port in declared) else spliced(rest)
        count = len(rest)
        for port in declared:
            if port.name in named or not rest:
                continue
            if port.variadic:
                bound[port.name], rest = rest, []
            else:
                bound[port.name] = [rest.pop(0)]
        if rest:
            raise StepError.of(
                "E307",
                f"{op.name} takes {_takes(declared)}, found {count} inputs",
                rest[0].place,
                label="one too many",
                help=slips.listed(op.name, [one.what for one in inputs.positional]),
            )
    for name, given in named.items():
        known = [*[port.name for port in declared], *op.weight_names]
        if name not in known:
            raise StepError.of(
                "E307",
                f"{op.name} has no input '{name}'",
                given.key or given.place,
                help=did_you_mean(name, known),
            )
        bound[name] = [given]
    for port in declared:
        if port.name not in bound and not port.optional:
            raise StepError.of(
                "E307",
                f"{op.name} needs the input '{port.name}'",
                inputs.place,
                help=f"{op.name} takes {_takes(declared)}",
            )
    return bound


def spliced(positional: list[Given]) -> list[Given]:
    """The inputs with the parts of a starred reference each at a position of its own."""
    found: list[Given] = []
    for given in positional:
        if given.starred and isinstance(given.what, Group):
            found += [
                replace(given, what=part, text=given.text.replace("*", str(k), 1), starred=False)
                for k, part in enumerate(given.what.items)
            ]
        else:
            found.append(given)
    return found


def _takes(inputs: tuple[Input, ...]) -> str:
    if not inputs:
        return "no inputs"
    words = [
        f"{i.name} …" if i.variadic else f"{i.name} (optional)" if i.optional else i.name
        for i in inputs
    ]
    return "the inputs " + ", ".join(words)


def place_inputs(
    e: Elaborator, frame: Frame, op: Op, bound: dict[str, list[Given]], step: Step
) -> Placed:
    """The slots' values and names, and the types by input and by fed weight."""
    builder = frame.builder
    matched = literal_dtype(op, bound, step, frame)
    values: list[Value | None] = []
    slots: list[str] = []
    types: dict[str, Any] = {}
    fed: dict[str, TensorType] = {}
    for port in op.inputs:
        name = port.name
        found: list[Value] = []
        for given in bound.get(name, ()):
            found += values_of(given, port, matched, frame, op)
        if port.variadic:
            if not found and not port.optional:
                raise StepError.of(
                    "E307", f"{op.name} has no inputs left: all are absent", step.head_place
                )
            slots += [f"{name}.{k}" for k in range(len(found))]
            values += found
            types[name] = tuple([builder.graph.type(value) for value in found])
            continue
        if len(found) > 1:
            raise StepError.of(
                "E307",
                f"{op.name}: the input '{name}' is one value, found a list of {len(found)}",
                bound[name][0].place,
            )
        slots.append(name)
        if found:
            values.append(found[0])
            types[name] = builder.graph.type(found[0])
        elif port.optional:
            values.append(None)
            types[name] = None
        else:
            raise absent(op, port, bound, step)
    for name in op.weight_names:
        for given in bound.get(name, ()):
            found = values_of(given, Input(name), "float32", frame, op)
            if len(found) != 1:
                raise StepError.of(
                    "E307", f"{op.name}: the weight '{name}' is one value", given.place
                )
            slots.append(name)
            values.append(found[0])
            fed[name] = builder.graph.type(found[0])
    return values, tuple(slots), types, fed


def absent(op: Op, port: Input, bound: dict[str, list[Given]], step: Step) -> StepError:
    """A required input that is there in name only."""
    given = next(iter(bound.get(port.name, [])), None)
    if given is None or given.text == "prev":
        return StepError.of(
            "E218",
            f"{op.name}: there is no value before this step",
            step.head_place,
            help="declare inputs, or name the step's input with 'in'",
        )
    return StepError.of(
        "E218",
        f"{op.name} needs '{given.text}', which is not given",
        given.place,
        help="it is optional: leave the step out with 'when: =given(…)'",
    )


def values_of(
    given: Given, port: Input, matched: DType | None, frame: Frame, op: Op
) -> list[Value]:
    """The values behind one given input: none if it is absent, several if it is a list."""
    what = given.what
    if isinstance(what, Tensor):
        return [frame.builder.bring(what)]
    if isinstance(what, Poison):
        raise Poisoned
    if what is ABSENT:
        return []
    if isinstance(what, Group):
        return [
            value
            for item in what.items
            for value in values_of(replace(given, what=item), port, matched, frame, op)
        ]
    assert isinstance(what, int | float | Argument)
    dtype = (matched if port.matched else None) or natural_dtype(what)
    number = what.value if isinstance(what, Argument) else what
    if dtype in INTEGRAL and isinstance(number, float):
        raise StepError.of(
            "E303",
            f"{op.name}: the number {number} meets values of {dtype}",
            given.place,
            help="convert them first: cast: float32",
        )
    if (dtype == "bool") != isinstance(number, bool):
        raise StepError.of(
            "E303", f"{op.name}: the literal {number} meets values of {dtype}", given.place
        )
    if not holds(dtype, number):
        raise StepError.of(
            "E303",
            f"{op.name}: the number {number} meets values of {dtype}, which do not reach so far",
            given.place,
        )
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
        for given in bound.get(port.name, ()):
            for part in given.what.items if isinstance(given.what, Group) else (given.what,):
                if isinstance(part, Tensor):
                    found.setdefault(part.type.dtype, given)
                elif isinstance(part, int | float | Argument):
                    literals.append(part)
    if len(found) > 1:
        (a, first), (b, second) = list(found.items())[:2]
        raise StepError.of(
            "E303",
            f"{op.name}: element types do not match: {first.text} is {a}, {second.text} is {b}",
            second.place,
            help=f"convert one of them: cast: {a}",
            notes=frame.builder.trace,
        )
    if found:
        return next(iter(found))
    if any(isinstance(number, float | Argument) for number in literals):
        return "float32"
    return natural_dtype(literals[0]) if literals else None
