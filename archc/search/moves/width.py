"""More or fewer channels between steps that take any number of them.

A width is a region of values: what a layer gives, what steps that keep its channels make of it, and
what is added to it. All layers that give values of the region change by the same factor, in all
places where they stand. What leaves a definition keeps its width.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import gcd
from random import Random

from archc.elaborate.scope import Tensor
from archc.ir.dims import Size
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, InputNode, Node, OpNode
from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc.ops.pointwise import Combining, Pointwise
from archc.search.move import Move
from archc.search.moves.draft import Draft
from archc.search.moves.room import may_grow, shuffled
from archc.search.moves.say import everywhere, within
from archc.search.moves.suppose import holds
from archc.search.moves.view import Row, View
from archc.search.moves.windows import takes
from archc.spec.data import Data, Scalar
from archc.spec.formula import Formula

FACTORS = ((3, 2), (2, 3), (2, 1), (1, 2), (5, 4), (4, 5), (4, 3), (3, 4))
LEAST, MOST = 4, 4096
ATTRIBUTES = ("out", "hidden", "dim")
KEEPING = (
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm", "local_response_norm",
    "dropout", "drop_path", "global_avg_pool", "global_max_pool", "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
)  # fmt: skip


def found(view: View, random: Random) -> Iterator[Move]:
    rows = (row for body in view.bodies for row in body.rows if row.is_seen)
    for row in shuffled(random, (row for row in rows if attribute(row) is not None)):
        region = rows_of(view, row)
        for factor in shuffled(random, FACTORS) if region else ():
            move = _scaled(view, region, factor)
            if move is not None:
                yield move


def attribute(row: Row) -> str | None:
    """The attribute or argument that says how wide the step's values are."""
    op = row.op
    if op is not None:
        known = ("conv1d", "conv2d", "conv3d", "linear", "rnn", "lstm", "gru", "embedding")
        names = [name for name in ATTRIBUTES if op in known and Draft(row).attribute(name)]
        return names[0] if names else None
    return "out" if takes(row, "out") and Draft(row).attribute("out") is not None else None


# ---- the region


def rows_of(view: View, start: Row) -> list[Row]:
    """All layers whose widths are one with the row's; [] where one of them cannot be changed."""
    rows, rest = {id(start): start}, [start]
    while rest:
        row = rest.pop()
        for copy, _ in row.nodes():
            first = copy.item.first
            if not isinstance(first, Tensor):
                return []
            definition = view.definitions[id(copy.frame.builder.graph)]
            makers = _makers(view, definition, first.value)
            if makers is None:
                return []
            for maker in makers:
                if id(maker) not in rows:
                    rows[id(maker)] = maker
                    rest.append(maker)
    found = sorted(rows.values(), key=lambda row: [str(part) for part in row.path])
    free = all(row.is_seen and view.weights_are_free(row) for row in found)
    return found if free else []


def _makers(view: View, definition: Definition, start: Value) -> list[Row] | None:
    """The layers that give values of the region in a definition; None where others do."""
    graph, seen, rest = definition.graph, {start}, [start]
    rows: list[Row] = []
    while rest:
        value = rest.pop()
        node = graph.node(value.node)
        step = node.step
        row = view.rows.get(id(step.data)) if step is not None else None
        more: list[Value] = []
        if row is not None and attribute(row) is not None:
            rows.append(row)
        elif isinstance(node, InputNode) or not _keeps(definition, value.node, node):
            return None
        else:
            more += graph.present(value.node)
        for user, _, port in graph.users(value.node):
            reader = graph.node(user)
            if port == value.port and _keeps(definition, user, reader):
                more += [Value(user), *graph.present(user)]
        for one in more:
            if one not in seen and graph.type(one).rank:
                seen.add(one)
                rest.append(one)
    return rows


