"""Parameters: defaults, types, and what a call, a variant or the command line sets them to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archc.elaborate.called import called
from archc.elaborate.context import StepError
from archc.elaborate.scope import OpChoice, Space, StepList
from archc.errors import did_you_mean
from archc.ir.dims import Dim
from archc.ops.kinds import whole
from archc.ops.registry import ops
from archc.place import Place
from archc.records import record
from archc.spec.ast import Parameter
from archc.spec.data import Data
from archc.spec.load import lookup
from archc.spec.values import Argument

SPOKEN = {
    "int": "a whole number", "float": "a number", "bool": "true or false", "str": "a string",
    "list": "a list", "record": "a record", "op": "an op or block", "steps": "a list of steps",
    "choice": "an op or block, or a record",
}  # fmt: skip

ALSO = {  # what is wanted, and what else serves
    ("str", "op"), ("list", "steps"), ("record", "choice"), ("choice", "record"), ("choice", "op"),
}  # fmt: skip


@record
class Setting:
    """A value given for a parameter, as seen from the file that gives it."""

    value: Any
    place: Place
    space: Space
    key: Place | None = None  # where its name stands


def bind(
    parameters: tuple[Parameter, ...],
    settings: Mapping[str, Setting],
    own: Space,
    evaluate: Callable[[Data, dict[str, Any]], Any],
    place: Place,
    of: str,
) -> dict[str, Any]:
    """Every parameter's value, defaults evaluated in order with the earlier parameters in view.

    `evaluate` gives the value of a default. Raises StepError E206, E207, E208.
    """
    names = [parameter.name for parameter in parameters]
    for name, given in settings.items():
        if name not in names:
            raise StepError.of(
                "E219",
                f"{of} has no parameter '{name}'",
                given.key or given.place,
                help=did_you_mean(name, names),
            )
    bound: dict[str, Any] = {}
    for parameter in parameters:
        setting = settings.get(parameter.name)
        bound[parameter.name] = bind_one(
            parameter, setting, own, lambda data: evaluate(data, bound), place, of
        )
    return bound


def bind_one(
    parameter: Parameter,
    setting: Setting | None,
    own: Space,
    evaluate: Callable[[Data], Any],
    place: Place,
    of: str,
) -> Any:
    """A parameter's value, as `bind` finds it."""
    if parameter.type is not None:
        if setting is None:
            raise StepError.of(
                "E208",
                f"{of} needs the parameter '{parameter.name}', {SPOKEN[parameter.type]}",
                place,
                notes=(f"declared at {parameter.place}",),
            )
        return fit(setting, parameter.type, parameter)
    default = evaluate(parameter.default)
    wanted = type_of(default, own)
    if setting is not None:
        return fit(setting, wanted, parameter)
    return choose(default, own) if wanted == "op" else default


def type_of(value: Any, space: Space) -> str:
    """A parameter's type, by its default.

    A string that names an op or a block makes an op of it. A record whose one key names one may be
    an op with its attributes, or a record: a choice.
    """
    match value:
        case bool():
            return "bool"
        case int() | Dim():
            return "int"
        case float() | Argument():
            return "float"
        case str():
            return "op" if isinstance(value, OpChoice) or names_op(value, space) else "str"
        case StepList():
            return "steps"
        case list():
            return "list"
        case dict():
            return "choice" if choose(value, space) is not None else "record"
    return "any"


def names_op(name: str, space: Space) -> bool:
    return called(space.file, name) is not None


def fit(setting: Setting, wanted: str, parameter: Parameter) -> Any:
    """The set value as the parameter's type. Raises StepError E207."""
    value = setting.value
    found = type_of(value, setting.space)
    if wanted == "op":
        choice = choose(value, setting.space)
        if choice is not None:
            return choice
        what = value if isinstance(value, str) else "this"
        raise StepError.of(
            "E204",
            f"{parameter.name}: no op or block '{what}'",
            setting.place,
            help=did_you_mean(str(what), ops()),
        )
    if wanted == "any" or found == wanted or (wanted, found) in ALSO:
        return value
    if wanted == "float" and found == "int" and not isinstance(value, Dim):
        return float(value)
    is_number = found == "float" and not isinstance(value, Argument)
    help = whole(value) if wanted == "int" and is_number else ""
    raise StepError.of(
        "E207",
        f"{parameter.name}: expected {SPOKEN[wanted]}, found {SPOKEN.get(found, 'nothing')}",
        setting.place,
        help=help,
        notes=(f"declared at {parameter.place}",),
    )


def choose(value: Any, space: Space) -> OpChoice | None:
    """A value as an op: its name, or its name with attributes; None if it is neither."""
    if isinstance(value, OpChoice):
        return value
    if isinstance(value, str):
        return OpChoice.of(value, {}, space) if names_op(value, space) else None
    if isinstance(value, dict) and len(value) == 1:
        (name, attributes), *_ = value.items()
        if isinstance(name, str) and names_op(name, space):
            if isinstance(attributes, dict):
                return OpChoice.of(name, attributes, space)
            if attributes is None:
                return OpChoice.of(name, {}, space)
            first = main_of(name, space)
            if first is not None:
                return OpChoice.of(name, {first: attributes}, space)
    return None


def main_of(name: str, space: Space) -> str | None:
    """What a lone value sets: an op's main attribute, a block's first parameter."""
    template = lookup(space.file, name)
    if template is not None:
        return template.parameters[0].name if template.parameters else None
    return ops()[name].main


def key_of(value: Any) -> Any:
    """A parameter's value as part of what tells definitions apart."""
    match value:
        case OpChoice():
            return ("op", str(value), key_of(value.attributes), value.space.key)
        case StepList():
            return ("steps", tuple(map(id, value.steps)), key_of(value.bindings), value.space.key)
        case dict():
            return tuple((str(name), key_of(item)) for name, item in value.items())
        case list() | tuple():
            return tuple(map(key_of, value))
        case Argument():
            return ("argument", value.name)
        case bool() | int() | float():
            return (type(value).__name__, value)
    return value
