"""Sizes that are known only at run time, as expressions on the shapes of tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from archc.ir.dims import Dim, Largest, Quotient, Size, Symbol, floor_div, solve, symbols
from archc_torch.code import ATOM, PRODUCT, SUM, Code, Expr, Hole, Part

MOST = 64  # the largest factor or divisor that is tried where a size is a part of another


@dataclass(frozen=True, slots=True)
class Anchor:
    """A size that can be read: its code, and what it is."""

    code: Code
    size: Size


def express(size: Size, anchors: Sequence[Anchor]) -> Expr | None:
    """The size by what can be read, or None if that does not tell it.

    First a size that is read as it is, then arithmetic on symbols that are read, then a simple function of a
    size that is no symbol: `2 * x`, `x // 2`, `(x - 1) // 2 + 1`.
    """
    if isinstance(size, int):
        return Expr((Hole(size, "size"),))
    for anchor in anchors:
        if anchor.size == size:
            return Expr(anchor.code)
    known = {name: found for name in symbols(size) if (found := _symbol(name, anchors)) is not None}
    if len(known) == len(symbols(size)):
        return written(size, known.__getitem__)
    return next((found for anchor in anchors if (found := _part(size, anchor)) is not None), None)


def _symbol(name: str, anchors: Iterable[Anchor]) -> Expr | None:
    """The symbol, where some size is `a * symbol + b`."""
    best: Expr | None = None
    for anchor in anchors:
        line = solve(anchor.size, name)
        if line is None:
            continue
        scale, offset = line
        if (scale, offset) == (1, 0):
            return Expr(anchor.code)
        code = anchor.code if not offset else ("(" if scale != 1 else "", *anchor.code, *_shift(-offset))
        if offset and scale != 1:
            code = (*code, ")")
        if scale != 1:
            code = (*code, " // ", Hole(scale, "size"))
        best = best or Expr(tuple(part for part in code if part != ""), PRODUCT if scale != 1 else SUM)
    return best


def _shift(by: int) -> Code:
    return (" + ", Hole(by, "size")) if by > 0 else (" - ", Hole(-by, "size"))


def _part(size: Size, anchor: Anchor) -> Expr | None:
    """The size as `k * a + c` or `(a + b) // k + c` of an anchor that is no plain symbol."""
    if isinstance(anchor.size, int):
        return None
    for factor in range(1, MOST + 1):
        rest = size - anchor.size * factor
        if isinstance(rest, int):
            code: tuple[Part, ...] = (Hole(factor, "size"), " * ", *anchor.code) if factor > 1 else anchor.code
            return Expr((*code, *_shift(rest)), SUM) if rest else Expr(code, PRODUCT)
    for divisor in range(2, MOST + 1):
        for before in (0, -1, 1 - divisor, divisor - 1, 1, -2):
            rest = size - floor_div(anchor.size + before, divisor)
            if isinstance(rest, int):
                over: Code = ("(", *anchor.code, *_shift(before), ")") if before else anchor.code
                code = (*over, " // ", Hole(divisor, "size"))
                return Expr((*code, *_shift(rest)), SUM) if rest else Expr(code, PRODUCT)
    return None


def written(size: Size, name: Callable[[str], Expr]) -> Expr:
    """The size as Python arithmetic; `name` gives the code of a symbol."""
    if isinstance(size, int):
        return Expr((Hole(size, "size"),))
    code: list[Part] = []
    for monomial, coefficient in size.terms:
        factors = [_power(_atom(atom, name), power) for atom, power in monomial]
        magnitude = abs(coefficient)
        if magnitude != 1 or not factors:
            factors.insert(0, Expr((Hole(magnitude, "size"),)))
        if code:
            code.append(" - " if coefficient < 0 else " + ")
        elif coefficient < 0:
            code.append("-")
        for k, factor in enumerate(factors):
            code += [*([" * "] if k else []), *factor.bound(PRODUCT + (k > 0))]
    alone = len(size.terms) == 1 and size.terms[0][1] > 0
    lone = alone and size.terms[0][1] == 1 and len(size.terms[0][0]) == 1
    binding = SUM if not alone else PRODUCT
    if lone:
        atom, power = size.terms[0][0][0]
        binding = _power(_atom(atom, name), power).binding
    return Expr(tuple(code), binding)


def _power(base: Expr, power: int) -> Expr:
    return base if power == 1 else Expr((*base.bound(ATOM), f"**{power}"), PRODUCT)


def _atom(atom: Symbol | Quotient | Largest, name: Callable[[str], Expr]) -> Expr:
    match atom:
        case Symbol(text):
            return name(text)
        case Quotient(over, under):
            left, right = written(over, name), written(under, name)
            return Expr((*left.bound(PRODUCT), " // ", *right.bound(PRODUCT + 1)), PRODUCT)
        case Largest(of):
            parts = [written(size, name).code for size in of]
            inner = tuple(part for k, code in enumerate(parts) for part in ((", ", *code) if k else code))
            return Expr(("max(", *inner, ")"))


def unknown(size: Size, anchors: Sequence[Anchor]) -> list[str]:
    """The symbols of the size that cannot be read."""
    return [name for name in sorted(symbols(size)) if _symbol(name, anchors) is None]


__all__ = ["Anchor", "Dim", "express", "unknown", "written"]
