"""Symbols of exact sizes given values, and found from them."""

from __future__ import annotations

from collections.abc import Mapping

from archc.ir.dims import Atom, Largest, Quotient, Size, Symbol, floor_div, largest, symbol


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """The size with symbols replaced by what `values` holds for them."""
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, coefficient in size.terms:
        product: Size = coefficient
        for atom, power in monomial:
            product = product * _substitute_atom(atom, values) ** power
        total = total + product
    return total


def _substitute_atom(atom: Atom, values: Mapping[str, Size]) -> Size:
    match atom:
        case Symbol(name):
            return values.get(name, symbol(name))
        case Quotient(over, under):
            return floor_div(substitute(over, values), substitute(under, values))
        case Largest(of):
            return largest(substitute(size, values) for size in of)


def solve(size: Size, name: str) -> tuple[int, int] | None:
    """(a, b) with `size == a*name + b` and a not 0, or None if the size is not of that form."""
    if isinstance(size, int):
        return None
    a = b = 0
    for monomial, coefficient in size.terms:
        if monomial == ((Symbol(name), 1),):
            a = coefficient
        elif not monomial:
            b = coefficient
        else:
            return None
    return (a, b) if a else None
