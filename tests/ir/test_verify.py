"""What `verify` lets through, and that each rule of the IR is held."""

from __future__ import annotations

from dataclasses import replace

import pytest
from zoo_files import zoo

from archc.errors import InternalError
from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, Copies, OpNode, WeightRef
from archc.ir.types import TensorType
from archc.ir.verify import verify
from archc.ops.registry import ops
from archc.passes import flatten
from archc.pipeline import compile, compile_text
from archc.spec.values import Argument

SPEC = """
archc: 1
name: net
inputs: {x: [N, 4]}
blocks:
  layer:
    params: {rate: 0.5}
    graph: [{linear: 4, name: fc}, {dropout: =rate}, {add: [prev, x]}]
graph:
  - {layer: 0.1, name: h, repeat: 3}
  - {linear: 4, name: out}
  - {linear: {out: 4, bias: false}, name: tied, tie: {weight: out.weight}}
outputs: {y: prev}
"""


@pytest.mark.parametrize("spec", zoo())
def test_the_zoo_keeps_the_rules(spec):
    program = compile(spec)
    verify(program)
    for model in program.models:
        verify(flatten(program, model))


def broken(change):
    """The complaint about the program after a change."""
    program = compile_text(SPEC, name="net.yaml")
    changed = change(program)
    with pytest.raises(InternalError) as caught:
        verify(program if changed is None else changed)
    assert {d.code for d in caught.value.diagnostics} == {"E901"}
    return str(caught.value)


def node_of(program, path, definition=None):
    graph = (definition or program.model).graph
    id, node = next((id, node) for id, node in graph.nodes() if node.path == path)
    return graph, id, node


def layer(program):
    return next(d for d in program.definitions() if d.name == "layer")


def test_the_complaint_names_the_node_and_its_place():
    def change(program):
        graph, id, node = node_of(program, "out")
        graph.set_node(id, replace(node, types=(TensorType("float32", (4, 5)),)))

    message = broken(change)
    assert "error[E901]: net.out: it holds float32[4, 5], inferred is float32[N, 4]" in message
    assert "--> net.yaml:11:6" in message
    assert "a defect of archc" in message


def test_a_node_comes_after_what_it_reads():
    def change(program):
        graph, id, _ = node_of(program, "out")
        graph.rewire(id, [Value(node_of(program, "tied")[1])])

    assert "net.out: it reads a node that comes after it" in broken(change)


def test_a_slot_holds_an_output_that_exists():
    def change(program):
        graph, id, _ = node_of(program, "out")
        graph.rewire(id, [Value(0, 1)])

    assert "net.out: it reads an output that 'x' has not" in broken(change)


def test_every_value_stands_in_a_slot():
    def change(program):
        graph, id, _ = node_of(program, "out")
        graph.rewire(id, [Value(0), Value(0)])

    assert "values stand in slots that their nodes do not have" in broken(change)


def test_slots_are_the_ops_inputs():
    def change(program):
        graph, id, node = node_of(program, "out")
        graph.set_node(id, replace(node, slots=("y",)))

    assert "net.out: linear has no slots y" in broken(change)


def test_required_inputs_are_there():
    def change(program):
        graph, id, _ = node_of(program, "out")
        graph.rewire(id, [None])

    assert "net.out: the slot 'x' is empty" in broken(change)


def test_weights_are_those_the_op_declares():
    def change(program):
        graph, id, node = node_of(program, "out")
        graph.set_node(id, replace(node, weights=node.weights[:1]))

    assert "net.out: its weights are not weight, bias" in broken(change)


def test_weights_have_the_types_the_op_declares():
    def change(program):
        graph, id, node = node_of(program, "tied")
        (weight,) = node.weights
        other = replace(weight, type=TensorType("float32", (4, 3)))
        graph.set_node(id, replace(node, weights=(other,)))

    assert "net.tied: the weight 'weight' is float32[4, 3]" in broken(change)


