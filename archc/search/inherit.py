"""A child's weights from its parent's, such that it computes what its parent did where it can.

Weights go by their names. One of the same shape is taken over. One that grew keeps the old values
in a corner of it (a kernel in its middle): new outputs begin with the child's own initial values,
and whatever reads them begins at zero, so that the function stays and new units learn at once. This
is Net2Net's aim (Chen et al., 2016) without copies of units, which would have to be told apart by
noise. One that shrank is cut. What is inserted preserves the function by its own initialisers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archc.arrays import Array
from archc.ir.nodes import OpNode, Weight
from archc.ir.program import Program, WeightEntry
from archc.ops.base import Op
from archc.store import stored

WINDOW = 2  # the first axis of a filter's window; those before are channels


def inherited(child: Program, parent: Mapping[str, Array], seed: int = 0) -> dict[str, Array]:
    """All weights of the child by full name; `parent` has its parent's."""
    ops = owners(child)
    result: dict[str, Array] = {}
    with stored(child, None, seed) as entries:
        for entry in child.weights():
            if entry.owner is not None or entry.name not in entries:
                continue
            made = np.array(entries[entry.name].array())
            old = parent.get(entry.name)
            fits = old is not None and old.dtype == made.dtype and old.ndim == made.ndim
            if fits and entry.weight.value is None:
                assert old is not None
                fitted(made, old, entry, ops.get(entry.weight))
            result[entry.name] = made
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


def fitted(made: Array, old: Array, entry: WeightEntry, op: Op | None) -> None:
    """Puts the old values into `made`, and zeros where it reads values that are new."""
    reads = input_axis(entry.weight, op)
    window = WINDOW if op is not None and op.name.startswith("conv") else made.ndim
    parts = gates(entry.weight, op)
    for new, before in zip(split(made, parts), split(old, parts), strict=True):
        sizes = list(enumerate(zip(new.shape, before.shape, strict=True)))
        to = tuple(span(mine, theirs, axis >= window) for axis, (mine, theirs) in sizes)
        source = tuple(span(theirs, mine, axis >= window) for axis, (mine, theirs) in sizes)
        new[to[:window]] = 0  # the rim of a kernel that grew
        if reads is not None:
            fresh = [slice(None)] * made.ndim
            fresh[reads] = slice(before.shape[reads], None)
            new[tuple(fresh)] = 0
        new[to] = before[source]


def span(size: int, other: int, middle: bool) -> slice:
    """The part of an axis that has a counterpart on one of another size."""
    count = min(size, other)
    start = (size - count) // 2 if middle else 0
    return slice(start, start + count)


def split(array: Array, parts: int) -> list[Array]:
    """Views of the parts along axis 0."""
    return np.split(array, parts) if parts > 1 else [array]


def input_axis(weight: Weight, op: Op | None) -> int | None:
    """The axis along which a weight reads its op's input; None if there is none."""
    if op is None or len(weight.type.dims) < 2:
        return None
    if op.name.startswith("conv_transpose") or getattr(op, "layout", None) == "in_out":
        return 0
    reads = op.name.startswith("conv") or op.name == "linear" or hasattr(op, "hidden")
    return 1 if reads else None


def gates(weight: Weight, op: Op | None) -> int:
    """How many blocks of `hidden` rows a recurrent op's weight has; 1 for any other's."""
    hidden, rows = getattr(op, "hidden", None), weight.type.dims[0] if weight.type.dims else 0
    if not isinstance(hidden, int) or not isinstance(rows, int) or rows % hidden:
        return 1
    return rows // hidden
