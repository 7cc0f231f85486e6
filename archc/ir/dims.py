"""Exact symbolic dimensions.

A size is an `int` or a `Dim`: a polynomial with integer coefficients over symbols, floor quotients
and maxima, kept in a canonical form, so that two sizes are equal exactly if they compare equal.
Symbols stand for positive integers. The rules of the form:

1. a polynomial is a sorted tuple of (monomial, coefficient); constants collapse to `int`;
2. `(d*q + r) // d` becomes `q + r // d`, common factors are cancelled, `(p // a + c) // b` becomes
   `(p + a*c) // (a*b)` for positive integers a and b;
3. an exact quotient by a monomial is carried out: `N*H // N` is `H`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

from archc.errors import ArchcError, SpecError

MAX_TERMS = 64  # of one size; no network comes near
MAX_TEXT = 4_000  # letters of what stands inside a quotient or a maximum


class SizeError(SpecError):
    """A size grows beyond all reason; the elaborator adds the place."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named dimension, a positive integer not known before run time."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Quotient:
    """The floor of `over / under`, where no rule carries the division out."""

    over: Size
    under: Size

    def __str__(self) -> str:
        return f"{_wrapped(self.over)}//{_wrapped(self.under)}"


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest of several sizes of which none is known to be it."""

    of: tuple[Size, ...]

    def __str__(self) -> str:
        return f"max({', '.join(map(str, self.of))})"


Atom = Symbol | Quotient | Largest
Monomial = tuple[tuple[Atom, int], ...]  # (atom, power), sorted by the atom's text


class Dim:
    """A size that holds at least one symbol. Build it with `symbol` and arithmetic only.

    What is asked of it again and again (hash, text, symbols) is worked out once.
    """

    __slots__ = ("_hash", "_symbols", "_text", "terms")

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]) -> None:
        self.terms = terms
        self._hash: int | None = None
        self._text: str | None = None
        self._symbols: frozenset[str] | None = None

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Dim) and self.terms == other.terms)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.terms)
        return self._hash

    def __reduce__(self) -> tuple[type[Dim], tuple[object]]:
        return Dim, (self.terms,)  # a hash is good for one process

    def __add__(self, other: Size) -> Size:
        return self._plus(other) if isinstance(other, int) else _sum([self, other])

    __radd__ = __add__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + other * -1

    def __rsub__(self, other: Size) -> Size:
        return self * -1 + other

    def __mul__(self, other: Size) -> Size:
        if isinstance(other, int):
            return self._times(other)
        if len(self.terms) * len(other.terms) > MAX_TERMS**2:
            raise _too_long()
        product: dict[Monomial, int] = {}
        for ours, a in self.terms:
            for theirs, b in other.terms:
                key = _join(ours, theirs)
                product[key] = product.get(key, 0) + a * b
        return _make(product)

    __rmul__ = __mul__

    def _plus(self, number: int) -> Dim:
        """The sum with a number, which stands behind all symbols."""
        *others, (monomial, last) = self.terms
        if monomial:
            others, last = list(self.terms), 0
        total = last + number
        if total and len(others) == MAX_TERMS:
            raise _too_long()
        return Dim((*others, ((), total)) if total else tuple(others))

    def _times(self, number: int) -> Size:
        if number == 0:
            return 0
        if number == 1:
            return self
        return Dim(tuple([(monomial, factor * number) for monomial, factor in self.terms]))

    def __floordiv__(self, other: Size) -> Size:
        return floor_div(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return floor_div(other, self)

    def __mod__(self, other: Size) -> Size:
        return self - floor_div(self, other) * other

    def __rmod__(self, other: Size) -> Size:
        return other - floor_div(other, self) * self

    def __pow__(self, power: int) -> Size:
        result: Size = 1
        for _ in range(power):
            result = result * self
        return result

    def __str__(self) -> str:
        if self._text is None:
            self._text = _text(self)
        return self._text

    def __repr__(self) -> str:
        return f"Dim({self})"


Size = int | Dim


@lru_cache(maxsize=1024)
def symbol(name: str) -> Dim:
    """The dimension called `name`."""
    return Dim(((((Symbol(name), 1),), 1),))


def floor_div(over: Size, under: Size) -> Size:
    """`over // under` in canonical form; raises ZeroDivisionError as integers do."""
    if isinstance(over, int) and isinstance(under, int):
        return over // under
    if over == under:
        return 1
    if isinstance(under, int):
        if under < 0:
            return floor_div(-over, -under)
        return _floor_by_int(over, under)
    exact = _exact_quotient(over, under)
    return _atom(Quotient(over, under)) if exact is None else exact


def ceil_div(over: Size, under: Size) -> Size:
    """The smallest size not below `over / under`."""
    return floor_div(over + under - 1, under)


def largest(sizes: Iterable[Size]) -> Size:
    """The maximum, decided where the difference of two sizes has a known sign."""
    kept: list[Size] = []
    for size in sizes:
        if any(_at_least(other, size) for other in kept):
            continue
        kept = [other for other in kept if not _at_least(size, other)] + [size]
    if len(kept) == 1:
        return kept[0]
    return _atom(Largest(tuple(sorted(kept, key=str))))


def smallest(sizes: Iterable[Size]) -> Size:
    """The minimum, decided as `largest` decides."""
    return -largest(-size for size in sizes)


def lower_bound(size: Size) -> int | None:
    """A number the size is never below, or None where none is known."""
    if isinstance(size, int):
        return size
    total = 0
    for monomial, coefficient in size.terms:
        least = 1
        for atom, power in monomial:
            bound = _atom_bound(atom)
            if bound is None or bound < 0:
                return None
            least *= bound**power
        if coefficient < 0 and monomial:
            return None
        total += coefficient * least
    return total


def differ(a: Size, b: Size) -> bool:
    """Whether the two sizes are known to be unequal for every value of the symbols."""
    gap = a - b
    if isinstance(gap, int):
        return gap != 0
    above, below = lower_bound(gap), lower_bound(-gap)
    return (above is not None and above > 0) or (below is not None and below > 0)


def symbols(size: Size) -> frozenset[str]:
    """The names of the symbols in the size."""
    if isinstance(size, int):
        return frozenset()
    if size._symbols is None:
        found: set[str] = set()
        for monomial, _ in size.terms:
            for atom, _power in monomial:
                match atom:
                    case Symbol(name):
                        found.add(name)
                    case Quotient(over, under):
                        found |= symbols(over) | symbols(under)
                    case Largest(of):
                        found.update(*map(symbols, of))
        size._symbols = frozenset(found)
    return size._symbols


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return (((), size),) if isinstance(size, int) else size.terms


def _atom(atom: Atom) -> Dim:
    # What is nested has texts that can double with every level, though it lies in memory once.
    if not isinstance(atom, Symbol) and len(str(atom)) > MAX_TEXT:
        raise _too_long()
    return Dim(((((atom, 1),), 1),))


def _too_long() -> ArchcError:
    return SizeError.of("E216", f"a symbolic size is longer than {MAX_TERMS} terms")


def _make(terms: Mapping[Monomial, int]) -> Size:
    kept = [(monomial, c) for monomial, c in terms.items() if c]
    if len(kept) > MAX_TERMS:
        raise _too_long()
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    return Dim(tuple(sorted(kept, key=_order)))


def _order(term: tuple[Monomial, int]) -> tuple[int, str]:
    monomial, _ = term
    return -sum(power for _, power in monomial), _monomial_text(monomial)


def _sum(sizes: Iterable[Size]) -> Size:
    total: dict[Monomial, int] = {}
    for size in sizes:
        for monomial, coefficient in _terms(size):
            total[monomial] = total.get(monomial, 0) + coefficient
    return _make(total)


def _join(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) + power
    if len(powers) > MAX_TERMS:
        raise _too_long()
    return tuple(sorted(powers.items(), key=_by_text))


def _floor_by_int(over: Size, under: int) -> Size:
    whole = {m: c // under for m, c in _terms(over)}
    rest = {m: c % under for m, c in _terms(over)}
    constant = rest.pop((), 0)
    if not any(rest.values()):
        return _make(whole)
    common = gcd(under, *rest.values())
    under //= common
    remainder = _make({**{m: c // common for m, c in rest.items()}, (): constant // common})
    if under == 1:
        return _make(whole) + remainder
    return _make(whole) + _merged_quotient(remainder, under)


def _merged_quotient(over: Size, under: int) -> Size:
    """Rule 2's nested case: a lone quotient by an integer, plus a constant."""
    inner = [(m, c) for m, c in _terms(over) if m]
    if len(inner) == 1 and inner[0][1] == 1 and len(inner[0][0]) == 1:
        atom, power = inner[0][0][0]
        if power == 1 and isinstance(atom, Quotient) and isinstance(atom.under, int):
            constant = over - _atom(atom)
            return floor_div(atom.over + constant * atom.under, under * atom.under)
    return _atom(Quotient(over, under))


