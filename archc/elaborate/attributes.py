"""An op's attributes, from defaults, a parameter's choice and the step itself."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archc import init as initialisers
from archc.elaborate.context import StepError
from archc.elaborate.evaluate import plain_argument
from archc.elaborate.scope import Frame
from archc.elaborate.spaces import defaults_for
from archc.ops.attributes import Required
from archc.ops.base import Op
from archc.ops.kinds import AttributeProblem
from archc.place import Place
from archc.spec import slips
from archc.spec.ast import File, Step
from archc.spec.data import Data, Mapping, Scalar, holds_formula, holds_text
from archc.spec.values import Argument

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator


@dataclass(slots=True)
class Written:
    """An attribute as it was written, or as a default or a parameter gave it."""

    value: Any
    place: Place


@dataclass(slots=True)
class Applied:
    """An op with its attributes, where they were written, and the spec's defaults for it."""

    op: Op
    places: dict[str, Place]
    defaults: dict[str, Any]


@dataclass(slots=True)
class Prepared:
    """What of a step's op hangs on no parameter and no type: made once, and kept on the step.

    `pattern` is the op but for the attributes in `varying`: the data that is evaluated each time.
    `whole` is the op, where there are none of these.
    """

    file: File  # whose defaults hold, and under them those of …
    root: File
    places: dict[str, Place]
    defaults: dict[str, Any]
    pattern: Op
    varying: dict[str, tuple[Data, bool]]  # with whether a bare string in it names a dimension
    order: tuple[str, ...]  # of these, as the op declares them
    whole: Applied | None


def applied(
    e: Elaborator, frame: Frame, step: Step, op_class: type[Op], chosen: dict[str, Any]
) -> Applied:
    """The step's op with its attributes. Raises StepError, Poisoned."""
    prepared = None if chosen else prepare(e, frame, step, op_class)
    if prepared is None:
        defaults = defaults_for(e, frame.space, op_class.name)
        written = written_attributes(e, frame, step, op_class, chosen, defaults)
        op = op_class(converted(op_class, written, step))
        return Applied(op, places_of(written), defaults)
    if prepared.whole is not None:
        return prepared.whole
    found = {
        name: e.evaluator.value(data, frame, symbolic=symbolic)
        for name, (data, symbolic) in prepared.varying.items()
    }
    for name in prepared.order:
        found[name] = converted_one(op_class, name, found[name], prepared.places[name])
    return Applied(prepared.pattern.but(found), prepared.places, prepared.defaults)


def places_of(written: dict[str, Written]) -> dict[str, Place]:
    return {name: one.place for name, one in written.items()}


def prepare(e: Elaborator, frame: Frame, step: Step, op_class: type[Op]) -> Prepared | None:
    """What can be known before any parameter is; None if all attributes must be looked at anew."""
    file, root = frame.space.file, e.context.root
    known = step.prepared.get(op_class)
    if known is not None and known.file is file and known.root is root:
        return known
    given = [one.defaults.get(op_class.name) for one in (file, root)]
    if op_class.rest is not None or any(map(holds_formula, given)):
        return None
    varying = {
        name: (data, symbolic)
        for name, data in step_attributes(step, op_class)
        for symbolic in (is_symbolic(op_class, name),)
        if holds_formula(data) or (symbolic and holds_text(data))
    }
    defaults = with_inits(defaults_for(e, frame.space, op_class.name))
    try:
        written = written_attributes(e, frame, step, op_class, {}, defaults, varying)
        ready = converted(op_class, written, step, varying)
    except StepError:  # it is told in its turn, where all is evaluated
        return None
    places = places_of(written) | {name: data.place for name, (data, _) in varying.items()}
    order = tuple([name for name in op_class.attributes if name in varying])
    pattern = op_class(ready)
    whole = None if varying else Applied(pattern, places, defaults)
    found = Prepared(file, root, places, defaults, pattern, varying, order, whole)
    step.prepared[op_class] = found
    return found


