"""A definition's inputs.

Checked against what is declared, symbols bound to the sizes they stand for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.elaborate.context import StepError
from archc.elaborate.declared import declared_types
from archc.elaborate.origins import origins
from archc.elaborate.scope import (
    Frame,
    Group,
    Item,
    Reference,
    Tensor,
)
from archc.ir.dims import Size, differ, symbol, symbols
from archc.ir.substitution import solve, substitute
from archc.ir.types import TensorType
from archc.place import Place
from archc.spec.ast import Template
from archc.spec.values import ABSENT

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
from archc.elaborate.feeds import Fed, parts


def enter(
    e: Elaborator,
    template: Template,
    frame: Frame,
    fed: list[Fed],
    place: Place,
    around: dict[str, Size],
) -> Frame:
    """Makes the inputs, checks them against declared shapes, and binds symbols.

    `around` is what the symbols of the model stand for in which a block is used.
    """
    builder, scope = frame.builder, frame.scope
    first: Item | None = None
    for declaration in template.inputs:
        if declaration.rest:  # all that it stands for, under one name
            scope.items[declaration.name] = Item({}, builder=builder, path=declaration.name)
    for one in fed:
        name, reference = one.declaration.name, one.reference
        if isinstance(reference, Group):
            types = [part.type for part in parts(reference)]
            inner: Reference = Group(
                tuple(
                    builder.input(f"{name}.{k}", type, one.declaration.place)
                    for k, type in enumerate(types)
                )
            )
        elif isinstance(reference, Tensor):
            inner = builder.input(name, reference.type, one.declaration.place)
        else:
            inner = ABSENT
        item = Item({name: inner}, builder=builder, path=name)
        if one.rest is not None:
            scope.items[one.rest].outputs[name] = inner
        scope.items[name] = item
        scope.places[name] = one.declaration.place
        first = first or item
    names = {name for one in fed for part in parts(one.reference) for name in part.type.symbols}
    builder.symbols.update({name: symbol(name) for name in sorted(names)})
    if template.kind != "model":
        # A model that is called with other sizes means those by its symbols, in its blocks, too.
        builder.model_symbols = dict(around)
        seen = {name: size for name, size in around.items() if symbols(size) <= names}
        builder.symbols.update(seen)
    frame = frame.with_prev(first or Item({}))
    bindings = unify(e, template, frame, fed, place)
    if template.kind == "model":
        builder.model_symbols = {
            name: size for name, size in bindings.items() if size != symbol(name)
        }
    return frame


def unify(
    e: Elaborator, template: Template, frame: Frame, fed: list[Fed], place: Place
) -> dict[str, Size]:
    """Matches the fed types with the declared shapes.

    Declared symbols get the sizes they stand for, which are given back.
    """
    bindings: dict[str, Size] = {}
    for one in fed:
        if one.declaration.shape is None:
            continue
        declared = declared_types(e, one.declaration, frame)
        found = len(parts(one.reference))
        if one.declaration.repeat is not None and found not in (0, len(declared)):
            raise StepError.of(
                "E307",
                f"the list '{one.declaration.name}' has {len(declared)} parts, found {found}",
                one.given.place if one.given else place,
                notes=(f"declared at {one.declaration.place}",),
            )
        for wanted, part in zip(declared, parts(one.reference), strict=False):
            if wanted.rank != part.type.rank or wanted.dtype != part.type.dtype:
                raise mismatch(one, wanted, part.type, place, frame)
            for size, actual in zip(wanted.dims, part.type.dims, strict=True):
                if not match(size, actual, bindings):
                    raise mismatch(one, wanted, part.type, place, frame)
    frame.builder.symbols.update(bindings)
    return bindings


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


def mismatch(
    one: Fed, wanted: TensorType, found: TensorType, place: Place, frame: Frame
) -> StepError:
    given = one.given
    notes = [f"declared {wanted} at {one.declaration.place}", *(origins([given]) if given else ())]
    return StepError.of(
        "E304",
        f"the input '{one.declaration.name}' does not fit",
        given.place if given else place,
        label=f"expected {wanted}, found {found}",
        notes=notes,
    )