def _exact_quotient(over: Size, under: Dim) -> Size | None:
    """Rule 3, where `under` is one monomial that divides every term."""
    if len(under.terms) != 1:
        return None
    monomial, divisor = under.terms[0]
    result: dict[Monomial, int] = {}
    for theirs, coefficient in _terms(over):
        powers = dict(theirs)
        for atom, power in monomial:
            powers[atom] = powers.get(atom, 0) - power
        if coefficient % divisor or min(powers.values()) < 0:
            return None
        key = tuple((atom, power) for atom, power in sorted(powers.items(), key=_by_text) if power)
        result[key] = coefficient // divisor
    return _make(result)


def _by_text(item: tuple[Atom, int]) -> str:
    return str(item[0])


def _at_least(a: Size, b: Size) -> bool:
    bound = lower_bound(a - b)
    return bound is not None and bound >= 0


def _atom_bound(atom: Atom) -> int | None:
    match atom:
        case Symbol():
            return 1
        case Quotient(over, under):
            bound = lower_bound(over)
            if bound is None or bound < 0:
                return None
            return bound // under if isinstance(under, int) and under > 0 else 0
        case Largest(of):
            bounds = [bound for bound in map(lower_bound, of) if bound is not None]
            return max(bounds, default=None)


def _monomial_text(monomial: Monomial) -> str:
    return "*".join(
        _factor_text(atom) + (f"**{power}" if power > 1 else "") for atom, power in monomial
    )


def _factor_text(atom: Atom) -> str:
    return f"({atom})" if isinstance(atom, Quotient) else str(atom)


def _text(size: Dim) -> str:
    text = ""
    for monomial, coefficient in size.terms:
        magnitude = abs(coefficient)
        factors = [str(magnitude)] if magnitude != 1 or not monomial else []
        term = "*".join([*factors, *([_monomial_text(monomial)] if monomial else [])])
        if len(size.terms) == 1 and coefficient == 1 and monomial[0][1] == len(monomial) == 1:
            return str(monomial[0][0])  # a lone atom needs no parentheses
        sign = "-" if coefficient < 0 else "+"
        text += f" {sign} {term}" if text else (f"-{term}" if coefficient < 0 else term)
    return text


def _wrapped(size: Size) -> str:
    simple = isinstance(size, int) or (
        len(size.terms) == 1
        and size.terms[0][1] == 1
        and isinstance(size.terms[0][0][0][0], Symbol)
        and size.terms[0][0][0][1] == 1
        and len(size.terms[0][0]) == 1
    )
    return str(size) if simple else f"({size})"
