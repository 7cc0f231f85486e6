"""What a template's inputs are fed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from archc.elaborate.builder import Builder
from archc.elaborate.context import StepError
from archc.elaborate.references import Given
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
from archc.errors import did_you_mean
from archc.ir.types import FLOATING, INTEGRAL, DType, TensorType
from archc.spec.ast import InputDeclaration, Step, Template
from archc.spec.data import plain
from archc.spec.values import ABSENT, Absent

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
from archc.elaborate.inputs import Inputs

Signature = tuple[tuple[TensorType, ...] | TensorType | None, ...]  # a list, a value, or absent


@dataclass(slots=True)
class Fed:
    """A template's input and what it is fed."""

    declaration: InputDeclaration
    reference: Reference
    given: Given | None
    rest: str | None = None  # the input that stands for it and others, if it is not declared itself

    @property
    def signature(self) -> tuple[TensorType, ...] | TensorType | None:
        match self.reference:
            case Tensor(type=type):
                return type
            case Group(items):
                return tuple(item.type for item in items if isinstance(item, Tensor))
        return None


def parts(reference: Reference) -> list[Tensor]:
    match reference:
        case Tensor():
            return [reference]
        case Group(items):
            return [part for item in items for part in parts(item)]
        case Poison():
            raise Poisoned
    return []


def feed(
    e: Elaborator, template: Template, space: Space, inputs: Inputs, frame: Frame, step: Step
) -> list[Fed]:
    """What each declared input is fed; literals become constants. Raises StepError E307.

    `space` has the parameters of the template's file, which say what inputs there are.
    """
    declared = template.inputs
    rest = list(inputs.positional)
    names = [declaration.name for declaration in declared if not declaration.rest]
    open = next((declaration.name for declaration in declared if declaration.rest), None)
    for name, named in inputs.named.items():
        if name not in names and open is None:
            raise StepError.of(
                "E307",
                f"{template.name} has no input '{name}'",
                named.key or named.place,
                help=did_you_mean(name, names),
            )
    result: list[Fed] = []
    for declaration in declared:
        if declaration.rest:
            continue
        given = inputs.named.get(declaration.name) or (rest.pop(0) if rest else None)
        reference = ABSENT if given is None else reference_of(given, frame, declaration)
        if isinstance(reference, Poison):
            raise Poisoned
        left_out = is_left_out(e, declaration, space)
        if left_out and given is not None and not isinstance(reference, Absent):
            raise StepError.of(
                "E307",
                f"{template.name} has no input '{declaration.name}' here",
                given.key or given.place,
                notes=(f"its 'when' at {declaration.place} is false",),
            )
        if isinstance(reference, Absent) and not (declaration.optional or left_out):
            what = f"{template.name} needs the input '{declaration.name}'"
            raise StepError.of(
                "E307" if given is None else "E218",
                what if given is None else f"{what}, which was not given",
                given.place if given else inputs.place,
                notes=(f"declared at {declaration.place}",),
            )
        result.append(Fed(declaration, reference, given))
    if rest:
        raise StepError.of(
            "E307",
            f"{template.name} takes {len(declared)} inputs, found {len(inputs.positional)}",
            rest[0].place,
            label="one too many",
            help=f"its inputs are {', '.join(names) or 'none'}",
        )
    return result if open is None else [*result, *others(open, names, inputs, frame)]


def others(rest: str, names: list[str], inputs: Inputs, frame: Frame) -> Iterator[Fed]:
    """What is given by names that are not declared; what is absent is not given."""
    for name, given in inputs.named.items():
        reference = ABSENT if name in names else reference_of(given, frame)
        if isinstance(reference, Poison):
            raise Poisoned
        if not isinstance(reference, Absent):
            place = given.key or given.place
            yield Fed(InputDeclaration(name, place), reference, given, rest)


def is_left_out(e: Elaborator, declaration: InputDeclaration, space: Space) -> bool:
    """Whether the declaration's `when`, about the file's parameters, is false."""
    if declaration.when is None:
        return False
    frame = Frame(Builder(e.context), space, dict(space.bindings), Scope(""), Item({}))
    return not e.evaluator.condition(declaration.when, frame)


def reference_of(
    given: Given, frame: Frame, declaration: InputDeclaration | None = None
) -> Reference:
    """What is given, as a value.

    A number is a float32, or of the element type that its input declares: nothing says yet what
    else it will meet.
    """
    what = given.what
    if isinstance(what, Tensor | Group | Absent | Poison):
        return what
    declared = plain(declaration.dtype) if declaration is not None and declaration.dtype else None
    if not isinstance(what, bool):
        if isinstance(what, int) and declared in INTEGRAL:
            dtype: DType = cast(DType, declared)
        else:
            what = float(what) if isinstance(what, int) else what
            dtype = cast(DType, declared) if declared in FLOATING else "float32"
    else:
        dtype = "bool"
    value = frame.builder.constant(what, dtype, given.place)
    return Tensor(value, frame.builder.graph.type(value), frame.builder)
