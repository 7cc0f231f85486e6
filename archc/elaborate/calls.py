"""Calls of blocks and models: arguments are bound, and the definition is elaborated once for equal ones."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archc.elaborate.apply import Inputs, Written, origins
from archc.elaborate.builder import Builder
from archc.elaborate.context import MAX_DEPTH, StepError, Unroll
from archc.elaborate.params import Setting, bind, key_of
from archc.elaborate.references import Given, follow
from archc.elaborate.scope import Frame, Group, Item, Poison, Poisoned, Reference, Scope, Space, StepList, Tensor
from archc.errors import did_you_mean
from archc.ir.dims import Size, differ, solve, substitute, symbol, symbols
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, Copies
from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc.place import Place
from archc.spec.ast import InputDeclaration, Step, Template
from archc.spec.load import is_prelude
from archc.spec.formula import ABSENT, Absent, Argument, NeedsValue
from archc.spec.reader import Data, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator

Signature = tuple[tuple[TensorType, ...] | TensorType | None, ...]  # a list, a value, or absent


@dataclass(slots=True)
class Fed:
    """A template's input and what it is fed."""

    declaration: InputDeclaration
    reference: Reference
    given: Given | None

    @property
    def signature(self) -> tuple[TensorType, ...] | TensorType | None:
        match self.reference:
            case Tensor(type=type):
                return type
            case Group(items):
                return tuple(item.type for item in items if isinstance(item, Tensor))
        return None


def call(
    e: Elaborator, frame: Frame, step: Step, template: Template, chosen: dict[str, Any], inputs: Inputs, path: str
) -> Item:
    """Adds a call of the template. Raises StepError, Poisoned."""
    for modifier, data in (("tie", step.tie), ("init", step.init)):
        if data is not None:
            raise StepError.of("E313", f"'{modifier}' is for ops, not for the block '{template.name}'", data.place)
    settings = settings_of(e, frame, step, template, chosen)
    if is_whole_file(template, frame.space):
        space, settings = e.file_space(template.file, settings, step.head_place), {}
    else:
        space = e.space_of(template, frame.space)
    fed = feed(template, inputs, frame, step)
    is_model = template.kind == "model" and not is_whole_file(template, frame.space)
    frozen = frame.frozen or (step.freeze is not None and e.evaluator.condition(step.freeze, frame))
    trace = (f"in {path}, used at {step.head_place}", *frame.builder.trace)
    definition, arguments = define(
        e, template, space, settings, fed, frozen, step.head_place, trace, frame.builder.used_at
    )
    if definition is None:
        raise Poisoned
    values = [frame.builder.bring(part) for one in fed for part in parts(one.reference)]
    slots = definition.input_names()
    node = CallNode(
        path=path, types=tuple(definition.output_types().values()), slots=slots, place=step.head_place, step=step,
        definition=definition, arguments=arguments, copies=Copies(path), model=template.name if is_model else None,
        outputs=tuple(definition.outputs),
    )  # fmt: skip
    id = frame.builder.add(node, values)
    return call_item(frame, id, node, path)


def is_whole_file(template: Template, space: Space) -> bool:
    """Whether the template is another file's own graph, used as a block whose parameters are the file's."""
    return template is template.file.root and template.file is not space.file


def call_item(frame: Frame, id: int, node: CallNode, path: str) -> Item:
    """A call's outputs by name; the parts of a list output are grouped again."""
    outputs: dict[str, Reference] = {}
    for port, name in enumerate(node.outputs):
        tensor = frame.builder.tensor(id, port)
        group = node.definition.grouped.get(name)
        if group is None:
            outputs[name] = tensor
        else:
            before = outputs.get(group)
            outputs[group] = Group((*(before.items if isinstance(before, Group) else ()), tensor))
    return Item(outputs, node=id, builder=frame.builder, path=path)


def parts(reference: Reference) -> list[Tensor]:
    match reference:
        case Tensor():
            return [reference]
        case Group(items):
            return [part for item in items for part in parts(item)]
        case Poison():
            raise Poisoned
    return []


