"""Repeated calls and scans as Python loops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archc.ir.graph import Value
from archc.ir.nodes import CallNode, OpNode, ScanNode
from archc_torch import layout, names
from archc_torch.code import ATOM, Code, Expr, Ref, Val, joined
from archc_torch.sketch import Assign, Branch, Do, For, Stmt, refs

if TYPE_CHECKING:
    from archc_torch.planner import Frame, Planner


@dataclass(eq=False, slots=True)
class Roll:
    """Calls one after another that can be one loop over a list of modules."""

    calls: list[int]
    carried: dict[int, int] = field(
        default_factory=dict
    )  # slot → the port of the call before that it takes
    listed: dict[int, Val] = field(
        default_factory=dict
    )  # slot → the list of whose items it takes one each
    fixed: list[int] = field(default_factory=list)  # slots that take the same value every time


def counted(p: Planner, frame: Frame, id: int, node: CallNode) -> None:
    """A call that stands for several copies: a loop that carries its outputs."""
    graph = frame.definition.graph
    given = dict(zip(node.slots, graph.inputs(id), strict=True))
    operands = {
        slot: p.take(frame.val(value)) for slot, value in given.items() if value is not None
    }
    carried: dict[str, Val] = {
        node.slots[slot]: frame.val(Value(id, port)) for port, slot in node.feedback
    }
    vals = {slot: frame.val(v) for slot, v in given.items() if v is not None}
    followers = begin(p, operands, carried, vals)
    block, over, module = modules(p, frame, node)
    outer, p.statements = p.statements, []
    expr = p.called(frame, node, operands, module)
    for val in carried.values():
        p.uses[val] = p.uses.get(val, 0) + 1
    p.give_call(frame, id, node, expr, held=True)
    p.statements += followers
    body, p.statements = p.statements, outer
    p.statements.append(For(block, over, body))


def begin(
    p: Planner, operands: dict[str, Expr], carried: Mapping[str, Val], vals: Mapping[str, Val]
) -> list[Stmt]:
    """Before a loop: carried values in their variables, all others in one as well.

    What ends each round is returned: of several slots that carry one output and begin with
    different
    values, all but the first have variables that follow its own.
    """
    began: dict[Val, str] = {}
    followers: list[Stmt] = []
    for slot, val in carried.items():
        variable = val
        if val in began and vals[slot] != vals[began[val]]:
            variable = p.new(slot)
            p.types[variable], p.uses[variable] = p.types[val], 1
            followers.append(Assign([variable], (Ref(val),)))
        if variable is not val or val not in began:
            start = p.as_tensor(operands[slot], p.types[val])
            p.statements.append(Assign([variable], start.code, (), ""))
        began.setdefault(val, slot)
        operands[slot] = Expr((Ref(variable),))
    from archc_torch.planner import simple

    for slot, expr in operands.items():
        if slot not in carried and not simple(expr):
            operands[slot] = p.hold(vals[slot], expr)
    p.hold_all()
    return followers


def modules(p: Planner, frame: Frame, node: CallNode) -> tuple[list[Val], Code, Code]:
    """What a loop over the copies binds, what it goes over, and how its body writes the module."""
    path = frame.path(node.copies.path(0))
    above, _, first = path.rpartition(".")
    branch = below(p.sketch.modules, above)
    if above and layout.kind(branch) in ("ModuleList", "Sequential") and len(branch.children) == 1:
        block = p.new(names.singular(above.rpartition(".")[2]))
        return [block], (p.access(above),), (Ref(block),)
    index = p.new("i")
    start = int(first)
    over: Code = (f"range({start}, {start + node.count})" if start else f"range({node.count})",)
    text = p.access(path)
    if text.endswith(f"[{first}]"):
        return [index], over, (text[: -len(first) - 1], Ref(index), "]")
    return (
        [index],
        over,
        (f"getattr({p.access(above) if above else 'self'}, str(", Ref(index), "))"),
    )


def below(root: Branch, path: str) -> Branch:
    """The branch at a path."""
    for name in path.split(".") if path else []:
        inner = root.children[name]
        assert isinstance(inner, Branch)
        root = inner
    return root


# ---- calls that differ only in what they take from lists


def rolled(p: Planner, frame: Frame) -> dict[int, Roll]:
    """The calls of the frame that become loops, each with its loop."""
    graph = frame.definition.graph
    runs: list[list[int]] = []
    for id, node in graph.nodes():
        if isinstance(node, OpNode) and node.op.name == "constant":
            continue
        single = isinstance(node, CallNode) and not isinstance(node, ScanNode) and node.count == 1
        if not single or id not in frame.live or id in frame.inside or node.model is not None:  # type: ignore[attr-defined]
            runs.append([])
        elif runs and runs[-1] and follows(p, frame, runs[-1][-1], id):
            runs[-1].append(id)
        else:
            runs.append([id])
    found: dict[int, Roll] = {}
    for run in runs:
        roll = as_roll(p, frame, run) if len(run) > 1 else None
        if roll is not None:
            found.update(dict.fromkeys(run, roll))
    return found


def follows(p: Planner, frame: Frame, before: int, id: int) -> bool:
    """Whether a call is the next copy: of one class, and next in a list of modules."""
    a, b = frame.definition.graph.node(before), frame.definition.graph.node(id)
    assert isinstance(a, CallNode) and isinstance(b, CallNode)
    (scope, _, first), (other, _, second) = a.path.rpartition("."), b.path.rpartition(".")
    if scope != other or not first.isdigit() or second != str(int(first) + 1) or a.slots != b.slots:
        return False
    return p.library.key(a.definition) == p.library.key(b.definition)


def as_roll(p: Planner, frame: Frame, run: list[int]) -> Roll | None:
    """The calls as a loop, if every input is carried, an item of a list, or always the same."""
    graph = frame.definition.graph
    first = graph.node(run[0])
    assert isinstance(first, CallNode)
    if p.library.pure(p.library.sketch(first.definition)):
        return None  # a function, which needs no list of modules
    above = frame.path(first.path).rpartition(".")[0]
    branch = below(p.sketch.modules, above) if above else Branch()
    if layout.kind(branch) != "ModuleList" or len(branch.children) != len(run):
        return None
    roll = Roll(run)
    for slot in range(len(graph.node(run[0]).slots)):
        values = [graph.inputs(id)[slot] for id in run]
        if any(value is None for value in values):
            return None
        present = [value for value in values if value is not None]
        ports = {
            value.port
            for value, before in zip(present[1:], run, strict=False)
            if value.node == before
        }
        listed = items_of(p, [frame.val(value) for value in present])
        if len(ports) == 1 and all(
            value.node == before for value, before in zip(present[1:], run, strict=False)
        ):
            roll.carried[slot] = ports.pop()
        elif len(set(present)) == 1 and present[0].node not in run:
            roll.fixed.append(slot)
        elif listed is not None:
            roll.listed[slot] = listed
        else:
            return None
    return roll if roll.carried or roll.listed else None


def items_of(p: Planner, vals: list[Val]) -> Val | None:
    """The list that has exactly these items, in order."""
    codes = [p.exprs[val].code if val in p.exprs else () for val in vals]
    head = codes[0][0] if codes[0] else None
    if not isinstance(head, Ref) or p.lists.get(head.value) != len(vals):
        return None
    return head.value if all(code == (head, f"[{k}]") for k, code in enumerate(codes)) else None


def roll(p: Planner, frame: Frame, roll: Roll) -> None:
    """Writes the loop.

    Lists are walked side by side, outputs that are used outside are gathered in lists.
    """
    graph = frame.definition.graph
    first = graph.node(roll.calls[0])
    assert isinstance(first, CallNode)
    slots = first.slots
    vals = {
        slot: frame.val(v)
        for slot, v in zip(slots, graph.inputs(roll.calls[0]), strict=True)
        if v is not None
    }
    last = roll.calls[-1]
    carried = {slots[slot]: frame.val(Value(last, port)) for slot, port in roll.carried.items()}
    items = {
        slots[slot]: (p.new(names.singular(p.hints.get(val, "item"))), val)
        for slot, val in roll.listed.items()
    }
    operands: dict[str, Expr] = {}
    for slot, val in vals.items():
        operands[slot] = Expr((Ref(items[slot][0]),)) if slot in items else p.take(val)
    followers = begin(p, operands, carried, vals)
    above = frame.path(first.path).rpartition(".")[0]
    block = p.new(names.singular(above.rpartition(".")[2]))
    gathered = outputs_gathered(p, frame, roll)
    for val in gathered.values():
        p.statements.append(Assign([val], ("[]",)))
    outer, p.statements = p.statements, []
    expr = p.called(frame, first, operands, (Ref(block),))
    targets: list[Val] = []
    for port in range(len(first.types)):
        val = frame.val(Value(last, port))
        if port in gathered and val not in carried.values():
            val = p.new(names.singular(first.outputs[port]))
            p.types[val] = first.types[port]
            p.uses[val] = 1
        targets.append(val)
    for val in carried.values():
        p.uses[val] = p.uses.get(val, 0) + 1
    p.unpack(targets, expr, first.types)
    p.statements += [
        Do((Ref(val), ".append(", Ref(targets[port]), ")")) for port, val in gathered.items()
    ]
    p.statements += followers
    body, p.statements = p.statements, outer
    over: Code = (p.access(above),)
    if items:
        over = (
            "zip(",
            *over,
            *(part for _, source in items.values() for part in (", ", Ref(source))),
            ")",
        )
    p.statements.append(For([block, *(item for item, _ in items.values())], over, body))


def outputs_gathered(p: Planner, frame: Frame, roll: Roll) -> dict[int, Val]:
    """Lists for the outputs of single copies that something outside the loop uses, by port."""
    graph = frame.definition.graph
    exits = set(frame.definition.outputs.values())
    first = graph.node(roll.calls[0])
    assert isinstance(first, CallNode)
    found: dict[int, Val] = {}
    for port in range(len(first.types)):
        inner = [Value(id, port) for id in roll.calls]
        last = inner[-1]
        used = [
            v
            for v in inner
            if v in exits
            or any(
                use[2] == port and use[0] not in roll.calls and use[0] in frame.live
                for use in graph.users(v.node)
            )
        ]
        if not used or (used == [last] and port in roll.carried.values()):
            continue
        gathered = p.new(plural(first.outputs[port]))
        p.lists[gathered] = len(inner)
        found[port] = gathered
        for k, value in enumerate(inner):
            p.exprs[frame.val(value)] = Expr((Ref(gathered), f"[{k}]"))
    return found


def plural(name: str) -> str:
    return name if name.endswith("s") else f"{name}s"


# ---- scans


def scan(p: Planner, frame: Frame, id: int, node: ScanNode) -> None:
    """A loop over the positions of axis 1 whose body is written in place."""
    graph = frame.definition.graph
    inner = p.bodies[frame.number, id]
    given = dict(zip(node.slots, graph.inputs(id), strict=True))
    vals = {slot: frame.val(value) for slot, value in given.items() if value is not None}
    operands = {slot: p.take(val) for slot, val in vals.items()}
    scanned = [node.slots[slot] for slot in node.scanned]
    back = {port: node.slots[slot] for port, slot in node.feedback}
    state = {
        slot: inner.val(Value(node.definition.inputs[node.slots.index(slot)]))
        for slot in back.values()
    }
    for slot, val in state.items():
        p.hints.setdefault(val, slot)
    begin(p, operands, state, vals)
    items: dict[str, Val] = {slot: p.new(f"{slot}_t") for slot in scanned}
    for slot, input_id in zip(node.slots, node.definition.inputs, strict=True):
        val = inner.val(Value(input_id))
        p.exprs[val] = Expr((Ref(items[slot]),)) if slot in items else operands[slot]
    stacks: dict[int, Val] = {}
    for port, name in enumerate(node.outputs):
        if port not in back and p.uses.get(frame.val(Value(id, port))):
            stacks[port] = p.new(f"{name}_t" if name.endswith("s") else plural(name))
            p.statements.append(Assign([stacks[port]], ("[]",)))
    outer, p.statements = p.statements, []
    p.walk(inner)
    finish_round(p, inner, node, stacks, {port: state[slot] for port, slot in back.items()})
    body, p.statements = p.statements, outer
    walked = [(*operands[slot].bound(ATOM), ".unbind(1)") for slot in scanned]
    over = walked[0] if len(walked) == 1 else ("zip(", *joined(walked), ")")
    p.statements.append(For(list(items.values()), over, body))
    for port, name in enumerate(node.outputs):
        out = frame.val(Value(id, port))
        if port in back:
            p.exprs[out] = Expr((Ref(state[back[port]]),))
        elif port in stacks:
            p.hints[out] = name
            p.give(
                frame,
                Value(id, port),
                Expr(("torch.stack(", Ref(stacks[port]), ", dim=1)"), depth=1),
                node.types[port],
            )


def finish_round(
    p: Planner, inner: Frame, node: ScanNode, stacks: dict[int, Val], state: dict[int, Val]
) -> None:
    """The end of a loop's body.

    Outputs into their lists, and carried values into their variables at once.
    """
    values = [inner.val(value) for value in node.definition.outputs.values()]
    kept = {
        port: p.take(values[port]) for port in range(len(values)) if port in stacks or port in state
    }
    for port, stack in stacks.items():
        p.statements.append(Do((Ref(stack), ".append(", *kept[port].code, ")")))
    copied = [port for port, val in state.items() if not in_place(p.statements, values[port], val)]
    if copied:
        p.statements.append(
            Assign([state[port] for port in copied], joined([kept[port].code for port in copied]))
        )


def in_place(statements: list[Stmt], new: Val, old: Val) -> bool:
    """Lets a statement give its value straight to the variable that carries it.

    If nothing reads the old one later.
    """
    for place, statement in enumerate(statements):
        if isinstance(statement, Assign) and new in statement.targets:
            later = statements[place + 1 :]
            if any(isinstance(other, For) for other in later) or any(
                old in refs(other.code) for other in later
            ):
                return False
            statement.targets = [old if val == new else val for val in statement.targets]
            for other in later:
                other.code = tuple(Ref(old) if part == Ref(new) else part for part in other.code)
            return True
    return False
