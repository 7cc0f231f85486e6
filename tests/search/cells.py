"""The cells of NAS-Bench-201 as numbers: which of them are one network, found by trying everything.

A cell is run in the integers modulo a prime. Its pooling and its weighted edges are functions drawn
at random, so cells that give the same numbers compute the same, but for sums and for what is 0. An
edge's function is drawn by its label. Which edge has which label is tried in all 720 ways; the
numbers of all of them, sorted, are the cell's name: two cells have one name if the edges of one can
be exchanged for those of the other so that both are the same network. Nothing of the compiler is
used.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from typing import Any, Literal

import numpy as np

OPS = ("zeros_like", "identity", "conv1x1", "conv3x3", "pool3x3")
EDGES = ("e10", "e20", "e21", "e30", "e31", "e32")
CELLS = tuple(product(OPS, repeat=6))

Cell = tuple[str, ...]
Numbers = np.ndarray[Any, np.dtype[np.uint64]]
# What a weighted edge gives for zeros: zeros; the shift that it learns, whatever its kernel; or
# something of its own, as for any other value.
OfZeros = Literal["zeros", "shift", "own"]

PRIME = 2**31 - 1  # products fit in 64 bits
LABELS = np.array(list(permutations(range(6)))).T  # [6 edges, 720]; the first: each its own


def _drawn(seed: int) -> Numbers:
    return np.random.default_rng(seed).integers(1, PRIME, 6, dtype=np.uint64)


POOL, SHIFT = _drawn(0)[0], _drawn(1)
SCALE = {"conv1x1": _drawn(2), "conv3x3": _drawn(3)}
OWN = {"conv1x1": _drawn(4), "conv3x3": _drawn(5)}


def _edge(op: str, edge: int, x: Numbers, of_zeros: OfZeros) -> Numbers:
    """The edge's values, 0 of 0 but for the shift; without one they are x³ + s·x."""
    if op in ("zeros_like", "identity"):
        return x * np.uint64(op == "identity")
    label = LABELS[edge]
    scale = POOL if op == "pool3x3" else SCALE[op][label]
    y = x * ((x * x + scale) % PRIME) % PRIME
    if op == "pool3x3" or of_zeros == "zeros":
        return y
    return (y + (SHIFT if of_zeros == "shift" else OWN[op])[label]) % PRIME


@cache
def values(of_zeros: OfZeros) -> dict[Cell, tuple[bytes, int]]:
    """Each cell's name, and its value where each edge has its own label."""
    found: dict[Cell, tuple[bytes, int]] = {}
    x = np.full(LABELS.shape[1], 123_456_789, np.uint64)

    def run(op: str, edge: int, x: Numbers) -> Numbers:
        return _edge(op, edge, x, of_zeros)

    from_x = {op: run(op, 3, x) for op in OPS}
    for e10 in OPS:
        n1 = run(e10, 0, x)
        from_n1 = {op: run(op, 4, n1) for op in OPS}
        for e20, e21 in product(OPS, repeat=2):
            n2 = (run(e20, 1, x) + run(e21, 2, n1)) % PRIME
            from_n2 = {op: run(op, 5, n2) for op in OPS}
            for e30, e31, e32 in product(OPS, repeat=3):
                y = (from_x[e30] + from_n1[e31] + from_n2[e32]) % PRIME
                found[e10, e20, e21, e30, e31, e32] = np.sort(y).tobytes(), int(y[0])
    return found


def paper_string(cell: Cell) -> str:
    """The cell as Dong and Yang (2020) write it, to count different ones.

    Nodes are the sorted sums of their edges, written out in full; # is zero.
    """
    nodes = ["0"]
    for ops in (cell[:1], cell[1:3], cell[3:]):
        terms = []
        for op, node in zip(ops, tuple(nodes), strict=True):
            if op == "zeros_like" or node == "#":
                terms.append("#")
            else:
                terms.append(node if op == "identity" else f"({node})@{op}")
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]
