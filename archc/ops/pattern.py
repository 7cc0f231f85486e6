"""The patterns of `rearrange`: `n (h p) c -> n h (p c)`, the notation of einops (Rogozhnikov 2022).

A side is a list of axes: a name, `1`, a product of names in parentheses (`()` is `1`), or once
`...`, which stands for any axes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from archc.ir.dims import Size
from archc.ir.types import TensorType, product
from archc.ops.site import TypingError
from archc.ops.sizes import divide

Side = tuple[tuple[str, ...], ...]  # each axis as the names whose product it is

_TOKEN = re.compile(r"\s*(\.\.\.|->|[()]|[^\W\d]\w*|\d+|\S)")


@dataclass(frozen=True, slots=True)
class Plan:
    """A rearrangement as a reshape to `split`, a permutation by `order`, a reshape to `merged`."""

    split: tuple[Size, ...]
    order: tuple[int, ...]
    merged: tuple[Size, ...]

    @property
    def permuted(self) -> tuple[Size, ...]:
        """The sizes between the permutation and the last reshape."""
        return tuple(self.split[axis] for axis in self.order)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Both sides of a pattern; neither repeats a name, and they have the same ones."""

    left: Side
    right: Side

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for axis in self.left for name in axis)

    def plan(self, x: TensorType, given: Mapping[str, Size]) -> Plan:
        """How a value of this type is rearranged. Raises TypingError E306 or E309."""
        for name in given:
            if name not in self.names or name == "...":
                raise _wrong(f"the pattern has no axis '{name}'", about=name)
        left, right = _numbered(self, x.rank)
        if len(left) != x.rank:
            raise _wrong(f"the pattern has {len(left)} axes, and {x.shape_text} has {x.rank}")
        sizes: dict[str, Size] = {}
        for place, (names, size) in enumerate(zip(left, x.dims, strict=True)):
            _solve(place, names, size, given, sizes)
        before = [name for names in left for name in names]
        after = [name for names in right for name in names]
        return Plan(
            tuple(sizes[name] for name in before),
            tuple(before.index(name) for name in after),
            tuple(product(sizes[name] for name in names) for names in right),
        )


def parse(text: str) -> Pattern:
    """The pattern; raises TypingError E309."""
    sides = text.split("->")
    if len(sides) != 2:
        raise _wrong("a pattern has one '->' between what is and what shall be")
    left, right = map(_side, sides)
    for axes in (left, right):
        names = [name for axis in axes for name in axis]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise _wrong(f"'{repeated}' is twice on one side")
    pattern = Pattern(left, right)
    after = frozenset(name for axis in right for name in axis)
    for name in sorted(pattern.names ^ after):
        side = "right" if name in pattern.names else "left"
        help = "reduce with mean or sum, repeat with expand" if name != "..." else ""
        raise _wrong(f"'{name}' is missing on the {side}", help=help)
    return pattern


def _side(text: str) -> Side:
    axes: list[tuple[str, ...]] = []
    group: list[str] | None = None
    for token in _TOKEN.findall(text):
        if token == "(" and group is None:
            group = []
        elif token == ")" and group is not None:
            axes.append(tuple(group))
            group = None
        elif token == "1":
            if group is None:
                axes.append(())
        elif token.isidentifier() or (token == "..." and group is None):
            axes.append((token,)) if group is None else group.append(token)
        else:
            raise _wrong(
                f"'{token}' is not expected here", help="name the size: {pattern: …, h: 2}"
            )
    if group is not None:
        raise _wrong("a parenthesis is not closed")
    return tuple(axes)


def _numbered(pattern: Pattern, rank: int) -> tuple[Side, Side]:
    """Both sides with `...` replaced by as many axes as the value has beyond the named ones."""
    more = max(0, rank - (len(pattern.left) - 1))
    rest = tuple((f"...{axis}",) for axis in range(more))
    left, right = (
        tuple(axis for axes in side for axis in (rest if axes == ("...",) else (axes,)))
        for side in (pattern.left, pattern.right)
    )
    return left, right


def _solve(
    place: int,
    names: tuple[str, ...],
    size: Size,
    given: Mapping[str, Size],
    sizes: dict[str, Size],
) -> None:
    """Gives each of an axis's names its size; at most one of them is not given."""
    shown = names[0] if len(names) == 1 else f"({' '.join(names)})"
    open_names = [name for name in names if name not in given]
    known = product(given[name] for name in names if name in given)
    sizes.update((name, given[name]) for name in names if name in given)
    if len(open_names) > 1:
        raise _wrong(f"of {shown} all sizes but one are needed", help=f"add {open_names[0]}: 2")
    if open_names:
        sizes[open_names[0]] = divide(size, known, f"rearrange: axis {place}, {shown}", "pattern")
    elif size != known:
        axis = f"{shown} of {known}" if names else "1"
        raise _wrong(f"axis {place} has size {size}, and the pattern says {axis}")


def _wrong(message: str, *, about: str = "pattern", help: str = "") -> TypingError:
    return TypingError("E309", f"rearrange: {message}", about=about, help=help)
