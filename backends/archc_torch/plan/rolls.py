"""Calls of one class after another that differ only in what they take from lists, as one loop.

for block, skip in zip(self.blocks, skips):
    x = block(x, skip)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archc.ir.graph import Value
from archc.ir.nodes import CallNode, Node, OpNode, ScanNode
from archc_torch import names, tree
from archc_torch.code import Code, Expr, Ref, Val
from archc_torch.plan.calls import called
from archc_torch.plan.loops import begin, keep
from archc_torch.sketch import Assign, Do, For

if TYPE_CHECKING:
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan


@dataclass(eq=False, slots=True)
class Roll:
    """Calls that can be one loop over a list of modules. Other slots take the same every time."""

    calls: list[int]
    first: CallNode
    path: str  # of the list of modules
    carried: dict[int, int] = field(default_factory=dict)  # slot → the port before that it takes
    listed: dict[int, Val] = field(default_factory=dict)  # slot → the list that it takes items of


def found(p: Plan, frame: Frame) -> dict[int, Roll]:
    """The calls of the frame that become loops, each with its loop."""
    runs: list[list[int]] = []
    for id, node in frame.definition.graph.nodes():
        if isinstance(node, OpNode) and node.op.name == "constant":
            continue
        if not _single(node) or id not in frame.live or id in frame.inside:
            runs.append([])
        elif runs and runs[-1] and _follows(p, frame, runs[-1][-1], id):
            runs[-1].append(id)
        else:
            runs.append([id])
    result: dict[int, Roll] = {}
    for run in runs:
        roll = _as_roll(p, frame, run) if len(run) > 1 else None
        if roll is not None:
            result.update(dict.fromkeys(run, roll))
    return result


def _single(node: Node) -> bool:
    """Whether the node is one call of a block."""
    if not isinstance(node, CallNode) or isinstance(node, ScanNode):
        return False
    return node.count == 1 and node.model is None


def _follows(p: Plan, frame: Frame, before: int, id: int) -> bool:
    """Whether a call is the next copy: of one class, and next in a list of modules."""
    a, b = frame.definition.graph.node(before), frame.definition.graph.node(id)
    assert isinstance(a, CallNode) and isinstance(b, CallNode)
    (scope, _, first), (other, _, second) = a.path.rpartition("."), b.path.rpartition(".")
    if scope != other or not first.isdigit() or second != str(int(first) + 1) or a.slots != b.slots:
        return False
    return p.library.key(a.definition) == p.library.key(b.definition)


def _as_roll(p: Plan, frame: Frame, run: list[int]) -> Roll | None:
    """The calls as a loop, if every input is carried, an item of a list, or always the same."""
    graph = frame.definition.graph
    first = graph.node(run[0])
    assert isinstance(first, CallNode)
    if p.library.pure(p.library.sketch(first.definition)):
        return None  # a function, which needs no list of modules
    above = frame.path(first.path).rpartition(".")[0]
    branch = tree.below(p.sketch.modules, above)
    if not above or tree.kind(branch) != "ModuleList" or len(branch.children) != len(run):
        return None
    roll = Roll(run, first, above)
    for slot in range(len(first.slots)):
        given = [graph.inputs(id)[slot] for id in run]
        values = [value for value in given if value is not None]
        if len(values) < len(given):
            return None
        ports = {value.port for value in values[1:]}
        before = [value.node for value in values[1:]] == run[:-1]
        listed = _list(p, [frame.val(value) for value in values])
        if before and len(ports) == 1:
            roll.carried[slot] = ports.pop()
        elif listed is not None and not _same(values, run):
            roll.listed[slot] = listed
        elif not _same(values, run):
            return None
    return roll if roll.carried or roll.listed else None


def _same(values: list[Value], run: list[int]) -> bool:
    """Whether all calls take one value, which none of them gives."""
    return len(set(values)) == 1 and values[0].node not in run


def _list(p: Plan, vals: list[Val]) -> Val | None:
    """The list that has exactly these items, in order."""
    exprs = p.values.exprs
    return p.values.list_of([exprs[val].code if val in exprs else () for val in vals])


def write(p: Plan, frame: Frame, roll: Roll) -> None:
    """Writes the loop.

    Lists are walked side by side, outputs that are used outside are gathered in lists.
    """
    values, first, last = p.values, roll.first, roll.calls[-1]
    vals = frame.inputs(roll.calls[0])
    carried = {first.slots[slot]: frame.output(last, port) for slot, port in roll.carried.items()}
    items: dict[str, Val] = {}
    for slot, val in roll.listed.items():
        items[first.slots[slot]] = values.new(names.singular(values.clues.hints.get(val, "item")))
    operands = {
        slot: Expr((Ref(items[slot]),)) if slot in items else values.take(val)
        for slot, val in vals.items()
    }
    followers = begin(p, operands, carried, vals)
    block = values.new(names.singular(roll.path.rpartition(".")[2]))
    gathered = _gathered(p, frame, roll)
    values.statements += [Assign([val], ("[]",)) for val in gathered.values()]
    with values.block() as body:
        expr = called(p, frame, roll.calls[0], operands, (Ref(block),))
        targets = [
            values.new(names.singular(first.outputs[port]), first.types[port])
            if port in gathered and val not in carried.values()
            else val
            for port, val in enumerate(frame.outputs(last))
        ]
        keep(values, carried)
        values.unpack(targets, expr, types=first.types)
        for port, val in gathered.items():
            body.append(Do((Ref(val), ".append(", Ref(targets[port]), ")")))
        body += followers
    over: Code = (p.paths(roll.path),)
    if items:
        more = [part for val in roll.listed.values() for part in (", ", Ref(val))]
        over = ("zip(", *over, *more, ")")
    values.statements.append(For([block, *items.values()], over, body))


def _gathered(p: Plan, frame: Frame, roll: Roll) -> dict[int, Val]:
    """Lists for the outputs of single copies that something outside the loop uses, by port."""
    values = p.values
    result: dict[int, Val] = {}
    for port in range(len(roll.first.types)):
        inner = [Value(id, port) for id in roll.calls]
        used = [value for value in inner if _used_outside(frame, roll, value)]
        if not used or (used == inner[-1:] and port in roll.carried.values()):
            continue
        gathered = values.new(names.plural(roll.first.outputs[port]))
        values.lists[gathered] = len(inner)
        result[port] = gathered
        for k, value in enumerate(inner):
            values.exprs[frame.val(value)] = Expr((Ref(gathered), f"[{k}]"))
    return result


def _used_outside(frame: Frame, roll: Roll, value: Value) -> bool:
    if value in frame.definition.outputs.values():
        return True
    uses = frame.definition.graph.users(value.node)
    return any(
        port == value.port and user not in roll.calls and user in frame.live
        for user, _, port in uses
    )
