"""A program as a picture of an ONNX file: flattened, cleaned up, then node by node.

Program ──flatten──▶ ──passes──▶ flat Program ──lines──▶ drafts ──names──▶ Model
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archc.ir.graph import Value
from archc.ir.nodes import InputNode, OpNode, ScanNode, WeightNode
from archc.ir.program import Definition, Program
from archc.passes.flatten import flatten
from archc.weights import Entry
from archc_onnx.draft import Operand, finish, prune, spare
from archc_onnx.emitter import Emitter
from archc_onnx.half import halve
from archc_onnx.line import At
from archc_onnx.metadata import metadata, shown, version
from archc_onnx.model import Model
from archc_onnx.scan import scan
from archc_onnx.store import Store
from archc_onnx.table import lines, unsupported
from archc_onnx.target import Target
from archc_onnx.unfold import Unfolding


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
    flat = flatten(program, name)
    if target.precision == "fp16":
        flat = halve(flat, io=target.half_io)
    emitter = Emitter(target, Store.of(flat, weights, seed), name)
    outputs = _Lowering(emitter).model(flat.model)
    return _finished(emitter, program, name, outputs)


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
                slots = dict(zip(node.slots, given, strict=True))
                outputs, _ = self.op(node, slots, id in leaving)
            elif isinstance(node, WeightNode):
                outputs = [self.emitter.weight(node.ref.path, node.types[0])]
            else:
                assert isinstance(node, ScanNode)
                present = [value for value in given if value is not None]
                outputs = scan(self.emitter, node, present, self.inside, shown(node.place))
            made.update((Value(id, port), operand) for port, operand in enumerate(outputs))
        return [made[value] for value in definition.outputs.values()]

    def op(
        self, node: OpNode, slots: Mapping[str, Operand | None], leaving: bool = False
    ) -> tuple[list[Operand], At]:
        """The op's outputs, by its line or else by those of the ops that it consists of."""
        weights = {weight.slot: weight for weight in node.weights}
        at = At(self.emitter, node, slots, weights, leaving, shown(node.place))
        line = lines().get(node.op.name)
        result = None if line is None else line(at)
        if result is None:
            result = self.unfolded(at, slots)
        outputs = [result] if isinstance(result, Operand) else list(result)
        at.settle(outputs)
        return outputs, at

    def unfolded(self, at: At, slots: Mapping[str, Operand | None]) -> Operand | Sequence[Operand]:
        """UnsupportedError E601 where the op cannot be taken apart."""
        terms = [value for slot, value in slots.items() if slot not in at.op.weight_names]
        while terms and terms[-1] is None:
            terms.pop()
        result: Operand | Sequence[Operand] | None = at.op.expand(Unfolding(at, self.op), *terms)
        if result is None:
            raise unsupported(at.node)
        return result


def _finished(emitter: Emitter, program: Program, name: str, outputs: dict[str, Operand]) -> Model:
    """The picture of what was emitted, without what nothing uses."""
    root, target = emitter.root, emitter.target
    root.outputs = list(outputs.values())
    live = prune(root)
    spare(root, live)
    initialisers = [item for item in emitter.initialisers.items() if item[0] in live]
    graph, called = finish(root, outputs, initialisers)
    derived = {
        operand.name: sources for operand, sources in emitter.derived.items() if operand in live
    }
    opset = target.opset or emitter.opset
    definition = program.models[name]
    return Model(
        graph,
        {"": opset},
        target.ir_version(opset),
        version(),
        metadata(program, name, target, graph, called, derived),
        definition.doc or program.doc,
    )