def settings_of(
    e: Elaborator, frame: Frame, step: Step, template: Template, chosen: dict[str, Any]
) -> dict[str, Setting]:
    """The arguments that the step and a parameter's choice give."""
    found = {name: Setting(value, step.head_place, frame.space) for name, value in chosen.items()}
    parameters = template.file.parameters if is_whole_file(template, frame.space) else template.parameters
    data = step.value
    if isinstance(data, Mapping):
        for key, entry in data.entries.items():
            declared = next((p for p in parameters if p.name == key), None)
            given = argument(e, frame, entry.value, declared.type if declared else None)
            found[str(key)] = replace(given, key=entry.key.place)
    elif isinstance(data, Scalar):
        if not parameters:
            raise StepError.of("E219", f"{template.name} has no parameters", data.place)
        found[parameters[0].name] = argument(e, frame, data, parameters[0].type)
    return found


def argument(e: Elaborator, frame: Frame, data: Data, wanted: str | None) -> Setting:
    if isinstance(data, Sequence) and wanted == "steps":
        steps = e.parse_steps(data, frame.space.file)
        return Setting(StepList(steps, frame.bindings, frame.space), data.place, frame.space)
    return Setting(e.evaluator.value(data, frame), data.place, frame.space)


def feed(template: Template, inputs: Inputs, frame: Frame, step: Step) -> list[Fed]:
    """What each declared input is fed; literals become constants. Raises StepError E307."""
    declared = template.inputs
    rest = list(inputs.positional)
    names = [declaration.name for declaration in declared]
    for name, given in inputs.named.items():
        if name not in names:
            raise StepError.of("E307", f"{template.name} has no input '{name}'", given.key or given.place,
                               help=did_you_mean(name, names))  # fmt: skip
    result: list[Fed] = []
    for declaration in declared:
        given = inputs.named.get(declaration.name) or (rest.pop(0) if rest else None)
        reference = ABSENT if given is None else reference_of(given, frame)
        if isinstance(reference, Poison):
            raise Poisoned
        if isinstance(reference, Absent) and not declaration.optional:
            what = f"{template.name} needs the input '{declaration.name}'"
            raise StepError.of(
                "E307" if given is None else "E218", what if given is None else f"{what}, which was not given",
                given.place if given else inputs.place, notes=(f"declared at {declaration.place}",),
            )  # fmt: skip
        result.append(Fed(declaration, reference, given))
    if rest:
        raise StepError.of(
            "E307", f"{template.name} takes {len(declared)} inputs, found {len(inputs.positional)}", rest[0].place,
            label="one too many", help=f"its inputs are {', '.join(names) or 'none'}",
        )  # fmt: skip
    return result


def reference_of(given: Given, frame: Frame) -> Reference:
    what = given.what
    if isinstance(what, Tensor | Group | Absent | Poison):
        return what
    value = frame.builder.constant(float(what) if isinstance(what, int) and not isinstance(what, bool) else what,
                                   "bool" if isinstance(what, bool) else "float32", given.place)  # fmt: skip
    return Tensor(value, frame.builder.graph.type(value), frame.builder)


def define(
    e: Elaborator, template: Template, space: Space, settings: dict[str, Setting], fed: list[Fed], frozen: bool,
    place: Place, trace: tuple[str, ...], outer: Place | None = None,
) -> tuple[Definition | None, dict[str, float | Argument]]:  # fmt: skip
    """The definition for these arguments and input types, and the numbers to pass it; None if it is wrong.

    Optimistic: numbers of type float only pass through until a formula computes with one; then it tells
    definitions apart, and the elaboration starts again. Raises StepError, Unroll, NeedsValue of outer things.
    """
    context = e.context
    if template in context.open:
        chain = " → ".join([*(t.name for t in context.open[context.open.index(template) :]), template.name])
        code, what = ("E224", "models") if template.kind == "model" else ("E220", "blocks")
        raise StepError.of(code, f"{what} that call themselves have no end: {chain}", place)
    if len(context.open) >= MAX_DEPTH:
        raise StepError.of("E220", f"blocks are nested more than {MAX_DEPTH} deep", place)
    signature = tuple(one.signature for one in fed)
    while True:
        mark = len(context.findings)
        try:
            return attempt(e, template, space, settings, fed, signature, frozen, place, trace, outer)
        except Unroll as unroll:
            context.unrolled.add(id(unroll.step))
        except NeedsValue as needs:
            if needs.argument.owner is not template:
                raise
            context.concrete.setdefault(id(template), set()).add(needs.argument.name)
        del context.findings[mark:]