def test_ties_refer_to_weights_of_their_type():
    def tie(path):
        def change(program):
            graph, id, node = node_of(program, "tied")
            other = replace(node.weights[0], tie=WeightRef(path))
            graph.set_node(id, replace(node, weights=(other,)))

        return change

    assert "net.tied: there is no weight 'h.3.fc.weight'" in broken(tie("h.3.fc.weight"))
    assert "net.tied: 'h.2.fc.bias' is float32[4], not" in broken(tie("h.2.fc.bias"))
    assert "net.tied: 'tied.weight' is tied to itself alone" in broken(tie("tied.weight"))
    assert "there is no weight 'x'" in broken(
        lambda p: node_of(p, "tied")[0].set_node(
            node_of(p, "tied")[1],
            replace(
                node_of(p, "tied")[2],
                weights=(replace(node_of(p, "tied")[2].weights[0], tie=WeightRef("x", "other")),),
            ),
        )
    )


def test_calls_fit_what_they_call():
    def change(**facts):
        def apply(program):
            graph, id, node = node_of(program, "h.0")
            graph.set_node(id, replace(node, **facts))

        return apply

    assert "its arguments are not those of 'layer'" in broken(change(arguments={}))
    assert "there is no parameter 'q'" in broken(
        change(arguments={"rate": Argument("q", 0.0, None)})
    )
    assert "its inputs and outputs are not those of 'layer'" in broken(change(slots=("z",)))
    assert "it has 3 copies, which are not numbered" in broken(change(copies=Copies("h")))
    assert "it feeds back what does not exist" in broken(change(feedback=((0, 1),)))
    assert "there is no model 'm'" in broken(change(model="m"))


def test_attributes_pass_on_the_definitions_own_parameters():
    def change(program):
        graph, id, node = node_of(program, "1", layer(program))
        op = ops()["dropout"]({"rate": Argument("other", 0.0, None)})
        graph.set_node(id, replace(node, op=op))

    assert "layer.1: there is no parameter 'other'" in broken(change)


def test_names_are_unique():
    def weight(program):
        graph, id, node = node_of(program, "out")
        first, second = node.weights
        same = (first, replace(second, path="out.weight"))
        graph.set_node(id, replace(node, weights=same))

    def copies(program):
        graph, id, node = node_of(program, "h.0")
        program.model.graph.add(
            CallNode(**{**vars(node), "path": "again", "feedback": (), "count": 1}),
            graph.inputs(id),
        )

    def definitions(program):
        layer(program).name = "net"

    assert "'out' has weights of that name: out.weight" in broken(weight)
    assert "'h.0' has weights of that name: h.0" in broken(copies)
    assert "2 definitions are called 'net'" in broken(definitions)


def test_inputs_and_outputs_exist():
    assert "the output 'z' is no value" in broken(lambda p: p.model.outputs.update(z=Value(99)))
    assert "its inputs are not its input nodes" in broken(lambda p: setattr(p.model, "inputs", ()))
    assert "the main model 'other' does not exist" in broken(lambda p: replace(p, main="other"))
    assert "it has no outputs" in broken(lambda p: p.model.outputs.clear())


def test_a_scan_carries_and_stacks_what_fits():
    program = compile_text(
        "archc: 1\nname: s\ninputs: {x: [N, T, 3], h: [N, 3]}\nblocks:\n"
        "  step: {inputs: [x, h], graph: [{add: [x, h], name: s}], outputs: {h: s, y: s}}\n"
        "graph:\n  - {step, in: {x: x, h: h}, scan: [x], name: run}\n"
        "outputs: {y: run.y}\n"
    )
    graph, id, node = node_of(program, "run")
    graph.set_node(id, replace(node, feedback=()))
    with pytest.raises(InternalError, match=r"s\.run: it holds .*float32\[N, T, 3\]"):
        verify(program)


def test_a_graph_made_by_hand_is_checked_as_well():
    graph = Graph()
    graph.add(OpNode(path="a", types=(), op=ops()["relu"].make(), slots=("x",)), [None])
    program = compile_text(SPEC)
    program.model.graph, program.model.inputs, program.model.outputs = graph, (), {"y": Value(0)}
    with pytest.raises(InternalError, match="the output 'y' is no value"):
        verify(program)
