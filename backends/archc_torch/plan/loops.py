"""A call that stands for several copies: a loop that carries its outputs.

for block in self.h:
    x = block(x)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archc.ir.graph import Value
from archc.ir.nodes import CallNode
from archc_torch import names, tree
from archc_torch.code import Code, Expr, Ref, Val
from archc_torch.plan.calls import called, give_several
from archc_torch.sketch import Assign, For, Stmt

if TYPE_CHECKING:
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan
    from archc_torch.plan.values import Values


def counted(p: Plan, frame: Frame, id: int, node: CallNode) -> None:
    """Writes the loop."""
    values = p.values
    vals = frame.inputs(id)
    operands = {slot: values.take(val) for slot, val in vals.items()}
    carried = {node.slots[slot]: frame.val(Value(id, port)) for port, slot in node.feedback}
    followers = begin(p, operands, carried, vals)
    block, over, module = _modules(p, frame, node)
    with values.block() as body:
        expr = called(p, frame, id, operands, module)
        keep(values, carried)
        if not give_several(p, frame, id, node, expr):
            values.hold(frame.output(id), expr)
        body += followers
    values.statements.append(For([block], over, body))


def begin(
    p: Plan, operands: dict[str, Expr], carried: Mapping[str, Val], vals: Mapping[str, Val]
) -> list[Stmt]:
    """Before a loop: carried values in their variables, all others in one as well.

    What ends each round is returned. Of several slots that carry one output and begin with
    different values, all but the first have variables that follow its own.
    """
    values = p.values
    began: dict[Val, str] = {}
    followers: list[Stmt] = []
    for slot, val in carried.items():
        variable = val
        if val in began and vals[slot] != vals[began[val]]:
            variable = values.new(slot, values.types[val])
            followers.append(Assign([variable], (Ref(val),)))
        if variable is not val or val not in began:
            start = p.runtime.as_tensor(operands[slot], values.types[val])
            values.statements.append(Assign([variable], start.code))
        began.setdefault(val, slot)
        operands[slot] = Expr((Ref(variable),))
    for slot, expr in operands.items():
        if slot not in carried and not expr.simple:
            operands[slot] = values.hold(vals[slot], expr)
    values.hold_all()
    return followers


def keep(values: Values, carried: Mapping[str, Val]) -> None:
    """What a loop carries is read again in its next round."""
    for val in carried.values():
        values.use(val)


def _modules(p: Plan, frame: Frame, node: CallNode) -> tuple[Val, Code, Code]:
    """What a loop over the copies binds, what it goes over, and how its body writes the module."""
    path = frame.path(node.copies.path(0))
    above, _, first = path.rpartition(".")
    branch = tree.below(p.sketch.modules, above)
    listed = tree.kind(branch) in ("ModuleList", "Sequential") and len(branch.children) == 1
    if above and listed:
        block = p.values.new(names.singular(above.rpartition(".")[2]))
        return block, (p.paths(above),), (Ref(block),)
    index = p.values.new("i")
    start = int(first)
    over: Code = (f"range({start}, {start + node.count})" if start else f"range({node.count})",)
    text = p.paths(path)
    if text.endswith(f"[{first}]"):
        return index, over, (text[: -len(first) - 1], Ref(index), "]")
    owner = p.paths(above) if above else "self"
    return index, over, (f"getattr({owner}, str(", Ref(index), "))")