def step_attributes(step: Step, op_class: type[Op]) -> Iterator[tuple[str, Data]]:
    """The step's own attributes by name; a lone value is the main one."""
    if isinstance(step.value, Mapping):
        yield from step.value.items()
    elif isinstance(step.value, Scalar):
        if op_class.main is None:
            raise StepError.of(
                "E207",
                f"{op_class.name} takes no plain value",
                step.value.place,
                help="write attributes as a mapping, or inputs as a list",
            )
        yield op_class.main, step.value


def is_symbolic(op_class: type[Op], name: str) -> bool:
    """Whether a bare string as the attribute's value is the name of a dimension."""
    attribute = op_class.attributes.get(name)
    return attribute.kind.symbolic if attribute else bool(op_class.open_attributes)


def with_inits(defaults: dict[str, Any]) -> dict[str, Any]:
    """The defaults with initialisers in place of what says them, where it says any."""
    try:
        inits = {name: initialisers.parse(value) for name, value in defaults["init"].items()}
    except (KeyError, AttributeError, ValueError):  # told where a weight has it
        return defaults
    return {**defaults, "init": inits}


def written_attributes(
    e: Elaborator,
    frame: Frame,
    step: Step,
    op_class: type[Op],
    chosen: dict[str, Any],
    defaults: dict[str, Any],
    without: Container[str] = (),
) -> dict[str, Written]:
    """Attributes from the spec's defaults, a parameter's choice and the step; the last wins."""
    result: dict[str, Written] = {}
    for name, value in defaults.items():
        if name not in ("init", "freeze"):
            result[name] = Written(value, step.head_place)
    for name, value in chosen.items():
        check_name(op_class, name, step.head_place)
        result[name] = Written(value, step.head_place)
    for name, part in step_attributes(step, op_class):
        if isinstance(step.value, Mapping):
            check_name(op_class, name, step.value.entries[name].key.place)
        if name not in without:
            symbolic = is_symbolic(op_class, name)
            value = e.evaluator.value(part, frame, symbolic=symbolic)
            result[name] = Written(value, part.place)
    return result


def check_name(op_class: type[Op], name: str, place: Place) -> None:
    """E206 for an attribute that the op does not have; its schema cannot tell those of formulas."""
    if name not in op_class.attributes and not op_class.open_attributes:
        raise StepError.of(
            "E206",
            f"{op_class.name}: no attribute '{name}'",
            place,
            help=slips.within(op_class.name, name, op_class.attributes),
        )


def converted(
    op_class: type[Op], attributes: dict[str, Written], step: Step, without: Container[str] = ()
) -> dict[str, Any]:
    """Every attribute's value as the op sees it; None for those that are left out."""
    values: dict[str, Any] = {}
    raw = op_class.collect({name: written.value for name, written in attributes.items()})
    for name, attribute in op_class.attributes.items():
        if name in without:
            values[name] = None
        elif name in raw:
            place = attributes[name].place if name in attributes else step.head_place
            values[name] = converted_one(op_class, name, raw[name], place)
        elif isinstance(attribute.default, Required):
            raise StepError.of(
                "E208",
                f"{op_class.name} needs '{name}': {attribute.doc}",
                step.head_place,
                help=f"write {op_class.name}: {{{name}: …}}",
            )
        else:
            values[name] = attribute.default
    return values


def converted_one(op_class: type[Op], name: str, value: Any, place: Place) -> Any:
    """One attribute's value as the op sees it. Raises StepError E207."""
    try:
        return convert(op_class.attributes[name].kind, value)
    except AttributeProblem as problem:
        raise StepError.of(
            "E207", f"{op_class.name}: {name}: {problem.message}", place, help=problem.help
        ) from problem


def convert(kind: Any, value: Any) -> Any:
    """The value converted.

    A parameter that passes through is checked by its number and kept as it is.
    """
    if isinstance(value, Argument):
        if kind.typed:
            plain_argument(value)
        kind.convert(value.value)
        return value
    if isinstance(value, list | tuple | dict):
        for item in parts_of(value):
            plain_argument(item)
    return kind.convert(value)


def parts_of(value: Any) -> Iterator[Any]:
    """What lists and records hold, in depth: only a whole attribute can pass through."""
    if isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield item
            yield from parts_of(item)