def attempt(
    e: Elaborator, template: Template, space: Space, settings: dict[str, Setting], fed: list[Fed],
    signature: Signature, frozen: bool, place: Place, trace: tuple[str, ...], outer: Place | None,
) -> tuple[Definition | None, dict[str, float | Argument]]:  # fmt: skip
    context = e.context
    builder = Builder(context, trace=trace, used_at=(outer or place) if is_prelude(template) else None)
    scope = Scope("")
    frame = Frame(builder, space, dict(space.bindings), scope, Item({}), frozen)
    frame = enter(e, template, frame, fed, place)
    bound, passed = arguments(e, template, frame, settings, place)
    key: Hashable = (id(template), space.key, signature, frozen,
                     tuple((name, key_of(value)) for name, value in bound.items() if name not in passed))  # fmt: skip
    if key in context.definitions:
        return context.definitions[key], passed
    builder.parameters = tuple(passed)
    context.open.append(template)
    try:
        definition = build(e, template, frame.with_bindings(bound))
    finally:
        context.open.pop()
    if definition is not None:
        definition.bound = {name: value for name, value in bound.items() if name not in passed}
        definition.parameters = tuple(passed)
    context.definitions[key] = definition
    return definition, passed


def arguments(
    e: Elaborator, template: Template, frame: Frame, settings: dict[str, Setting], place: Place
) -> tuple[dict[str, Any], dict[str, float | Argument]]:
    """The bindings inside the template, and which of them only pass through."""
    parameters = template.parameters
    names = [parameter.name for parameter in parameters]
    for name, setting in settings.items():
        if name not in names:
            raise StepError.of("E219", f"{template.name} has no parameter '{name}'", setting.key or setting.place,
                               help=did_you_mean(name, names))  # fmt: skip
    concrete = e.context.concrete.get(id(template), set())
    own: dict[str, Any] = {}

    def default(data: Data, earlier: dict[str, Any]) -> Any:
        return e.evaluator.value(data, frame.with_bindings(own))

    passed: dict[str, float | Argument] = {}
    for parameter in parameters:
        one = {name: setting for name, setting in settings.items() if name == parameter.name}
        value = bind((parameter,), one, frame.space, default, place, template.name)[parameter.name]
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


def enter(e: Elaborator, template: Template, frame: Frame, fed: list[Fed], place: Place) -> Frame:
    """Makes the inputs, checks them against declared shapes, and binds symbols."""
    builder, scope = frame.builder, frame.scope
    first: Item | None = None
    for one in fed:
        name, reference = one.declaration.name, one.reference
        if isinstance(reference, Group):
            types = [part.type for part in parts(reference)]
            inner: Reference = Group(
                tuple(builder.input(f"{name}.{k}", type, one.declaration.place) for k, type in enumerate(types))
            )
        elif isinstance(reference, Tensor):
            inner = builder.input(name, reference.type, one.declaration.place)
        else:
            inner = ABSENT
        item = Item({name: inner}, builder=builder, path=name)
        scope.items[name] = item
        scope.places[name] = one.declaration.place
        first = first or item
    for one in fed:
        for type in (part.type for part in parts(one.reference)):
            for dim in type.dims:
                for name in sorted(symbols(dim)):
                    builder.symbols.setdefault(name, symbol(name))
    unify(e, template, replace(frame, prev=first or Item({})), fed, place)
    return replace(frame, prev=first or Item({}))


