"""Steps that only some instances of a class have, and where those stand under a condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from archc.errors import UnsupportedError
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, InputNode, Node, OpNode
from archc_torch import spelling
from archc_torch.code import Expr, Ref
from archc_torch.plan.alignment import Variant, bypass
from archc_torch.sketch import Assign, Gap, If

if TYPE_CHECKING:
    from archc.ir.program import Definition
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.library import Library
    from archc_torch.plan.plan import Plan


class Gaps:
    """Which instances have a node. Within a loop's body, all of them do."""

    def __init__(
        self,
        definition: Definition,
        library: Library,
        variant: Variant | None,
        has: Mapping[int, tuple[bool, ...]] | None,
    ) -> None:
        self.definition, self.library = definition, library
        self.has = has or {}  # by node, and by instance
        self.phantoms: frozenset[int] = variant.phantoms if variant is not None else frozenset()

    def partial(self, frame: Frame, id: int) -> bool:
        """Whether some instance has not the node."""
        return frame.number == 0 and id in self.has

    def absent(self, frame: Frame, id: int) -> bool:
        """Whether this instance has not the node."""
        return frame.number == 0 and id in self.phantoms

    def of(self, frame: Frame, id: int) -> Gap | None:
        """Which instances have the node, where some have not."""
        if not self.partial(frame, id):
            return None
        node = frame.definition.graph.node(id)
        template = self.library.template(self.definition)
        when: tuple[str, ...] = ()
        word = ""
        if template is not None and node.step is not None:
            when, word = spelling.conditions(template, node.step)
        return Gap(self.has[id], when, word or what(node))


def what(node: Node) -> str:
    """What a step is, in a word."""
    if isinstance(node, OpNode):
        return node.op.name
    return node.definition.source if isinstance(node, CallNode) else ""


def groups(p: Plan, frame: Frame) -> dict[int, list[int]]:
    """Steps that only some instances have and that are no module of one input, by each step.

    Those of a group follow each other and stand under one condition. Raises UnsupportedError where
    something but the last of a group is used outside of it.
    """
    graph = frame.definition.graph
    found: list[list[int]] = []
    before: int | None = None
    for id, node in graph.nodes():
        if isinstance(node, InputNode) or id not in frame.live:
            continue
        if not p.gaps.partial(frame, id) or id in frame.inside or bypassable(p, frame, id):
            before = None
        elif before is not None and p.gaps.has[before] == p.gaps.has[id]:
            found[-1].append(id)
            before = id
        else:
            found.append([id])
            before = id
    outputs = {value.node for value in frame.definition.outputs.values()}
    for group in found:
        inner = set(group[:-1])
        used = {use[0] for id in inner for use in graph.users(id)}
        if not used <= set(group) or inner & outputs or len(graph.node(group[-1]).types) != 1:
            raise UnsupportedError.of("E601", "steps that are left out together have several uses")
    return {id: group for group in found for id in group}


def bypassable(p: Plan, frame: Frame, id: int) -> bool:
    """Whether the node is a module of one input, in whose place nn.Identity can stand."""
    node = frame.definition.graph.node(id)
    if len(frame.definition.graph.present(id)) != 1 or len(node.types) != 1:
        return False
    if isinstance(node, CallNode):
        callee = p.library.sketch(node.definition)
        given = callee.models or callee.sizes or callee.device or p.library.pure(callee)
        return not given and node.count == 1 and node.model is None
    return id in frame.paths and not frame.fed(id)


def guard(p: Plan, frame: Frame, group: list[int], write: Callable[[int], None]) -> None:
    """Steps under a condition, each written by `write`.

    The variable has what stands for them first, and their value if they are there.
    """
    graph, values = frame.definition.graph, p.values
    before = bypass(graph, Value(group[-1]))
    while before is not None and before.node in group:
        before = bypass(graph, before)
    assert before is not None
    val, entry = frame.output(group[-1]), frame.val(before)
    values.hold_all()
    values.statements.append(Assign([val], values.exprs[entry].code))
    if values.uses.get(entry, 0) == 1:
        values.exprs[entry] = Expr((Ref(val),))
    with values.block() as body:
        for id in group:
            write(id)
        if val in values.waiting:
            values.hold(val, values.waiting.pop(val))
    gap = p.gaps.of(frame, group[-1])
    assert gap is not None
    values.statements.append(If(gap, body))
    values.exprs[val] = Expr((Ref(val),))
