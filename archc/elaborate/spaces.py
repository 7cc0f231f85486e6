"""Files with their parameters bound, their defaults, and steps given as arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archc.elaborate.builder import Builder
from archc.elaborate.params import Setting, bind, key_of
from archc.elaborate.scope import (
    Frame,
    Item,
    Scope,
    Space,
)
from archc.place import Place
from archc.spec.ast import File, Step, Template
from archc.spec.data import Data, Sequence
from archc.spec.parse import Parser

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator


def space_of(e: Elaborator, template: Template, space: Space) -> Space:
    """The template's file, its parameters as they are here or else at their defaults."""
    if template.file is space.file:
        return space
    key = id(template.file)
    if key not in e.context.spaces:
        e.context.spaces[key] = file_space(e, template.file, {}, template.place)
    return e.context.spaces[key]


def file_space(e: Elaborator, file: File, settings: dict[str, Setting], place: Place) -> Space:
    """A file with its parameters set."""
    own = Space(file, {}, id(file))
    frame = Frame(Builder(e.context), own, {}, Scope(""), Item({}))

    def default(data: Data, earlier: dict[str, Any]) -> Any:
        return e.evaluator.value(data, frame.with_bindings(earlier))

    bound = bind(file.parameters, settings, own, default, place, file.name)
    key = (id(file), key_of(bound))
    own.bindings, own.key = bound, key  # in place: ops that were chosen above look blocks up in it
    return own


def parse_steps(e: Elaborator, data: Sequence, file: File) -> tuple[Step, ...]:
    """Steps given as an argument, parsed and checked once."""
    if id(data) not in e.context.steps:
        from archc.spec.load import Loader

        parser = Parser(file.source, file.path)
        parsed = parser.steps(data)
        loader = Loader()
        for step in parsed:
            loader._check_step(step, file)
        for finding in [*parser.findings, *loader.findings]:
            e.context.report(finding)
        e.context.steps[id(data)] = parsed
    return e.context.steps[id(data)]


def defaults_for(e: Elaborator, space: Space, op: str) -> dict[str, Any]:
    """The defaults for an op: those of the block's file, and over them those of the spec ite."""
    result: dict[str, Any] = {}
    root = e.context.spaces["root"]
    for one in [space, root] if space is not root else [root]:
        data = one.file.defaults.get(op)
        if data is None:
            continue
        key = f"{one.key}:{op}"
        if key not in e.context.defaults:
            frame = Frame(Builder(e.context), one, one.bindings, Scope(""), Item({}))
            e.context.defaults[key] = e.evaluator.value(data, frame)
        result.update(e.context.defaults[key])
    return result
