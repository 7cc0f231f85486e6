"""A definition to its sketch, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from archc.ir.graph import Value
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, ScanNode, WeightNode
from archc.ir.types import TensorType
from archc_torch.code import Expr, Ref, Val
from archc_torch.plan import calls, gaps, loops, rolls, scans, steps, variables
from archc_torch.plan.alignment import Variant, bypass
from archc_torch.plan.modules import lay, whole
from archc_torch.plan.plan import Plan
from archc_torch.plan.setup import setup
from archc_torch.sketch import Output, Parameter, Sketch

if TYPE_CHECKING:
    from archc.ir.program import Definition
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.library import Library


def sketched(
    definition: Definition,
    library: Library,
    top: bool = False,
    variant: Variant | None = None,
    has: Mapping[int, tuple[bool, ...]] | None = None,
) -> Sketch:
    """The definition's sketch.

    `top` says that it is the outermost class. A `variant` is written in the form of the largest of
    its family; `has` then tells for each node that some of them lack which have it.
    """
    p = Plan(definition, library, top, variant, has)
    prefix = library.program.prefix(definition.source).removesuffix(".") if top else ""
    frame = p.enter(definition, prefix)
    parameters = _parameters(p, frame)
    if not whole(p, frame):
        lay(p, frame)
        walk(p, frame)
        _outputs(p, frame)
    setup(p)
    if definition.kind != "model":
        p.values.clues.words.clear()
    variables.name(p.sketch, p.values.clues, parameters)
    return p.sketch


def _parameters(p: Plan, frame: Frame) -> list[Val]:
    """The parameters of forward and their values; inputs such as `past.0` are items of a list."""
    values, hints = p.values, p.values.clues.hints
    given: list[Val] = []
    for id in frame.definition.inputs:
        node = frame.definition.input(id)
        name, _, index = node.name.partition(".")
        val = frame.output(id)
        if not index:
            p.sketch.parameters.append(Parameter(name, node.types))
            given.append(val)
            values.exprs[val] = Expr((Ref(val),))
            hints[val] = name
            continue
        if index == "0":
            p.sketch.parameters.append(Parameter(name, (), listed=True))
            given.append(values.new(name))
        last = p.sketch.parameters[-1]
        last.types = (*last.types, *node.types)
        values.lists[given[-1]] = len(last.types)
        values.exprs[val] = Expr((Ref(given[-1]), f"[{index}]"))
    return given


def walk(p: Plan, frame: Frame) -> None:
    """Writes the graph's nodes in their order."""
    rolled = rolls.found(p, frame)
    guarded = gaps.groups(p, frame)
    for id, node in frame.definition.graph.nodes():
        if id not in frame.live or isinstance(node, InputNode):
            continue
        if id not in guarded:
            write(p, frame, rolled, id)
        elif id == guarded[id][-1]:
            gaps.guard(p, frame, guarded[id], partial(write, p, frame, {}))


def write(p: Plan, frame: Frame, rolled: Mapping[int, rolls.Roll], id: int) -> None:
    """Writes one node; the last of a chain writes all of it, the first of a loop's calls, too."""
    node: Node = frame.definition.graph.node(id)
    if id in frame.chains:
        calls.chain(p, frame, frame.chains[id])
    elif id in frame.inside:
        return
    elif id in rolled:
        if rolled[id].calls[0] == id:
            rolls.write(p, frame, rolled[id])
    elif isinstance(node, WeightNode):
        p.values.exprs[frame.output(id)] = Expr((p.paths.weight(frame, node.ref),))
    elif isinstance(node, ScanNode):
        scans.scan(p, frame, id, node, walk)
    elif isinstance(node, CallNode):
        (loops.counted if node.count > 1 else calls.call)(p, frame, id, node)
    elif isinstance(node, OpNode):
        steps.op(p, frame, id, node)


def _outputs(p: Plan, frame: Frame) -> None:
    """What forward gives: values, and lists of values."""
    grouped = frame.definition.grouped
    found: dict[str, list[tuple[str, Value]]] = {}
    for name, value in frame.definition.outputs.items():
        found.setdefault(grouped.get(name, name), []).append((name, value))
    for name, values in found.items():
        types = tuple(_type(p, frame, value) for _, value in values)
        exprs = [p.values.take(frame.val(value)) for _, value in values]
        exprs = [p.runtime.as_tensor(expr, type) for expr, type in zip(exprs, types, strict=True)]
        listed = values[0][0] in grouped
        code = p.values.listed(exprs) if listed else exprs[0].code
        p.sketch.outputs.append(Output(name, types, listed, code))


def _type(p: Plan, frame: Frame, value: Value) -> TensorType:
    """A value's type, that of what stands for it where its step is left out."""
    graph = frame.definition.graph
    while p.gaps.absent(frame, value.node):
        before = bypass(graph, value)
        assert before is not None
        value = before
    return graph.type(value)
