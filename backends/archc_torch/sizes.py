"""Sizes that are known only at run time, as expressions on the shapes of tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from archc.ir.dims import Atom, Dim, Largest, Monomial, Quotient, Size, Symbol, floor_div, symbols
from archc.ir.substitution import solve
from archc_torch.code import ATOM, POWER, PRODUCT, SIGN, SUM, Code, Expr, Hole, Part, joined

MOST = 64  # the largest factor or divisor that is tried where a size is a part of another


class Anchor(NamedTuple):
    """A size that can be read: its code, and what it is."""

    code: Code
    size: Size


def express(size: Size, anchors: Sequence[Anchor]) -> Expr | None:
    """The size by what can be read, or None if that does not tell it.

    First a size that is read as it is, then arithmetic on symbols that are read, then a simple
    function of a size that is no symbol: `2 * x`, `x // 2`, `(x - 1) // 2 + 1`.
    """
    if isinstance(size, int):
        return Expr((Hole(size, "size"),))
    for anchor in anchors:
        if anchor.size == size:
            return Expr(anchor.code)
    try:
        return written(size, lambda atom: _read(atom, anchors))
    except LookupError:
        return next(
            (found for anchor in anchors if (found := _part(size, anchor)) is not None), None
        )


def _read(atom: Atom, anchors: Sequence[Anchor]) -> Expr | None:
    """What is read for a part of a size; None if it is to be worked out. Raises LookupError."""
    if isinstance(atom, Symbol):
        found = _symbol(atom.name, anchors)
        if found is None:
            raise LookupError(atom.name)
        return found
    whole = Dim(((((atom, 1),), 1),))
    return next((Expr(anchor.code) for anchor in anchors if anchor.size == whole), None)


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
        found = Expr((*anchor.code, *_shift(-offset)), SUM) if offset else Expr(anchor.code)
        if scale != 1:
            found = Expr((*found.bound(PRODUCT), " // ", Hole(scale, "size")), PRODUCT)
        best = best or found
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
            code: tuple[Part, ...] = (
                (Hole(factor, "size"), " * ", *anchor.code) if factor > 1 else anchor.code
            )
            return Expr((*code, *_shift(rest)), SUM) if rest else Expr(code, PRODUCT)
    for divisor in range(2, MOST + 1):
        for before in (0, -1, 1 - divisor, divisor - 1, 1, -2):
            rest = size - floor_div(anchor.size + before, divisor)
            if isinstance(rest, int):
                over: Code = ("(", *anchor.code, *_shift(before), ")") if before else anchor.code
                code = (*over, " // ", Hole(divisor, "size"))
                return Expr((*code, *_shift(rest)), SUM) if rest else Expr(code, PRODUCT)
    return None


def written(size: Size, read: Callable[[Atom], Expr | None]) -> Expr:
    """The size as Python arithmetic; `read` gives the code of what is read."""
    if isinstance(size, int):
        return Expr((Hole(size, "size"),))
    terms = [_term(monomial, abs(coefficient), read) for monomial, coefficient in size.terms]
    negative = [coefficient < 0 for _, coefficient in size.terms]
    if len(terms) == 1 and not negative[0]:
        return terms[0]
    code: list[Part] = []
    for k, (term, minus) in enumerate(zip(terms, negative, strict=True)):
        code += [" - " if minus else " + "] if k else ["-"] if minus else []
        code += term.bound(PRODUCT if k or not minus else SIGN)
    return Expr(tuple(code), SUM)


def _term(monomial: Monomial, factor: int, read: Callable[[Atom], Expr | None]) -> Expr:
    factors = [_power(_atom(atom, read), power) for atom, power in monomial]
    if factor != 1 or not factors:
        factors.insert(0, Expr((Hole(factor, "size"),)))
    if len(factors) == 1:
        return factors[0]
    code: list[Part] = []
    for k, each in enumerate(factors):
        code += [*([" * "] if k else []), *each.bound(PRODUCT + (k > 0))]
    return Expr(tuple(code), PRODUCT)


def _power(base: Expr, power: int) -> Expr:
    return base if power == 1 else Expr((*base.bound(ATOM), f"**{power}"), POWER)


def _atom(atom: Atom, read: Callable[[Atom], Expr | None]) -> Expr:
    found = read(atom)
    if found is not None:
        return found
    match atom:
        case Quotient(over, under):
            left, right = written(over, read), written(under, read)
            return Expr((*left.bound(PRODUCT), " // ", *right.bound(PRODUCT + 1)), PRODUCT)
        case Largest(of):
            return Expr(("max(", *joined(written(size, read).code for size in of), ")"))
    raise LookupError(str(atom))


def unknown(size: Size, anchors: Sequence[Anchor]) -> list[str]:
    """The symbols of the size that cannot be read."""
    return [name for name in sorted(symbols(size)) if _symbol(name, anchors) is None]
