"""What an op's example says: its inputs' types, and the numbers that may stand in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from archc.ir.dims import Dim, symbol
from archc.ir.types import DTYPES, DType, TensorType
from archc.ops.base import Example
from archc.spec.formula import evaluate, parse
from archc.spec.values import Budget

_NUMBER = r"-?\d+(?:\.\d+)?"
_FEED = re.compile(
    rf"(?P<dtype>[a-z]+\d*)?(?P<dims>\[.*\])(?: +(?P<low>{_NUMBER})\.\.(?P<high>{_NUMBER}))?"
)


@dataclass(frozen=True, slots=True)
class Feed:
    """An input's type, and the inclusive bounds of its values where there are any."""

    type: TensorType
    low: float | None = None
    high: float | None = None


def feed(text: str) -> Feed:
    """`[N, 3]`, `int64[N, 2*T] 0..9` and the like; ValueError if the text is not of that form."""
    match = _FEED.fullmatch(text.strip())
    if match is None or (match["dtype"] or "float32") not in DTYPES:
        raise ValueError(f"not an example's input: {text}")
    dims = evaluate(parse(match["dims"]), symbol, Budget())
    if not all(isinstance(dim, int | Dim) for dim in dims):
        raise ValueError(f"not sizes: {text}")
    type = TensorType(cast(DType, match["dtype"] or "float32"), tuple(dims))
    bounds = [None if match[end] is None else float(match[end]) for end in ("low", "high")]
    return Feed(type, *bounds)


def feeds(example: Example) -> dict[str, tuple[Feed, ...]]:
    """The example's inputs by name; one feed each, or as many as a variadic input is given."""
    return {
        name: tuple(feed(part) for part in text.split(";") if part.strip())
        for name, text in example.feeds.items()
    }