def unify(e: Elaborator, template: Template, frame: Frame, fed: list[Fed], place: Place) -> None:
    """Matches the fed types with the declared shapes; declared symbols get the sizes they stand for."""
    bindings: dict[str, Size] = {}
    for one in fed:
        if one.declaration.shape is None:
            continue
        declared = e.declared_types(one.declaration, frame, len(parts(one.reference)))
        for wanted, part in zip(declared, parts(one.reference), strict=False):
            if wanted.rank != part.type.rank or wanted.dtype != part.type.dtype:
                raise mismatch(one, wanted, part.type, place, frame)
            for size, actual in zip(wanted.dims, part.type.dims, strict=True):
                if not match(size, actual, bindings):
                    raise mismatch(one, wanted, part.type, place, frame)
    frame.builder.symbols.update(bindings)


def match(wanted: Size, actual: Size, bindings: dict[str, Size]) -> bool:
    """Whether the declared size is the actual one, once its symbols are bound."""
    known = substitute(wanted, bindings)
    free = symbols(wanted) - bindings.keys()
    if not free:
        return known == actual
    if len(free) > 1:
        return True  # its symbols are bound by other inputs, or it stays as it is
    (name,) = free
    line = solve(known, name)
    if line is None:
        return True
    scale, offset = line
    rest = actual - offset
    if differ(rest % scale, 0):
        return False
    bindings[name] = rest // scale
    return True


def mismatch(one: Fed, wanted: TensorType, found: TensorType, place: Place, frame: Frame) -> StepError:
    given = one.given
    notes = [f"declared {wanted} at {one.declaration.place}", *(origins([given]) if given else ())]
    return StepError.of(
        "E304", f"the input '{one.declaration.name}' does not fit", given.place if given else place,
        label=f"expected {wanted}, found {found}", notes=notes,
    )  # fmt: skip


def build(e: Elaborator, template: Template, frame: Frame) -> Definition | None:
    """The definition from the template's steps; None if any output was poisoned."""
    before = len(e.context.findings)
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
    if len(e.context.findings) > before and any(d.severity == "error" for d in e.context.findings[before:]):
        return None
    if not outputs:
        return None
    graph = frame.builder.graph
    return Definition(
        name=e.context.unique(template.name), kind="model" if template.kind == "model" and frame.space.key == "root" else "block", graph=graph,
        place=template.place, doc=template.doc, inputs=tuple(frame.builder.inputs), outputs=outputs,
        source=template.name, grouped=grouped, symbol_values=dict(frame.builder.symbols),
    )  # fmt: skip


def output_references(
    e: Elaborator, template: Template, frame: Frame
) -> list[tuple[str, Reference, Place]]:
    if template.outputs is None:
        return [("output", frame.prev.first, template.place)]
    result: list[tuple[str, Reference, Place]] = []
    for key, entry in template.outputs.entries.items():
        try:
            text = e.evaluator.value(entry.value, frame)
            if isinstance(text, Tensor):
                result.append((str(key), text, entry.value.place))
            elif isinstance(text, str):
                result.append((str(key), follow(e, text, entry.value.place, frame), entry.value.place))
            else:
                raise StepError.of("E202", "an output is a reference", entry.value.place)
        except StepError as error:
            e.context.report(error.diagnostic)
        except Poisoned:
            continue
    return result


def flatten(name: str, reference: Reference, place: Place, frame: Frame) -> list[tuple[str, Tensor]]:
    """An output by its name, or a list's parts by `name.0`, `name.1` …"""
    if isinstance(reference, Poison):
        raise Poisoned
    if isinstance(reference, Absent):
        raise StepError.of("E218", f"the output '{name}' was not given", place, notes=frame.builder.trace)
    if isinstance(reference, Tensor):
        return [(name, reference)]
    return [pair for k, item in enumerate(reference.items) for pair in flatten(f"{name}.{k}", item, place, frame)]


__all__ = ["Written", "call", "call_item", "define", "parts"]
