"""Definitions: arguments and input types bound, elaborated once for equal ones."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from archc.elaborate.builder import Builder, Uses
from archc.elaborate.context import MAX_DEPTH, StepError, Unroll
from archc.elaborate.origins import origins
from archc.elaborate.params import Setting, bind_one, key_of
from archc.elaborate.references import follow
from archc.elaborate.scope import (
    Frame,
    Group,
    Item,
    Poison,
    Poisoned,
    Reference,
    Scope,
    Space,
    Tensor,
)
from archc.errors import Diagnostic, did_you_mean
from archc.ir.dims import Size
from archc.ir.graph import Value
from archc.ir.program import Definition
from archc.place import Place
from archc.records import record
from archc.spec.ast import Template
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.load import is_prelude
from archc.spec.values import Absent, Argument, NeedsValue

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
from archc.elaborate.entry import enter
from archc.elaborate.feeds import Fed, Signature


@record
class Use:
    """A template and all that a step gives it; `around` are sizes that it sees from outside."""

    template: Template
    space: Space
    settings: dict[str, Setting]
    fed: list[Fed]
    signature: Signature
    frozen: bool
    around: dict[str, Size]


def define(
    e: Elaborator,
    template: Template,
    space: Space,
    settings: dict[str, Setting],
    fed: list[Fed],
    frozen: bool,
    place: Place,
    uses: Uses,
    outer: Place | None = None,
    around: dict[str, Size] | None = None,
) -> tuple[Definition | None, dict[str, float | Argument]]:
    """The definition for these arguments and input types, and the numbers to pass it.

    None if it is wrong.

    Optimistic: numbers of type float only pass through until a formula computes with one; then it
    tells definitions apart, and the elaboration starts again. Raises StepError, Unroll, NeedsValue
    of outer things.
    """
    context = e.context
    if template in context.open:
        chain = " → ".join(
            [*(t.name for t in context.open[context.open.index(template) :]), template.name]
        )
        code, what = ("E224", "models") if template.kind == "model" else ("E220", "blocks")
        raise StepError.of(code, f"{what} that call themselves have no end: {chain}", place)
    if len(context.open) >= MAX_DEPTH:
        raise StepError.of("E220", f"blocks are nested more than {MAX_DEPTH} deep", place)
    signature = tuple([one.signature for one in fed])
    use = Use(template, space, settings, fed, signature, frozen, around or {})
    while True:
        mark = len(context.findings)
        same = use_key(e, use)
        if same in context.uses:
            key, passed = context.uses[same]
            context.recall(key)
            return context.definitions[key], dict(passed)
        try:
            key, definition, passed = attempt(e, use, place, uses, outer)
            if key in context.definitions:
                context.uses[same] = key, passed
            return definition, passed
        except Unroll as unroll:
            context.unrolled.add(id(unroll.step))
        except NeedsValue as needs:
            if needs.argument.owner is not template:
                raise
            context.concrete.setdefault(id(template), set()).add(needs.argument.name)
        del context.findings[mark:]


def use_key(e: Elaborator, use: Use) -> Hashable:
    """All that a use of a template hangs on: equal ones have one definition, and pass it the same.

    It is known before anything is bound, unlike the definition's own key, which holds defaults and
    leaves out what only passes through.
    """
    return (
        id(use.template),
        len(e.context.concrete.get(id(use.template), ())),
        use.space.key,
        use.frozen,
        use.signature,
        tuple([one.declaration.name for one in use.fed if one.rest]),
        tuple(use.around.items()),
        tuple([
            (name, given.space.key, value if isinstance(value, Argument) else key_of(value))
            for name, given in use.settings.items()
            for value in (given.value,)
        ]),
    )  # fmt: skip


def attempt(
    e: Elaborator, use: Use, place: Place, uses: Uses, outer: Place | None
) -> tuple[Hashable, Definition | None, dict[str, float | Argument]]:
    """The definition's key, the definition itself, and the numbers to pass it."""
    context, template, fed = e.context, use.template, use.fed
    builder = Builder(context, uses=uses)
    if is_prelude(template):
        builder.used_at = outer or place
    scope = context.noted(Scope(""))
    frame = Frame(builder, use.space, dict(use.space.bindings), scope, Item({}), use.frozen)
    frame = enter(e, template, frame, fed, place, use.around)
    bound, passed = arguments(e, template, frame, use.settings, place)
    key: Hashable = (
        (id(template), *[one.declaration.name for one in fed if one.rest]),
        use.space.key,
        use.signature,
        use.frozen,
        tuple(sorted(builder.model_symbols.items(), key=itemgetter(0))),
        tuple([(name, key_of(value)) for name, value in bound.items() if name not in passed]),
    )
    if key in context.definitions:
        context.recall(key)
        return key, context.definitions[key], passed
    builder.parameters = {name: bound[name] for name in passed}
    if builder.used_at is not None:
        builder.used_as = used_as(template, fed, bound, use.settings)
    context.open.append(template)
    try:
        with context.recorded(key) as findings:
            definition = build(e, template, frame.with_bindings(bound), findings)
    finally:
        context.open.pop()
    if definition is not None:
        definition.bound = {name: value for name, value in bound.items() if name not in passed}
        definition.parameters = tuple(passed)
    if definition is not None or builder.used_at is None:  # else every use is told of its mistake
        context.definitions[key] = definition
    return key, definition, passed


