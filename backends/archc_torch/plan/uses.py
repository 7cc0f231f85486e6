"""An op's line in its place: what it is applied to, and the module that it constructs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.errors import UnsupportedError
from archc.ir.nodes import OpNode
from archc_torch.code import Expr
from archc_torch.lines import Line, Writer, table
from archc_torch.use import Use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan

# Ops that always give a new tensor, which their gradients do not need.
FRESH = frozenset(
    [
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "linear",
        "batch_norm",
        "group_norm",
        "layer_norm",
        "add",
        "sub",
    ]
)


def line_of(node: OpNode) -> Line:
    """The op's line. Raises UnsupportedError where there is none."""
    found = table().lines.get(node.op.name)
    if found is None:
        raise unsupported(node, "PyTorch has no line for it here, and it is not made of other ops")
    return found


def unsupported(node: OpNode, why: str) -> UnsupportedError:
    return UnsupportedError.of(
        "E601", f"{node.op.name}: {why}", node.place, notes=(f"the step {node.path}",)
    )


def written(use: Use, writer: Writer) -> Expr | None:
    """What a line's writer gives for a use; None where it has no form for it."""
    found = use.write(writer) if isinstance(writer, str) else writer(use)
    return use.write(found) if isinstance(found, str) else found


def use_of(p: Plan, frame: Frame, id: int, operands: Mapping[str, Expr], path: str = "") -> Use:
    """A node's op, applied to operands by slot."""
    node = frame.definition.graph.node(id)
    assert isinstance(node, OpNode)
    fresh, absent = fresh_input(p, frame, id), p.gaps.absent(frame, id)
    return Use(p.runtime, node, frame.types(id), operands, path, fresh, absent)


def constructor(p: Plan, frame: Frame, id: int) -> Expr | None:
    """The constructor of the op's module, if it has one here."""
    use = use_of(p, frame, id, {})
    use.constructing = True
    line = line_of(use.node)
    return None if line.module is None else written(use, line.module)


def fresh_input(p: Plan, frame: Frame, id: int) -> bool:
    """Whether the node's input is a new tensor that nothing else reads: it may be overwritten."""
    graph = frame.definition.graph
    given = graph.present(id)
    if len(given) != 1 or p.values.uses.get(frame.val(given[0])) != 1:
        return False
    source = given[0].node
    maker = graph.node(source)
    if not isinstance(maker, OpNode) or maker.op.name not in FRESH:
        return False
    return len(graph.present(source)) + len(maker.weights) > 1 and not p.gaps.partial(frame, source)
