"""Steps that only move positions, together as one Gather.

A shifted window is a roll along two axes, which are four slices and two concatenations, and a
rearrangement: three copies of the picture. Where the sizes are known, all of them say for each
place of the result which position comes there, and one Gather copies it once, a row of the last
axis at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Final

import numpy as np

from archc.arrays import Array
from archc.ir.graph import Value
from archc.ir.nodes import OpNode
from archc.ir.program import Definition, Program
from archc.ir.types import product
from archc.ops.registry import ops
from archc.passes.base import Pass
from archc.passes.rebuild import Rebuild, op_node, rebuilt

MOVING: Final = frozenset({"roll", "flip", "slice", "rearrange", "transpose"})
ALONG: Final = frozenset({"roll", "flip", "slice"})  # along axes that they name
COSTLY: Final = frozenset({"roll", "flip"})  # several nodes, or a slow one

_MOST: Final = 1 << 22  # elements that are moved to try it
_ANY: Final = 2  # what stands for a first axis of any size


@dataclass(frozen=True)
class GatherMoves(Pass):
    """Chains of moves between the first and the last axis as a gather.

    1. Only with a roll or a flip in the chain: a transposition alone is no dearer than a gather.
    2. Only where no step but the next reads the value between.
    3. The first axis may be of any size, a symbol; it and the last stay as they are.
    """

    def run(self, program: Program) -> Program:
        return rebuilt(program, _changed)


def _changed(definition: Definition) -> Definition:
    graph = definition.graph
    found: dict[int, tuple[list[int], Array]] = {}
    taken: set[int] = set()
    for id in reversed([id for id, _ in graph.nodes()]):
        if id in taken:
            continue
        moves = _gathered(definition, _chain(definition, id))
        if moves is not None:
            chain, index = moves
            found[chain[-1]] = chain, index
            taken.update(chain)
    if not found:
        return definition
    rebuild = Rebuild(definition)
    for id, node in graph.nodes():
        if id in found:
            _put(rebuild, *found[id])
        elif id not in taken:
            rebuild.keep(id, node)
    return rebuild.finish()


def _chain(definition: Definition, last: int) -> list[int]:
    """Moves that end in a node, each read by the next alone, in order."""
    graph, chain = definition.graph, [last]
    if _move(definition, last) is None:
        return []
    while True:
        (value,) = graph.present(chain[0])
        alone = len(graph.users(value.node)) == 1 and value not in definition.outputs.values()
        if not alone or _move(definition, value.node) is None:
            return chain
        chain.insert(0, value.node)


def _move(definition: Definition, id: int) -> OpNode | None:
    node = definition.graph.node(id)
    return node if isinstance(node, OpNode) and node.op.name in MOVING else None


def _gathered(definition: Definition, chain: list[int]) -> tuple[list[int], Array] | None:
    """The longest part at the end of a chain that is a gather, and its index."""
    graph = definition.graph
    for start in range(len(chain)):
        part = chain[start:]
        names = [node.op.name for id in part if isinstance(node := graph.node(id), OpNode)]
        if COSTLY.isdisjoint(names):
            return None
        index = _index(definition, part)
        if index is not None:
            return part, index
    return None


def _index(definition: Definition, chain: Sequence[int]) -> Array | None:
    """For each place of the result between its first and last axis, the position that comes there.

    None where the moves are not along those alone.
    """
    graph = definition.graph
    (source,) = graph.present(chain[0])
    before, after = graph.type(source).dims, graph.node(chain[-1]).types[0].dims
    inner = [size for size in (*before[1:], *after[1:]) if isinstance(size, int)]
    if len(before) < 3 or len(after) < 3 or len(inner) < len(before) + len(after) - 2:
        return None
    batch = before[0] if isinstance(before[0], int) else _ANY
    whole, last = [batch, *inner[: len(before) - 1]], inner[-1]
    stays = (
        before[0] == after[0]
        and before[-1] == last
        and (isinstance(before[0], int) or str(before[0]).isidentifier())
    )
    if not stays or prod(whole) > _MOST:
        return None
    moved: Array = np.arange(prod(whole)).reshape(whole)
    for id in chain:
        node = graph.node(id)
        assert isinstance(node, OpNode)
        if node.op.name in ALONG and not _between(node, moved.ndim):
            return None
        result = node.op.evaluate(moved)
        if result is None or isinstance(result, tuple):
            return None
        moved = result
    index: Array = moved[0, ..., 0] // last
    rows = np.arange(batch).reshape(-1, *[1] * index.ndim) * prod(whole[1:-1]) + index
    return index if np.array_equal(moved, rows[..., None] * last + np.arange(last)) else None


def _between(node: OpNode, rank: int) -> bool:
    """Whether the axes that the node names are neither the first nor the last."""
    op: Any = node.op
    axes = (op.axis,) if op.name == "slice" else op.axes
    return all(0 < axis % rank < rank - 1 for axis in axes)


def _put(rebuild: Rebuild, chain: Sequence[int], index: Array) -> None:
    graph, last = rebuild.graph, rebuild.source.graph.node(chain[-1])
    (value,) = rebuild.inputs(chain[0])
    assert value is not None
    dims = graph.type(value).dims
    flat = (dims[0], product(dims[1:-1]), dims[-1])
    if dims != flat:
        reshape = op_node(graph, last, ops()["reshape"].make(shape=flat), [value])
        value = Value(graph.add(replace(reshape, path=f"{last.path}.rows"), [value]))
    constant = op_node(
        graph, last, ops()["constant"].make(value=_tuples(index.tolist()), dtype="int64"), []
    )
    places = Value(graph.add(replace(constant, path=f"{last.path}.places")))
    gather = op_node(graph, last, ops()["gather"].make(axis=1), [value, places])
    rebuild.put(chain[-1], gather, [value, places])


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
