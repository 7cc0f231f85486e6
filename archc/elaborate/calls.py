"""Calls of blocks and models.

Arguments are bound, and the definition is elaborated once for equal ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archc.elaborate.context import StepError
from archc.elaborate.params import Setting
from archc.elaborate.scope import (
    Frame,
    Group,
    Item,
    Poisoned,
    Reference,
    Space,
    StepList,
    Tensor,
)
from archc.elaborate.spaces import file_space, parse_steps, space_of
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, Copies
from archc.place import Place
from archc.spec.ast import Parameter, Step, Template
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.values import Argument, NeedsValue

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
from archc.elaborate.define import define
from archc.elaborate.feeds import feed, parts
from archc.elaborate.inputs import Inputs


def call(
    e: Elaborator,
    frame: Frame,
    step: Step,
    template: Template,
    chosen: dict[str, Any],
    inputs: Inputs,
    path: str,
) -> Item:
    """Adds a call of the template. Raises StepError, Poisoned."""
    for modifier, data in (("tie", step.tie), ("init", step.init)):
        if data is not None:
            raise StepError.of(
                "E313", f"'{modifier}' is for ops, not for the block '{template.name}'", data.place
            )
    whole = is_whole_file(template, frame.space)
    parameters = template.file.parameters if whole else template.parameters
    settings = settings_of(e, frame, step, template, parameters, chosen)
    if whole:
        space, settings = file_space(e, template.file, settings, step.head_place), {}
    else:
        space = space_of(e, template, frame.space)
    fed = feed(e, template, space, inputs, frame, step)
    frozen = e.evaluator.frozen(step, frame)
    builder = frame.builder
    uses = ((path, step.head_place), *builder.uses)
    definition, arguments = define(
        e, template, space, settings, fed, frozen, step.head_place, uses, builder.used_at,
        builder.model_symbols,
    )  # fmt: skip
    if definition is None:
        raise Poisoned
    values = [builder.bring(part) for one in fed for part in parts(one.reference)]
    node = CallNode(
        path=path,
        types=tuple(definition.output_types().values()),
        slots=definition.input_names(),
        place=step.head_place,
        step=step,
        definition=definition,
        arguments=arguments,
        copies=Copies(path),
        model=template.name if template.kind == "model" and not whole else None,
        outputs=tuple(definition.outputs),
    )
    id = builder.graph.add(node, values)
    return call_item(frame, id, node, path)


def is_whole_file(template: Template, space: Space) -> bool:
    """Whether the template is another file's own graph; the file's parameters are its own."""
    return template is template.file.root and template.file is not space.file


def call_item(frame: Frame, id: int, node: CallNode, path: str) -> Item:
    """A call's outputs by name; the parts of a list output are grouped again."""
    outputs: dict[str, Reference] = {}
    for port, name in enumerate(node.outputs):
        tensor = Tensor(Value(id, port), node.types[port], frame.builder)
        group = node.definition.grouped.get(name)
        if group is None:
            outputs[name] = tensor
        else:
            before = outputs.get(group)
            outputs[group] = Group((*(before.items if isinstance(before, Group) else ()), tensor))
    return Item(outputs, node=id, builder=frame.builder, path=path)


def settings_of(
    e: Elaborator,
    frame: Frame,
    step: Step,
    template: Template,
    parameters: tuple[Parameter, ...],
    chosen: dict[str, Any],
) -> dict[str, Setting]:
    """The arguments that the step and a parameter's choice give."""
    found = {name: Setting(value, step.head_place, frame.space) for name, value in chosen.items()}
    data = step.value
    if isinstance(data, Mapping):
        for key, entry in data.entries.items():
            wanted = next((p.type for p in parameters if p.name == key), None)
            found[str(key)] = argument(e, frame, entry.value, wanted, entry.key.place)
    elif isinstance(data, Scalar):
        if not parameters:
            raise StepError.of("E219", f"{template.name} has no parameters", data.place)
        found[parameters[0].name] = argument(e, frame, data, parameters[0].type)
    return found


def argument(
    e: Elaborator, frame: Frame, data: Data, wanted: str | None, key: Place | None = None
) -> Setting:
    """What is given for a parameter of that type; `key` is where its name stands."""
    if isinstance(data, Sequence) and wanted == "steps":
        # They go into another definition, where numbers that only pass through here are not known.
        passed = [value for value in frame.bindings.values() if isinstance(value, Argument)]
        if passed:
            raise NeedsValue(passed[0])
        steps = parse_steps(e, data, frame.space.file)
        return Setting(StepList(steps, frame.bindings, frame.space), data.place, frame.space, key)
    return Setting(e.evaluator.value(data, frame), data.place, frame.space, key)
