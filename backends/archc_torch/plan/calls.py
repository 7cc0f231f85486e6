"""Calls of other definitions, and of chains, as statements and expressions of forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archc.ir.dims import symbol
from archc.ir.graph import Value
from archc.ir.nodes import CallNode
from archc_torch.code import Callee, Code, Expr, Numbers, Ref, Val, joined, length
from archc_torch.plan.inline import WIDEST, fit
from archc_torch.sketch import Assign

if TYPE_CHECKING:
    from archc_torch.plan.chains import Chain
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan
    from archc_torch.sketch import Sketch


def chain(p: Plan, frame: Frame, chain: Chain) -> None:
    """Writes the call of an nn.Sequential."""
    path = p.paths(chain.path)

    def make(operands: Mapping[str, Expr]) -> Expr:
        x = operands["x"]
        return Expr((f"{path}(", *x.code, ")"), depth=x.depth + 1, composite=True)

    value = Value(chain.last)
    p.values.clues.words[frame.val(value)] = chain.path
    p.values.give(frame, value, fit(p.values, {"x": frame.val(chain.entry)}, make))


def call(p: Plan, frame: Frame, id: int, node: CallNode) -> None:
    """Writes a call."""
    expr = fit(p.values, frame.inputs(id), lambda operands: called(p, frame, id, operands))
    if not give_several(p, frame, id, node, expr):
        p.values.give(frame, Value(id), expr)


def called(p: Plan, frame: Frame, id: int, operands: Mapping[str, Expr], module: Code = ()) -> Expr:
    """A call with its arguments: tensors and lists, then sizes, the device, and models.

    `module` is what is called, where that is not the module at the node's own path.
    """
    node = frame.definition.graph.node(id)
    assert isinstance(node, CallNode)
    callee = p.library.sketch(node.definition)
    if node.model is not None and not module:
        module = (p.paths.model(node.model),)
    codes = _arguments(p, callee, operands)
    pure = p.library.pure(callee)
    tail: Code = ()
    if not module:
        path = frame.paths.get(id) or frame.path(node.copies.path(0))
        module = (Callee(node.definition, p.paths(path)),)
        tail = (Numbers(node.definition, node.arguments, p.gaps.absent(frame, id)),) if pure else ()
    depth = max((operand.depth for operand in operands.values()), default=0)
    block = not pure or length(joined(codes)) > WIDEST // 2
    code = (*module, "(", *joined(codes), *tail, ")")
    return Expr(code, depth=depth + 1, composite=block)


def _arguments(p: Plan, callee: Sketch, operands: Mapping[str, Expr]) -> list[Code]:
    types = callee.definition.input_types()
    codes: list[Code] = []
    for parameter in callee.parameters:
        if parameter.listed:
            parts = [operands[f"{parameter.name}.{k}"] for k in range(len(parameter.types))]
            codes.append(p.values.listed(parts))
        else:
            type = types[parameter.name]
            codes.append(p.runtime.as_tensor(operands[parameter.name], type).code)
    for name in callee.sizes:
        found = p.runtime.size(symbol(name), [], last=True)
        assert found is not None
        codes.append(found.code)
    if callee.device:
        codes.append(p.runtime.device().code)
    return [*codes, *((p.paths.model(name),) for name in callee.models)]


def give_several(p: Plan, frame: Frame, id: int, node: CallNode, expr: Expr) -> bool:
    """Gives a call's values a variable each, and one for each list.

    False of a call with one value that is no list: how that is given, the caller decides.
    """
    values, callee = p.values, p.library.sketch(node.definition)
    hints = values.clues.hints
    if node.model is not None and node.step is not None and node.step.name is not None:
        hints[frame.output(id)] = node.path.rpartition(".")[2]
    values.clues.words[frame.output(id)] = frame.path(node.path)
    if len(callee.outputs) == 1 and not callee.outputs[0].listed:
        return False
    targets: list[Val] = []
    port = 0
    for k, output in enumerate(callee.outputs):
        ports = [frame.output(id, port + i) for i in range(len(output.types))]
        port += len(output.types)
        target = ports[0]
        if output.listed:
            target = (frame.number, id, -1 - k)
            values.lists[target] = len(ports)
            values.uses[target] = sum(values.uses.get(val, 0) for val in ports)
            items = {val: Expr((Ref(target), f"[{i}]")) for i, val in enumerate(ports)}
            values.exprs.update(items)
        hints[target] = output.name
        targets.append(target)
    if len(targets) == 1:
        values.statements.append(Assign([targets[0]], expr.code))
        return True
    values.unpack(targets, expr)
    return True