def used_as(
    template: Template, fed: list[Fed], bound: dict[str, Any], settings: dict[str, Setting]
) -> tuple[str, ...]:
    """How a block is used, for errors inside that are told outside: its name, then notes."""
    named = [(one.declaration.name, one.given) for one in fed]
    notes = origins([replace(given, text=name) for name, given in named if given is not None])
    for name, setting in settings.items():
        value = bound[name].value if isinstance(bound[name], Argument) else bound[name]
        notes.append(f"{name}: {value} at {setting.place}")
    return (template.name, *notes)


def arguments(
    e: Elaborator, template: Template, frame: Frame, settings: dict[str, Setting], place: Place
) -> tuple[dict[str, Any], dict[str, float | Argument]]:
    """The bindings inside the template, and which of them only pass through."""
    parameters = template.parameters
    if not parameters and not settings:
        return {}, {}
    names = [parameter.name for parameter in parameters]
    for name, setting in settings.items():
        if name not in names:
            raise StepError.of(
                "E219",
                f"{template.name} has no parameter '{name}'",
                setting.key or setting.place,
                help=did_you_mean(name, names),
            )
    concrete = e.context.concrete.get(id(template), set())
    own: dict[str, Any] = {}

    def default(data: Data) -> Any:
        return e.evaluator.value(data, frame.with_bindings(own))

    passed: dict[str, float | Argument] = {}
    for parameter in parameters:
        given = settings.get(parameter.name)
        value = bind_one(parameter, given, frame.space, default, place, template.name)
        if isinstance(value, Argument) and value.owner is not template:
            if parameter.name in concrete:
                raise NeedsValue(value)
            passed[parameter.name] = value
            value = Argument(parameter.name, value.value, template)
        elif isinstance(value, float) and parameter.name not in concrete:
            passed[parameter.name] = value
            value = Argument(parameter.name, value, template)
        own[parameter.name] = value
    return own, passed


def build(
    e: Elaborator, template: Template, frame: Frame, findings: list[Diagnostic]
) -> Definition | None:
    """The definition from the template's steps; None if any output was poisoned.

    `findings` get what is found in it meanwhile.
    """
    last = e.steps(template.steps, frame)
    frame = frame.with_prev(last)
    outputs: dict[str, Value] = {}
    grouped: dict[str, str] = {}
    try:
        for name, reference, place in output_references(e, template, frame):
            for flat, tensor in flatten(name, reference, place, frame):
                outputs[flat] = frame.builder.bring(tensor)
                if isinstance(reference, Group):
                    grouped[flat] = name
    except StepError as error:
        e.context.report(error.diagnostic)
    except Poisoned:
        pass
    e.warn_unused(frame.scope, {value.node for value in outputs.values()})
    if findings and any(found.severity == "error" for found in findings):
        return None
    if not outputs:
        written = template.outputs.entries.values() if template.outputs is not None else ()
        conditional = written and all(isinstance(entry.value, Mapping) for entry in written)
        if not findings and template.outputs is not None and conditional:
            text = f"{template.name} has no outputs: the 'when' of each is false"
            e.context.report(Diagnostic("E218", text, template.outputs.place))
        return None
    graph = frame.builder.graph
    return Definition(
        name=e.context.unique(template.name),
        kind="model" if template.kind == "model" and frame.space.key == "root" else "block",
        graph=graph,
        place=template.place,
        doc=template.doc,
        inputs=tuple(frame.builder.inputs),
        outputs=outputs,
        source=template.name,
        grouped=grouped,
        symbol_values=dict(frame.builder.symbols),
    )


def output_references(
    e: Elaborator, template: Template, frame: Frame
) -> list[tuple[str, Reference, Place]]:
    if template.outputs is None:
        return [("output", frame.prev.first, template.place)]
    result: list[tuple[str, Reference, Place]] = []
    for key, entry in template.outputs.entries.items():
        try:
            written, when = entry.value, None
            if isinstance(entry.value, Mapping):
                written, when = entry.value.entries["value"].value, entry.value.get("when")
            if when is not None and not e.evaluator.condition(when, frame):
                note_used(written, frame)
                continue
            reference = output_reference(e, written, frame)
            result.append((str(key), reference, written.place))
        except StepError as error:
            e.context.report(error.diagnostic)
        except Poisoned:
            continue
    return result


def output_reference(e: Elaborator, written: Data, frame: Frame) -> Reference:
    """What an output stands for: a value, or a list of them."""
    if isinstance(written, Sequence):
        return Group(tuple(output_reference(e, item, frame) for item in written.items))
    value = e.evaluator.value(written, frame)
    if isinstance(value, Tensor):
        return value
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise StepError.of("E202", "an output is a reference, or a list of them", written.place)
    found = tuple(follow(e, name, written.place, frame) for name in names)
    return Group(found) if isinstance(value, list) else found[0]


def note_used(written: Data, frame: Frame) -> None:
    """An output that is left out by its `when` needs its step where it is there: no W901."""
    text = written.value if isinstance(written, Scalar) else None
    item = frame.scope.find(text.partition(".")[0]) if isinstance(text, str) else None
    if item is not None:
        item.used = True


def flatten(
    name: str, reference: Reference, place: Place, frame: Frame
) -> list[tuple[str, Tensor]]:
    """An output by its name, or a list's parts by `name.0`, `name.1` …"""
    if isinstance(reference, Poison):
        raise Poisoned
    if isinstance(reference, Absent):
        raise StepError.of(
            "E218", f"the output '{name}' was not given", place, notes=frame.builder.trace
        )
    if isinstance(reference, Tensor):
        return [(name, reference)]
    return [
        pair
        for k, item in enumerate(reference.items)
        for pair in flatten(f"{name}.{k}", item, place, frame)
    ]