def _keeps(definition: Definition, id: int, node: Node) -> bool:
    """Whether the node gives its operands' channels: they are of one region with it."""
    if isinstance(node, OpNode):
        op = node.op
        if op.name in KEEPING or "pool" in op.name:
            return True
        if isinstance(op, Combining):
            types = {definition.graph.type(one).dims for one in definition.graph.present(id)}
            return len(types) == 1
        return isinstance(op, Pointwise)
    if isinstance(node, CallNode) and not node.model:
        return all(
            definition.graph.type(one) == node.types[0] for one in definition.graph.present(id)
        )
    return False


# ---- the new width


def _scaled(view: View, rows: list[Row], factor: tuple[int, int]) -> Move | None:
    over, under = factor
    if over > under and not may_grow(view):
        return None
    drafts: list[Draft] = []
    for row in rows:
        draft, name = Draft(row), attribute(row)
        data = draft.attribute(name) if name is not None else None
        value = scaled(data, over, under)
        if name is None or value is None or not _fits(row, over, under):
            return None
        draft.set_attribute(name, value)
        drafts.append(draft)
    steps = {draft.row: step for draft in drafts if (step := draft.step()) is not None}
    if len(steps) < len(rows) or not holds(view, steps):
        return None
    edits = tuple(edit for draft in drafts for edit in draft.edits)
    names = ", ".join(dict.fromkeys(row.says() for row in rows))
    size = drafts[0].attribute(attribute(rows[0]) or "")
    shown = f" ({_shown(size)})" if len(rows) == 1 else ""
    what = f"{names}{within(rows[0].body)} {over}/{under} as wide{shown}"
    return Move("width", what + everywhere(rows[0].body), edits)


def _shown(data: Data | None) -> str:
    return str(data.value) if isinstance(data, Scalar) else ""


def _fits(row: Row, over: int, under: int) -> bool:
    """Whether no copy becomes too narrow or too wide."""
    for _, node in row.nodes():
        size = _width(row.op, node.types[0])
        if not isinstance(size, int) or not LEAST <= size * over // under <= MOST:
            return False
    return True


def _width(op: str | None, type: TensorType) -> Size | None:
    """The size of the axis that a layer's or a block's width is."""
    if not type.dims:
        return None
    if op is None:  # sequences of an open length have their features last
        pictures = type.rank > 2 and isinstance(type.dims[1], int)
        return type.dims[1 if pictures else -1]
    return type.dims[1 if op.startswith("conv") else -1]


def scaled(data: Data | None, over: int, under: int) -> int | str | None:
    """A size, or the formula of one, times a fraction; None where it cannot be said so.

    Factors gather in one fraction, so a formula does not grow with each change.
    """
    if not isinstance(data, Scalar):
        return None
    if isinstance(data.formula, Formula):
        tree, up, down = _taken_apart(data.formula.tree)
        up, down = up * over, down * under
        shared = gcd(up, down)
        up, down = up // shared, down // shared
        text = ast.unparse(tree)
        if up == down == 1:
            return f"={text}"
        wrapped = text if isinstance(tree, ast.Name | ast.Attribute | ast.Call) else f"({text})"
        product = wrapped if up == 1 else f"{up} * {wrapped}"
        return f"={product}" if down == 1 else f"={product} // {down}"
    value = data.value
    if isinstance(value, bool) or not isinstance(value, int) or value * over % under:
        return None
    return value * over // under


def _taken_apart(tree: ast.expr) -> tuple[ast.expr, int, int]:
    """A formula as what is scaled, and the fraction it is scaled by."""
    match tree:
        case ast.BinOp(left, ast.FloorDiv(), ast.Constant(int() as under)) if under > 0:
            inner, up, down = _taken_apart(left)
            return inner, up, down * under
        case ast.BinOp(ast.Constant(int() as up), ast.Mult(), inner) | ast.BinOp(
            inner, ast.Mult(), ast.Constant(int() as up)
        ) if up > 0:
            deeper, more, down = _taken_apart(inner)
            if down == 1:
                return deeper, up * more, 1
    return tree, 1, 1
