"""Ops as statements and expressions of forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archc.ir.graph import Value
from archc.ir.nodes import OpNode
from archc.spec.values import Argument
from archc_torch import spelling
from archc_torch.code import ATOM, SIGN, Expr, Hole
from archc_torch.plan.inline import fit
from archc_torch.plan.uses import constructor, line_of, unsupported, use_of, written

if TYPE_CHECKING:
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan


def op(p: Plan, frame: Frame, id: int, node: OpNode) -> None:
    """Writes an op: a call of its module, or an expression on its operands and weights."""
    if node.op.own_path:
        path = p.paths(frame.path(node.weights[0].path))
        p.values.exprs[frame.output(id)] = Expr((path,))
        return
    if node.op.name == "constant":
        p.values.exprs[frame.output(id)] = _constant(p, frame, id, node)
        return
    line = line_of(node)
    path = p.paths(frame.path(node.path)) if id in frame.paths or line.call is None else ""
    module = _is_module(p, frame, id, node)
    spent: dict[str, int] = {}

    def make(operands: Mapping[str, Expr]) -> Expr:
        use = use_of(p, frame, id, p.runtime.tensors(node, operands), path)
        found: Expr | None = None
        if module:
            found = written(use, line.applied) if line.applied is not None else None
            found = found or use.write("{self}({x})")
        elif line.call is not None:
            found = written(use, line.call)
        if found is None:
            raise unsupported(node, "with these inputs it has no form in PyTorch")
        spent.update(use.spent)
        return found

    if module:
        p.values.clues.paths[frame.output(id)] = frame.path(node.path)
    expr = fit(p.values, frame.inputs(id), make, spent, light=not module)
    _give(p, frame, id, node, expr, line.targets if module else "")


def _is_module(p: Plan, frame: Frame, id: int, node: OpNode) -> bool:
    """Whether a module of torch.nn stands for the op."""
    needed = bool(node.weights) or line_of(node).call is None
    return needed and not frame.fed(id) and constructor(p, frame, id) is not None


def _give(p: Plan, frame: Frame, id: int, node: OpNode, expr: Expr, pattern: str) -> None:
    """The op's value, or its several values unpacked as its line says."""
    if len(node.types) == 1:
        p.values.give(frame, Value(id), expr, _name(node))
        return
    targets, outputs = frame.outputs(id), node.op.outputs
    p.values.clues.hints.update(zip(targets, outputs, strict=True))
    pattern = pattern or ", ".join(f"{{{name}}}" for name in outputs)
    for k, name in enumerate(outputs):
        pattern = pattern.replace(f"{{{name}}}", f"{{{k}}}")
    p.values.unpack(targets, expr, pattern)


def _name(node: OpNode) -> str:
    """The name that the spec gives the value of a step that has no module to carry it."""
    last = node.path.rpartition(".")[2]
    named = node.step is not None and node.step.name is not None
    return "" if node.weights or not named or last.isdigit() else last


def _constant(p: Plan, frame: Frame, id: int, node: OpNode) -> Expr:
    """A table by its path, a plain number as it is."""
    if node.types[0].rank:
        return Expr((p.paths(frame.paths[id]),))
    value = node.op.values["value"]
    if isinstance(value, Argument):
        value = p.runtime.argument(value)
    hole = Hole(value, "value", formula=spelling.number(frame.definition.graph, id))
    negative = isinstance(value, int | float) and value < 0
    return Expr((hole,), SIGN if negative else ATOM, literal=hole)
