"""An op's attributes, from defaults, a parameter's choice and the step itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archc.elaborate.context import StepError
from archc.elaborate.evaluate import plain_argument
from archc.elaborate.scope import Frame
from archc.elaborate.spaces import defaults_for
from archc.errors import did_you_mean
from archc.ops.attributes import Required
from archc.ops.base import Op
from archc.ops.kinds import AttributeProblem
from archc.place import Place
from archc.spec.ast import Step
from archc.spec.data import Mapping, Scalar
from archc.spec.values import Argument

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator


@dataclass(slots=True)
class Written:
    """An attribute as it was written, or as a default or a parameter gave it."""

    value: Any
    place: Place


def written_attributes(
    e: Elaborator, frame: Frame, step: Step, op_class: type[Op], chosen: dict[str, Any]
) -> dict[str, Written]:
    """Attributes from the spec's defaults, a parameter's choice and the step; the last wins."""
    result: dict[str, Written] = {}
    for name, value in defaults_for(e, frame.space, op_class.name).items():
        if name not in ("init", "freeze"):
            result[name] = Written(value, step.head_place)
    for name, value in chosen.items():
        check_name(op_class, name, step.head_place)
        result[name] = Written(value, step.head_place)
    data = step.value
    if isinstance(data, Mapping):
        for name, part in data.items():
            check_name(op_class, name, data.entries[name].key.place)
            attribute = op_class.attributes.get(name)
            symbolic = attribute.kind.symbolic if attribute else bool(op_class.open_attributes)
            result[name] = Written(e.evaluator.value(part, frame, symbolic=symbolic), part.place)
    elif isinstance(data, Scalar):
        if op_class.main is None:
            raise StepError.of(
                "E207",
                f"{op_class.name} takes no plain value",
                data.place,
                help="write attributes as a mapping, or inputs as a list",
            )
        symbolic = op_class.attributes[op_class.main].kind.symbolic
        result[op_class.main] = Written(
            e.evaluator.value(data, frame, symbolic=symbolic), data.place
        )
    return result


def check_name(op_class: type[Op], name: str, place: Place) -> None:
    """E206 for an attribute that the op does not have; its schema cannot tell those of formulas."""
    if name not in op_class.attributes and not op_class.open_attributes:
        raise StepError.of(
            "E206",
            f"{op_class.name}: no attribute '{name}'",
            place,
            help=did_you_mean(name, op_class.attributes),
        )


def converted(op_class: type[Op], attributes: dict[str, Written], step: Step) -> dict[str, Any]:
    """Every attribute's value as the op sees it."""
    values: dict[str, Any] = {}
    raw = op_class.collect({name: written.value for name, written in attributes.items()})
    for name, attribute in op_class.attributes.items():
        if name not in raw:
            if isinstance(attribute.default, Required):
                raise StepError.of(
                    "E208",
                    f"{op_class.name} needs '{name}': {attribute.doc}",
                    step.head_place,
                    help=f"write {op_class.name}: {{{name}: …}}",
                )
            values[name] = attribute.default
            continue
        try:
            values[name] = convert(attribute.kind, raw[name])
        except AttributeProblem as problem:
            place = attributes[name].place if name in attributes else step.head_place
            raise StepError.of(
                "E207", f"{op_class.name}: {name}: {problem.message}", place, help=problem.help
            ) from problem
    return values


def convert(kind: Any, value: Any) -> Any:
    """The value converted.

    A parameter that passes through is checked by its number and kept as it is.
    """
    if isinstance(value, Argument):
        if kind.typed:
            plain_argument(value)
        kind.convert(value.value)
        return value
    for item in parts_of(value):
        plain_argument(item)
    return kind.convert(value)


def parts_of(value: Any) -> Iterator[Any]:
    """What lists and records hold, in depth: only a whole attribute can pass through."""
    if isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield item
            yield from parts_of(item)
