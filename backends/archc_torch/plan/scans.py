"""Scans: a loop over the positions of axis 1, with the body written in place.

for x_t in x.unbind(1):
    h = torch.tanh(self.i(x_t) + self.r(h))
    ys.append(h)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from archc.ir.graph import Value
from archc.ir.nodes import ScanNode
from archc_torch import names
from archc_torch.code import ATOM, Code, Expr, Ref, Val, joined
from archc_torch.plan.loops import begin
from archc_torch.sketch import Assign, Do, For, Stmt, refs

if TYPE_CHECKING:
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan


def scan(
    p: Plan, frame: Frame, id: int, node: ScanNode, walk: Callable[[Plan, Frame], None]
) -> None:
    """Writes the loop; `walk` writes the body's graph."""
    values, inner = p.values, p.bodies[frame.number, id]
    vals = frame.inputs(id)
    operands = {slot: values.take(val) for slot, val in vals.items()}
    scanned = [node.slots[slot] for slot in node.scanned]
    back = {port: node.slots[slot] for port, slot in node.feedback}
    places = {
        slot: inner.output(input)
        for slot, input in zip(node.slots, node.definition.inputs, strict=True)
    }
    state = {slot: places[slot] for slot in back.values()}
    for slot, val in state.items():
        values.clues.hints.setdefault(val, slot)
    begin(p, operands, state, vals)
    items = {slot: values.new(f"{slot}_t") for slot in scanned}
    for slot, val in places.items():
        values.exprs[val] = Expr((Ref(items[slot]),)) if slot in items else operands[slot]
    stacks: dict[int, Val] = {}
    for port, name in enumerate(node.outputs):
        if port not in back and values.uses.get(frame.output(id, port)):
            stacks[port] = values.new(f"{name}_t" if name.endswith("s") else names.plural(name))
            values.statements.append(Assign([stacks[port]], ("[]",)))
    with values.block() as body:
        walk(p, inner)
        _finish(p, inner, node, stacks, {port: state[slot] for port, slot in back.items()})
    values.statements.append(For(list(items.values()), _over(operands, scanned), body))
    for port, name in enumerate(node.outputs):
        out = frame.output(id, port)
        if port in back:
            values.exprs[out] = Expr((Ref(state[back[port]]),))
        elif port in stacks:
            values.clues.hints[out] = name
            stack = Expr(("torch.stack(", Ref(stacks[port]), ", dim=1)"), depth=1)
            values.give(frame, Value(id, port), stack)


def _over(operands: Mapping[str, Expr], scanned: list[str]) -> Code:
    """What the loop goes over: positions, of several tensors side by side."""
    walked = [(*operands[slot].bound(ATOM), ".unbind(1)") for slot in scanned]
    return walked[0] if len(walked) == 1 else ("zip(", *joined(walked), ")")


def _finish(
    p: Plan, inner: Frame, node: ScanNode, stacks: Mapping[int, Val], state: Mapping[int, Val]
) -> None:
    """The body's end: outputs into their lists, carried values into their variables at once."""
    statements = p.values.statements
    given = [inner.val(value) for value in node.definition.outputs.values()]
    ends = {
        port: p.values.take(val)
        for port, val in enumerate(given)
        if port in stacks or port in state
    }
    for port, stack in stacks.items():
        statements.append(Do((Ref(stack), ".append(", *ends[port].code, ")")))
    copied = {
        port: val for port, val in state.items() if not _in_place(statements, given[port], val)
    }
    if copied:
        codes = joined(ends[port].code for port in copied)
        statements.append(Assign(list(copied.values()), codes))


def _in_place(statements: list[Stmt], new: Val, old: Val) -> bool:
    """Lets a statement give its value straight to the variable that carries it.

    If nothing reads the old one later.
    """
    for place, statement in enumerate(statements):
        if isinstance(statement, Assign) and new in statement.targets:
            later = statements[place + 1 :]
            if any(isinstance(other, For) or old in refs(other.code) for other in later):
                return False
            statement.targets = [old if val == new else val for val in statement.targets]
            for other in later:
                other.code = tuple(Ref(old) if part == Ref(new) else part for part in other.code)
            return True
    return False
