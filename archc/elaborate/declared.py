"""Input types as declared, with the symbols they bring."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from archc.elaborate import repeats
from archc.elaborate.context import MAX_RANK, MAX_SYMBOLS, StepError
from archc.elaborate.scope import (
    Frame,
    Poisoned,
)
from archc.errors import Diagnostic
from archc.ir.dims import Dim, Size, symbol
from archc.ir.types import DTYPES, DType, TensorType
from archc.ops.kinds import whole
from archc.spec.ast import InputDeclaration, Template, formula_names
from archc.spec.data import Data, Scalar, plain
from archc.spec.formula import Formula

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator


def declared_types(e: Elaborator, declaration: InputDeclaration, frame: Frame) -> list[TensorType]:
    """The declared type of an input, or of each part of a list input."""
    rows: list[dict[str, Any]] = [{}]
    variables: frozenset[str] = frozenset()
    if declaration.repeat is not None:
        rows, variables = repeats.copies(e, declaration.repeat, frame)
        e.context.spend_step(declaration.place, len(rows))
    if rows and not formula_names(declaration.shape) & variables:  # one type for all
        return len(rows) * [declared_type(e, declaration, frame.with_bindings(rows[0]))]
    return [declared_type(e, declaration, frame.with_bindings(row)) for row in rows]


def declared_type(e: Elaborator, declaration: InputDeclaration, frame: Frame) -> TensorType:
    dtype = plain(declaration.dtype) if declaration.dtype is not None else "float32"
    if dtype not in DTYPES:
        raise Poisoned
    dims: list[Size] = []
    written = declaration.shape.items if declaration.shape else []
    if len(written) > MAX_RANK:
        what = f"'{declaration.name}' has {len(written)} dimensions, and {MAX_RANK} are the most"
        raise StepError.of("E302", what, declaration.place)
    for item in written:
        if isinstance(item, Scalar) and isinstance(item.value, str) and item.formula is None:
            dims.append(declared_symbol(e, item, frame))
            continue
        known = {**frame.builder.symbols}
        names = formula_names(item) - frame.bindings.keys() - known.keys()
        if is_lone_name(item):  # written `=n` it is a parameter, and else a misspelt one
            names &= frame.builder.declared_symbols
        frame.builder.symbols.update({name: symbol(name) for name in names})
        value = e.evaluator.value(item, frame)
        frame.builder.symbols.clear()
        frame.builder.symbols.update(known)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | Dim)
            or (isinstance(value, int) and value < 0)
        ):
            help = whole(value) if isinstance(value, float) else ""
            raise StepError.of(
                "E207", f"a size is a whole number, found {value!r}", item.place, help=help
            )
        dims.append(value)
    result: DType = dtype
    return TensorType(result, tuple(dims))


def is_lone_name(item: Data) -> bool:
    formula = item.formula if isinstance(item, Scalar) else None
    return isinstance(formula, Formula) and isinstance(formula.tree, ast.Name)


def declared_symbol(e: Elaborator, item: Scalar, frame: Frame) -> Dim:
    name = str(item.value)
    if not name.isidentifier() or len(name) > 60:
        raise StepError.of("E312", f"'{name[:60]}' cannot name a dimension", item.place)
    if name in frame.bindings:
        e.context.report(
            Diagnostic(
                "W902",
                f"the dimension '{name}' has a parameter's name",
                item.place,
                help=f"was ={name} meant?",
                severity="warning",
            )
        )
    return symbol(name)


def declared_symbols(template: Template) -> frozenset[str]:
    """The bare names in the declared shapes."""
    found = set()
    for declaration in template.inputs:
        for item in declaration.shape.items if declaration.shape else ():
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.formula is None:
                found.add(item.value)
        if len(found) > MAX_SYMBOLS:
            what = f"more than {MAX_SYMBOLS} symbolic dimensions"
            raise StepError.of("E312", what, declaration.place)
    return frozenset(found)
