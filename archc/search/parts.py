"""Of what parts weights are put together along their axes.

A layer that reads two branches, one after the other, has a part for each along the axis that it
reads; a recurrent layer has one for each gate along the axis of its rows. Where one of them grows,
the values of the others stay theirs, at other places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from archc.ir.dims import Size
from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, InputNode, OpNode, ScanNode, Weight
from archc.ir.program import Definition, Program
from archc.ops.assemble import Concat
from archc.ops.base import Op
from archc.ops.pointwise import Combining, Pointwise
from archc.ops.shape import Flatten

Parts = tuple[int, ...]  # sizes, one after another
Layout = dict[int, Parts]  # the parts by axis; an axis that is not there is one part
FIRST = ("batch_norm", "group_norm", "instance_norm")  # these normalise axis 1,
LAST = ("layer_norm", "rms_norm")  # these the last
KEEPING = (*FIRST, *LAST, "local_response_norm", "dropout", "drop_path", "softmax")


def weight_parts(program: Program) -> dict[str, Layout]:
    """The parts of each weight by its full name, where an axis has several."""
    found: dict[str, Layout] = {}
    for name in program.models:
        for version in program.versions(name):
            given: list[Layout] = [{} for _ in version.inputs]
            _walk(version, program.prefix(name), given, found)
    return found


def _walk(
    definition: Definition, prefix: str, given: Sequence[Layout], found: dict[str, Layout]
) -> list[Layout]:
    """Notes an instance's weights; takes the parts of its inputs, and gives its outputs'."""
    graph = definition.graph
    known: dict[Value, Layout] = {}
    for id, node in graph.nodes():
        read = [known.get(value, {}) if value is not None else {} for value in graph.inputs(id)]
        made: list[Layout] = []
        if isinstance(node, InputNode):
            made = [given[definition.inputs.index(id)]]
        elif isinstance(node, OpNode):
            for weight in node.weights:
                layout = dict(_of_weight(graph, id, node.op, weight, read))
                if layout:
                    found[prefix + weight.path] = layout
            made = [_of_value(graph, id, node.op, read)]
        elif isinstance(node, CallNode) and node.model is None:
            for k in range(node.count):
                path = node.copies.path(k)
                inputs = [{} for _ in read] if isinstance(node, ScanNode) else read
                made = _walk(node.definition, f"{prefix}{path}." if path else prefix, inputs, found)
                read = list(read)
                for output, slot in node.feedback:
                    read[slot] = made[output]
            made = [] if isinstance(node, ScanNode) else made
        known |= {Value(id, port): layout for port, layout in enumerate(made) if layout}
    return [known.get(value, {}) for value in definition.outputs.values()]


def _of_value(graph: Graph, id: int, op: Op, read: Sequence[Layout]) -> Layout:
    """The parts of an op's first output."""
    types = [graph.type(value) for value in graph.present(id)]
    if not types:
        return {}
    out = graph.node(id).types[0]
    if isinstance(op, Concat):
        axis = op.axis % out.rank
        sizes = [_parts(one, axis, type.dims[axis]) for one, type in zip(read, types, strict=True)]
        return {axis: sum(sizes, ())} if all(sizes) else {}
    hidden = getattr(op, "hidden", None)
    if isinstance(hidden, int) and getattr(op, "bidirectional", False):
        return {2: (hidden, hidden)}
    if groups := _groups(op, read[0], types[0].dims):
        return {1: groups}
    if not any(read):
        return {}
    if isinstance(op, Flatten):
        rank = types[0].rank
        start, inner = op.start % rank, types[0].dims[op.start % rank + 1 : op.end % rank + 1]
        each = prod(size for size in inner if isinstance(size, int))
        whole = start in read[0] and all(isinstance(size, int) for size in inner)
        return {start: tuple(size * each for size in read[0][start])} if whole else {}
    if "pool" in op.name:
        return {1: read[0][1]} if 1 in read[0] else {}
    if isinstance(op, Pointwise | Combining) or op.name in KEEPING:
        alike = [one for one, type in zip(read, types, strict=False) if type.dims == out.dims]
        return next(filter(None, alike), {})
    return {}


def _of_weight(
    graph: Graph, id: int, op: Op, weight: Weight, read: Sequence[Layout]
) -> Iterator[tuple[int, Parts]]:
    """The axes of a weight that have several parts, with these."""
    present = graph.present(id)
    x = graph.type(present[0]) if present else None
    if x is None or not read:
        return
    last, reads = x.rank - 1, input_axis(weight, op)
    hidden = getattr(op, "hidden", None)
    if isinstance(hidden, int):  # a recurrent layer or a cell of one
        yield 0, (hidden,) * getattr(op, "gates", 1)
        if weight.slot.startswith("weight_ih"):
            deep = "_l" in weight.slot and "_l0" not in weight.slot
            parts = (hidden,) * getattr(op, "directions", 1) if deep else read[0].get(last, ())
            yield from [(1, parts)] if parts else []
    elif groups := _groups(op, read[0], x.dims):
        yield 0, groups
    elif op.name in (*FIRST, *LAST):
        axis = last if op.name in LAST else 1
        if axis in read[0] and weight.type.dims[:1] == x.dims[axis : axis + 1]:
            yield 0, read[0][axis]
    elif reads is not None:
        axis = 1 if op.name.startswith("conv") else last
        if axis in read[0] and weight.type.dims[reads] == x.dims[axis]:
            yield reads, read[0][axis]


def _parts(layout: Layout, axis: int, size: Size) -> Parts:
    """The parts along an axis; () where its size is not known."""
    return layout.get(axis, (size,) if isinstance(size, int) else ())


def _groups(op: Op, read: Layout, dims: Sequence[Size]) -> Parts:
    """The parts of a grouped convolution's channels; those of its input, if each is a group."""
    count, out = getattr(op, "groups", 1), getattr(op, "out", None)
    if op.name not in ("conv1d", "conv2d", "conv3d") or not isinstance(out, int) or count == 1:
        return ()
    return read[1] if count == dims[1] == out and 1 in read else (out // count,) * count


def input_axis(weight: Weight, op: Op | None) -> int | None:
    """The axis along which a weight reads its op's input; None if there is none."""
    if op is None or len(weight.type.dims) < 2:
        return None
    if op.name.startswith("conv_transpose") or getattr(op, "layout", None) == "in_out":
        return 0
    reads = op.name.startswith("conv") or op.name == "linear" or hasattr(op, "hidden")
    return 1 if reads else None
