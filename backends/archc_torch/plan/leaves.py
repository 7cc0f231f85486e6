"""What stands in the tree of modules for one node: a module, a call of another class, a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.ir.nodes import CallNode, OpNode, ScanNode, Weight
from archc.spec.formula import Formula
from archc.spec.values import Argument
from archc_torch import spelling
from archc_torch.code import Build, Code, Expr, Hole, Raw, ghost, literal
from archc_torch.plan import tensors
from archc_torch.plan.uses import constructor, line_of, use_of, written
from archc_torch.sketch import Leaf
from archc_torch.use import NeedsVariable

if TYPE_CHECKING:
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan


def op_leaf(p: Plan, frame: Frame, id: int, code: Code, weighted: bool = True) -> Leaf:
    """An op's module, made by `code`."""
    node = frame.definition.graph.node(id)
    assert isinstance(node, OpNode)
    leaf = Leaf("module", code, node.types, weighted=weighted, word=node.op.name)
    return marked(p, frame, id, leaf)


def call_leaf(p: Plan, frame: Frame, id: int, node: CallNode) -> Leaf:
    """The module of another definition's class, or several of them side by side."""
    code = (Build(node.definition, node.arguments),)
    weighted = node.count > 1 or p.library.weighted(node.definition)
    leaf = Leaf("module", code, node.types, node.count, weighted=weighted, callee=node.definition)
    leaf.word = node.definition.source
    return marked(p, frame, id, leaf)


def weight_leaf(p: Plan, frame: Frame, id: int, weight: Weight) -> Leaf:
    """A weight that no module of torch.nn holds."""
    node = frame.definition.graph.node(id)
    assert isinstance(node, OpNode)
    if not node.op.own_path:
        return marked(p, frame, id, tensors.leaf(weight))
    value, shape = spelling.attribute(node, "value"), spelling.shape(node)
    leaf = tensors.leaf(weight, value, shape, spelling.beginning(node, weight))
    return marked(p, frame, id, leaf)


def marked(p: Plan, frame: Frame, id: int, leaf: Leaf) -> Leaf:
    """The leaf with the node that it is for, and which instances have it."""
    leaf.node = id
    leaf.gap = p.gaps.of(frame, id)
    leaf.absent = p.gaps.absent(frame, id)
    if leaf.absent:
        leaf.code = ghost(leaf.code)
    return leaf


# ---- elements of chains


def element(p: Plan, frame: Frame, id: int) -> tuple[Leaf, bool] | None:
    """The node as an element of a chain, and whether it has weights; None where it is none."""
    node = frame.definition.graph.node(id)
    if isinstance(node, CallNode):
        if not _chainable(p, node):
            return None
        return call_leaf(p, frame, id, node), True
    assert isinstance(node, OpNode)
    if frame.fed(id) or len(node.types) != 1 or not node.op.inputs or node.op.own_path:
        return None
    if not _called_plainly(p, frame, id, node):
        return None
    made = constructor(p, frame, id)
    if made is None:
        return None
    weighted = bool(node.weights) or line_of(node).call is None
    code = made.code
    if not weighted and node.step is not None and isinstance(node.step.head, Formula):
        text = plain(code)  # an op that a parameter chooses
        code = code if text is None else (Hole(Raw(text), node.step.head.text),)
    return op_leaf(p, frame, id, code, weighted), weighted


def _chainable(p: Plan, node: CallNode) -> bool:
    """Whether a call is one of a module with one tensor that gives one."""
    if isinstance(node, ScanNode) or node.model is not None:
        return False
    if len(node.slots) != 1 or len(node.types) != 1:
        return False
    if node.definition.grouped or "." in node.slots[0]:
        return False
    callee = p.library.sketch(node.definition)
    return not (callee.models or callee.sizes or callee.device)


def _called_plainly(p: Plan, frame: Frame, id: int, node: OpNode) -> bool:
    """Whether an op's module is called on its input alone, as a chain does."""
    applied = line_of(node).applied
    if applied is None:
        return True
    if isinstance(applied, str):
        return False
    try:
        return written(use_of(p, frame, id, {"x": Expr(("x",))}, "self.m"), applied) is None
    except NeedsVariable:  # more than the module is to be written
        return False


def plain(code: Code) -> str | None:
    """The code as text, if nothing in it is passed through."""
    text = ""
    for part in code:
        if isinstance(part, Hole) and not isinstance(part.value, Argument):
            if part.value != part.default:
                shown = f"{part.keyword}{literal(part.value)}"
                text += {"before": f", {shown}", "after": f"{shown}, "}.get(part.comma, shown)
        elif isinstance(part, str):
            text += part
        else:
            return None
    return text
