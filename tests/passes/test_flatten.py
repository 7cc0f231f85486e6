"""Flattening: one graph, full names, numbers in place of parameters, each weight owned once."""

import pytest
from zoo_files import zoo

from archc.cost import macs
from archc.ir.nodes import CallNode, OpNode, ScanNode, WeightNode
from archc.ir.program import Definition, Program
from archc.ir.verify import verify
from archc.passes import FoldBatchNorm, flatten
from archc.pipeline import compile, compile_text
from archc.spec.values import Argument


def flat(text: str, model: str | None = None) -> Program:
    program = flatten(compile_text(f"archc: 1\nname: m\n{text}"), model)
    verify(program)
    return program


def paths(definition: Definition, op: str | None = None) -> list[str]:
    return [
        node.path
        for _, node in definition.graph.nodes()
        if isinstance(node, OpNode) and (op is None or node.op.name == op)
    ]


def owned(program: Program) -> dict[str, str | None]:
    return {entry.name: entry.owner for entry in program.weights()}


@pytest.mark.parametrize("spec", zoo())
def test_the_zoo_stays_what_it_is(spec: str) -> None:
    program = compile(spec)
    for name, model in program.models.items():
        result = flatten(program, name)
        verify(result)
        assert result.params == program.count_params(name)
        assert macs(result.model) == macs(model)
        assert owned(result) == {entry.name: entry.owner for entry in program.weights(name)}
        assert result.model.input_types() == model.input_types()
        assert result.model.output_types() == model.output_types()
        assert list(result.models) == [name]
        for definition in result.definitions():
            for _, node in definition.graph.nodes():
                assert not isinstance(node, CallNode) or isinstance(node, ScanNode)
                if isinstance(node, OpNode):
                    assert not any(isinstance(v, Argument) for v in node.op.values.values())


def test_copies_have_their_own_paths_and_weights() -> None:
    program = flat(
        "inputs: {x: [N, 4]}\n"
        "blocks: {block: {graph: [{linear: =x.features, name: fc}, relu]}}\n"
        "graph: [{name: body, do: [{block, repeat: 3, name: layer}]}]"
    )
    assert paths(program.model) == [f"body.layer.{k}.{s}" for k in range(3) for s in ("fc", "1")]
    assert [name for name in owned(program) if name.endswith("weight")] == [
        f"body.layer.{k}.fc.weight" for k in range(3)
    ]


def test_parameters_become_the_numbers_of_each_call() -> None:
    program = flat(
        "inputs: {x: [N, 4]}\n"
        "blocks:\n"
        "  leaky: {params: {slope: 0.5}, graph: [{leaky_relu: =slope}]}\n"
        "  both: {params: {a: float}, graph: [{leaky: {slope: =a}}, {leaky: {slope: 0.25}}]}\n"
        "graph: [{both: {a: 0.1}}, {both: {a: 0.2}}]"
    )
    slopes = [
        node.op.values["slope"]
        for _, node in program.model.graph.nodes()
        if isinstance(node, OpNode)
    ]
    assert slopes == [0.1, 0.25, 0.2, 0.25]


def test_equal_numbers_are_one_constant() -> None:
    program = flat(
        "inputs: {x: [N, 4]}\n"
        "blocks: {half: {graph: [{mul: [x, 0.5]}, {add: [prev, 0.5]}, {add: [prev, 1]}]}}\n"
        "graph: [{half, repeat: 2}, half]"
    )
    assert paths(program.model, "constant") == ["constant_0", "constant_1"]


MODELS = """
models:
  table: {inputs: {t: {shape: [N], dtype: int64}}, graph: [{embedding: {num: 9, dim: 4}, name: e}]}
  other: {inputs: {x: [N, 4]}, graph: [{linear: 4, name: a}, {linear: 4, name: unused}]}
  main:
    inputs: {t: {shape: [N], dtype: int64}}
    graph:
      - {table: [t], name: first}
      - {table: [t], name: second}
      - add: [first, second]
      - {linear: {out: 9, bias: false}, name: head, tie: {weight: table.e.weight}}
      - {linear: {layout: in_out, bias: false}, in: {x: prev, weight: table.e.weight}, name: back}
  reader:
    inputs: {x: [N, 4]}
    graph: [{linear: {bias: false}, in: {x: x, weight: other.a.weight}, name: y}]
"""


def test_a_model_called_twice_has_one_set_of_weights() -> None:
    program = flat(MODELS, "main")
    assert owned(program) == {"table.e.weight": None, "main.head.weight": "table.e.weight"}
    assert program.params == 36
    first, second = (
        node.weights[0]
        for _, node in program.model.graph.nodes()
        if isinstance(node, OpNode) and node.op.name == "embedding"
    )
    assert first.tie is None
    assert second.tie is not None
    assert second.path == second.tie.path == first.path
    assert paths(program.model, "embedding") == ["first.e", "second.e"]


def test_weights_that_are_only_read_are_held() -> None:
    program = flat(MODELS, "reader")
    reads = [n for _, n in program.model.graph.nodes() if isinstance(n, WeightNode)]
    assert [read.ref.path for read in reads] == ["other.a.weight"]
    assert list(owned(program)) == [
        f"other.{s}.{w}" for s in ("a", "unused") for w in ("weight", "bias")
    ]
    held = paths(program.model, "weight")
    assert held == list(owned(program))
    assert not any(program.model.graph.users(id) for id, n in program.model.graph.nodes()
                   if n.path in held)  # fmt: skip


def test_a_scan_keeps_a_flat_body() -> None:
    program = flat(
        "inputs: {x: [N, T, 3], h: [N, 4]}\n"
        "blocks:\n"
        "  step:\n"
        "    inputs: [x, h]\n"
        "    graph: [{gru_cell: 4, in: {x: x, h: h}, name: cell}, {linear: 2, name: out}]\n"
        "    outputs: {y: out, h: cell}\n"
        "graph: [{name: rnn, do: [{step, in: {x: x, h: h}, scan: [x], name: s}]}]"
    )
    (scan,) = (node for _, node in program.model.graph.nodes() if isinstance(node, ScanNode))
    assert scan.path == "rnn.s"
    assert paths(scan.definition) == ["rnn.s.cell", "rnn.s.out"]
    assert "rnn.s.cell.weight_ih" in owned(program)


def test_flattening_again_changes_nothing() -> None:
    program = compile("transformer")
    once = flatten(program)
    again = flatten(once)
    assert owned(again) == owned(once)
    assert paths(again.model) == paths(once.model)
    assert again.digest == once.digest


def test_derived_weights_have_full_names() -> None:
    program = compile("resnet18")
    before = flatten(FoldBatchNorm()(program))
    after = FoldBatchNorm()(flatten(program))
    derived = [
        {e.name: [source.path for _, source in e.weight.derive.sources] for e in p.weights()
         if e.weight.derive}
        for p in (before, after)
    ]  # fmt: skip
    assert derived[0] == derived[1]
    assert "layer1.0.bn1.running_var" in derived[0]["layer1.0.conv1.weight_folded"]


def test_the_work_follows_the_number_of_nodes() -> None:
    sizes = [
        len(flatten(compile("gpt2", set={"layers": layers})).model.graph) for layers in (10, 20, 30)
    ]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0]
