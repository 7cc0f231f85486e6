"""A child's weights from its parent's, such that it computes what its parent did where it can.

Weights go by their names. One of the same shape is taken over. One that grew keeps the old values
in a corner of it, part by part (see `parts`), or in the middle of its window: new outputs begin
with the child's own initial values, and whatever reads them begins at zero, so that the function
stays and new units learn at once. This is Net2Net's aim (Chen et al., 2016) without copies of
units, which would have to be told apart by noise. One that shrank is cut.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archc.arrays import Array
from archc.ir.nodes import OpNode, Weight
from archc.ir.program import Program, WeightEntry
from archc.ops.base import Op
from archc.search.parts import Layout, Parts, input_axis, weight_parts
from archc.store import stored

WINDOW = 2  # the first axis of a filter's window; those before are channels
Places = tuple[Array, Array]  # along an axis: where values are put, and where they were


def inherited(
    child: Program, parent: Program, weights: Mapping[str, Array], seed: int = 0
) -> dict[str, Array]:
    """All weights of the child by full name; `weights` are its parent's."""
    ops, mine, theirs = owners(child), weight_parts(child), weight_parts(parent)
    result: dict[str, Array] = {}
    with stored(child, None, seed) as entries:
        for entry in child.weights():
            name = entry.name
            if entry.owner is not None or name not in entries:
                continue
            made = np.array(entries[name].array())
            old = weights.get(name)
            fits = old is not None and old.dtype == made.dtype and old.ndim == made.ndim
            if fits and entry.weight.value is None:
                assert old is not None
                op = ops.get(entry.weight)
                fitted(made, old, entry, op, mine.get(name, {}), theirs.get(name, {}))
            result[name] = made
    return result


def owners(program: Program) -> dict[Weight, Op]:
    """Which op each weight is of."""
    return {
        weight: node.op
        for definition in program.definitions()
        for _, node in definition.graph.nodes()
        if isinstance(node, OpNode)
        for weight in node.weights
    }


def fitted(
    made: Array, old: Array, entry: WeightEntry, op: Op | None, mine: Layout, theirs: Layout
) -> None:
    """Puts the old values into `made`, and zeros where it reads values that are new."""
    window = WINDOW if op is not None and op.name.startswith("conv") else made.ndim
    places: list[Places] = []
    for axis, (size, before) in enumerate(zip(made.shape, old.shape, strict=True)):
        if axis >= window:
            places.append(centred(size, before))
        else:
            places.append(aligned(mine.get(axis, (size,)), theirs.get(axis, (before,))))
    reads = input_axis(entry.weight, op)
    if reads is not None:
        fresh = np.setdiff1d(np.arange(made.shape[reads]), places[reads][0])
        made[(slice(None),) * reads + (fresh,)] = 0
    to = np.ix_(*[one for one, _ in places])
    made[to[:window]] = 0  # the rim of a kernel that grew
    made[to] = old[np.ix_(*[one for _, one in places])]


def aligned(mine: Parts, theirs: Parts) -> Places:
    """Each part's first values to those of the part in the same place; all as one if unlike."""
    if len(mine) != len(theirs):
        mine, theirs = (sum(mine),), (sum(theirs),)
    counts = list(map(min, mine, theirs))
    return starts(mine, counts), starts(theirs, counts)


def starts(parts: Parts, counts: list[int]) -> Array:
    """The first so many places of each part."""
    ends = np.cumsum(parts)
    each = zip(ends, parts, counts, strict=True)
    return np.concatenate([np.arange(count) + end - size for end, size, count in each])


def centred(size: int, before: int) -> Places:
    """The middle of the one to the middle of the other."""
    count = np.arange(min(size, before))
    return count + (size - len(count)) // 2, count + (before - len(count)) // 2
