"""A program as a picture of an ONNX file: flattened, cleaned up, then node by node.

Program ──flatten──▶ ──passes──▶ flat Program ──lines──▶ drafts ──names──▶ Model
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archc.errors import UnsupportedError
from archc.ir.graph import Value
from archc.ir.nodes import InputNode, OpNode, ScanNode, WeightNode
from archc.ir.program import Definition, Program
from archc.ir.verify import verify
from archc.passes.base import Pass
from archc.passes.canonicalise import Canonicalise
from archc.passes.common_subexpressions import CommonSubexpressions
from archc.passes.dead_code import DeadCode
from archc.passes.flatten import flatten
from archc.passes.fold_constants import FoldConstants
from archc.passes.fold_scale import FoldScale
from archc.weights import Entry
from archc_onnx.draft import Operand, finish, prune, spare
from archc_onnx.emitter import Emitter
from archc_onnx.half import halve
from archc_onnx.line import At
from archc_onnx.metadata import metadata, shown, version
from archc_onnx.model import Model
from archc_onnx.moves import GatherMoves
from archc_onnx.residual import keep_sums_apart
from archc_onnx.scan import scan
from archc_onnx.store import Store
from archc_onnx.table import TakeApart, table, unsupported
from archc_onnx.target import Target

CLEAN: tuple[Pass, ...] = (
    Canonicalise(), CommonSubexpressions(), FoldConstants(), Canonicalise(), FoldScale(),
    GatherMoves(),
)  # fmt: skip
"""What a flat program goes through first, in the spec's own precision."""

APART: tuple[Pass, ...] = (TakeApart(), CommonSubexpressions(), FoldConstants(), DeadCode())
"""What it goes through then, in the target's."""


def lower(
    program: Program,
    target: Target | str | None = None,
    model: str | None = None,
    *,
    weights: Mapping[str, Entry] | None = None,
    seed: int = 0,
) -> Model:
    """One model of a program as an ONNX file, in plain Python; nothing is computed or written.

    `weights` are entries as `archc.store.stored` gives them; without, they are initial values.
    Raises UnsupportedError E601 for an op that has no form in ONNX, E604 for a size that no input's
    shape tells.
    """
    target = Target.parse(target)
    name = program.main if model is None else model
    flat = prepared(program, name, target)
    emitter = Emitter(target, Store.of(flat, weights, seed), name)
    outputs = _Lowering(emitter).model(flat.model)
    return _finished(emitter, program, name, outputs)


def prepared(program: Program, model: str, target: Target) -> Program:
    """One model as a flat program of ops that have lines, in the target's precision; verified.

    UnsupportedError E601 with every step whose op has none.
    """
    flat = flatten(program, model)
    for step in CLEAN:
        flat = step.run(flat)
    if target.precision == "fp16":
        flat = halve(flat, io=target.half_io)
    for step in APART:
        flat = step.run(flat)
    verify(flat)
    findings = [
        unsupported(node)
        for definition in flat.definitions()
        for _, node in definition.graph.nodes()
        if isinstance(node, OpNode) and not table().has(node.op)
    ]
    if findings:
        raise UnsupportedError(findings)
    return flat


@dataclass(eq=False, slots=True)
class _Lowering:
    emitter: Emitter

    def model(self, definition: Definition) -> dict[str, Operand]:
        root = self.emitter.root
        inputs: dict[int, Operand] = {}
        for id in definition.inputs:
            node = definition.input(id)
            inputs[id] = Operand(node.types[0], root, node.name)
            root.inputs.append(inputs[id])
        values = self.inside(definition, inputs)
        outputs: dict[str, Operand] = {}
        for name, operand in zip(definition.outputs, values, strict=True):
            if operand.maker is None or operand.body is not root or operand in outputs.values():
                operand = root.add("Identity", [operand], [operand.type], name)[0]
            outputs[name] = operand
        return outputs

    def inside(self, definition: Definition, inputs: Mapping[int, Operand]) -> list[Operand]:
        """Lowers a definition's nodes into the current graph; returns its outputs."""
        graph = definition.graph
        made: dict[Value, Operand] = {Value(id): operand for id, operand in inputs.items()}
        leaving = {value.node for value in definition.outputs.values()}
        for id, node in graph.nodes():
            if isinstance(node, InputNode):
                continue
            given = [None if value is None else made[value] for value in graph.inputs(id)]
            if isinstance(node, OpNode):
                outputs = self.op(node, given, id in leaving)
            elif isinstance(node, WeightNode):
                outputs = [self.emitter.weight(node.ref.path, node.types[0])]
            else:
                assert isinstance(node, ScanNode)
                present = [value for value in given if value is not None]
                outputs = scan(self.emitter, node, present, self.inside, shown(node.place))
            made.update((Value(id, port), operand) for port, operand in enumerate(outputs))
        return [made[value] for value in definition.outputs.values()]

    def op(self, node: OpNode, given: list[Operand | None], leaving: bool) -> list[Operand]:
        slots = dict(zip(node.slots, given, strict=True))
        weights = {weight.slot: weight for weight in node.weights}
        at = At(self.emitter, node, slots, weights, leaving, shown(node.place))
        result = table().lines[node.op.name](at)
        outputs = [result] if isinstance(result, Operand) else list(result)
        at.settle(outputs)
        return outputs


def _finished(emitter: Emitter, program: Program, name: str, outputs: dict[str, Operand]) -> Model:
    """The picture of what was emitted, without what nothing uses."""
    root, target = emitter.root, emitter.target
    root.outputs = list(outputs.values())
    live = prune(root)
    spare(root, live)
    keep_sums_apart(root, target)
    initialisers = [item for item in emitter.initialisers.items() if item[0] in live]
    graph, called = finish(root, outputs, initialisers)
    derived = {
        operand.name: sources for operand, sources in emitter.derived.items() if operand in live
    }
    opset = target.opset or emitter.opset
    definition = program.models[name]
    return Model(
        graph,
        {"": opset, **emitter.domains},
        target.ir_version(opset),
        version(),
        metadata(program, name, target, graph, called, derived),
        definition.doc or program.doc,
    )
