"""Models by themselves: their inputs as declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.elaborate.builder import Builder
from archc.elaborate.context import StepError, TooMany
from archc.elaborate.define import define
from archc.elaborate.feeds import Fed, is_left_out
from archc.elaborate.scope import (
    Frame,
    Group,
    Item,
    Poisoned,
    Reference,
    Scope,
    Space,
)
from archc.ir.program import Definition
from archc.place import Place
from archc.spec.ast import Template
from archc.spec.values import ABSENT

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
from archc.elaborate.declared import declared_symbols, declared_types


def standalone(e: Elaborator, space: Space, name: str, place: Place) -> Definition | None:
    """A model with its inputs as declared."""
    key = (space.key, name)
    if key not in e.context.models:
        template = space.file.models[name]
        with e.context.recorded(key):
            e.context.models[key] = define_model(e, template, space, place)
    else:
        e.context.recall(key)
    return e.context.models[key]


def define_model(
    e: Elaborator, template: Template, space: Space, place: Place
) -> Definition | None:
    """The model's definition for its declared input types."""
    outer = Builder(e.context, declared_symbols=declared_symbols(template))
    frame = Frame(outer, space, dict(space.bindings), Scope(""), Item({}))
    fed: list[Fed] = []
    for declaration in template.inputs:
        try:
            if declaration.shape is None:
                raise StepError.of(
                    "E203",
                    f"the input '{declaration.name}' needs a shape",
                    declaration.place,
                    help=f"{declaration.name}: [N, 3, 224, 224]",
                )
            if is_left_out(e, declaration, space):
                fed.append(Fed(declaration, ABSENT, None))
                continue
            types = declared_types(e, declaration, frame)
        except StepError as error:
            e.context.report(error.diagnostic)
            return None
        except Poisoned:
            return None
        tensors = [outer.input(declaration.name, type, declaration.place) for type in types]
        reference: Reference = tensors[0] if declaration.repeat is None else Group(tuple(tensors))
        if declaration.optional:
            reference = ABSENT
        fed.append(Fed(declaration, reference, None))
    try:
        definition, _ = define(e, template, space, {}, fed, False, template.place, ())
    except StepError as error:
        e.context.report(error.diagnostic)
        return None
    except TooMany as error:
        e.context.report(error.diagnostic)
        return None
    return definition
