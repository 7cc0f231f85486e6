"""The pipelines over the zoo, what passes promise, and weights that are derived."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from passes.interpreter import outputs, random_inputs, random_weights, weights_of
from zoo_files import zoo

from archc.errors import InternalError, UsageError
from archc.ir.derive import sources, with_derived
from archc.ir.nodes import OpNode
from archc.ir.parse import parse
from archc.ir.text import text
from archc.ir.verify import verify
from archc.ops.base import Op
from archc.ops.registry import ops
from archc.passes import (
    PIPELINES,
    CommonSubexpressions,
    DeadCode,
    Expand,
    FoldBatchNorm,
    FoldConstants,
    Pass,
    flatten,
    run,
)
from archc.pipeline import compile, compile_text
from archc.weights import open_weights


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("spec", zoo("densenet", "efficientnet"))
def test_every_pipeline_runs_on_the_zoo(spec, pipeline):
    program = compile(spec)
    before = text(program)
    result = run(program, pipeline)
    assert text(program) == before
    printed = text(result)
    assert text(parse(printed)) == printed
    for name, model in result.models.items():
        assert model.input_types() == program.models[name].input_types()
        assert model.output_types() == program.models[name].output_types()


def test_training_keeps_every_weight_and_inference_says_what_it_needs():
    program = compile("resnet18")
    names = [entry.name for entry in program.weights()]
    assert [entry.name for entry in run(program, "training").weights()] == names
    needed = {
        source
        for entry in run(program, "inference").weights()
        for source in ([name for _, name, _ in sources(entry)] or [entry.name])
    }
    assert needed == set(names)


def test_an_unknown_pipeline_is_named():
    with pytest.raises(UsageError, match=r"E706.*'infer'[\s\S]*inference"):
        run(compile("perceptron"), "infer")


def test_nothing_is_made_anew_where_there_is_nothing_to_do():
    program = compile("gpt2")
    for step in (CommonSubexpressions(), DeadCode(), FoldConstants(), FoldBatchNorm()):
        assert step(program) is program


def test_blocks_that_are_not_touched_stay_the_same_objects():
    program = compile_text(
        "archc: 1\nname: n\ninputs: {x: [N, 4]}\nblocks:\n"
        "  a: {graph: [relu, identity]}\n  b: {graph: [tanh]}\ngraph: [a, b]\n"
    )
    before = {d.name: d for d in program.definitions()}
    after = {d.name: d for d in run(program, "training").definitions()}
    assert after["b"] is before["b"] and after["a"] is not before["a"]


# -- contracts


@dataclass(frozen=True)
class Broken(Pass):
    """A pass that does what its field says."""

    harm: str

    def requires(self, program):
        return "a model called 'other'" if self.harm == "requires" else ""

    def run(self, program):
        model = program.model
        if self.harm == "interface":
            return replace(program, models={program.main: replace(model, outputs={})})
        if self.harm == "output":
            ((_, value),) = model.outputs.items()
            return replace(program, models={program.main: replace(model, outputs={"z": value})})
        if self.harm == "models":
            return replace(program, models={**program.models, "more": model})
        if self.harm == "weights":
            return run(program, [DeadCode()])
        return program

    def ensures(self, before, after):
        return "more than it did" if self.harm == "ensures" else ""


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        ("requires", "E902.*Broken requires: a model called 'other'"),
        ("interface", "E901.*it has no outputs"),
        ("output", "E902.*Broken ensures: the inputs and outputs of 'n' are the same"),
        ("models", "E902.*Broken ensures: the models are the same"),
        ("weights", "E902.*Broken ensures: the weight 'dead.weight' stays as it is"),
        ("ensures", "E902.*Broken ensures: more than it did"),
    ],
)
def test_a_pass_that_breaks_its_promise_is_stopped(harm, complaint):
    program = compile_text(
        "archc: 1\nname: n\ninputs: {x: [N, 4]}\n"
        "graph: [{linear: 4, name: dead}, {relu, in: x}]\noutputs: {y: prev}\n"
    )
    with pytest.raises(InternalError, match=complaint):
        Broken(harm)(program)


def test_an_op_that_gives_other_values_than_it_says_is_caught(monkeypatch):
    program = compile_text(
        "archc: 1\nname: n\ngraph: [{range: 3, name: r}, {neg, in: r}]\noutputs: {y: prev}\n"
    )
    monkeypatch.setattr(ops()["neg"], "evaluate", lambda self, x: x.astype("float32"))
    with pytest.raises(InternalError, match=r"E903.*neg says it gives int64\[3\]"):
        FoldConstants()(program)


# -- values


LAYERS = {
    "conv1d": "{conv1d: {out: 4, kernel: 2}, name: m}",
    "conv2d without bias": "{conv2d: {out: 4, kernel: [1, 2], bias: false}, name: m}",
    "grouped": "{conv2d: {out: 4, kernel: 1, groups: 2}, name: m}",
    "conv3d": "{conv3d: {out: 2, kernel: 1}, name: m}",
    "transposed": "{conv_transpose1d: {out: 6, kernel: 2}, name: m}",
    "transposed, grouped": (
        "{conv_transpose2d: {out: 6, kernel: 1, groups: 2, bias: false}, name: m}"
    ),
    "linear": "{linear: 5, name: m}",
    "linear, stored the other way": "{linear: {out: 5, bias: false, layout: in_out}, name: m}",
}  # fmt: skip
SHAPES = {"1d": "[N, 4, 3]", "2d": "[N, 4, 2, 3]", "3d": "[N, 4, 2, 2, 2]", "linear": "[N, 4]"}


@pytest.mark.parametrize("norm", ["batch_norm", "batch_norm: {affine: false, eps: 0.1}"])
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_a_folded_batch_norm_gives_the_same_values(layer, norm):
    shape = next(dims for kind, dims in SHAPES.items() if kind in layer.replace("grouped", ""))
    program = compile_text(
        f"archc: 1\nname: n\ninputs: {{x: {shape}}}\ngraph: [{layer}, {{{norm}, name: bn}}]\n"
    )
    folded = FoldBatchNorm()(program)
    assert [n.op.name for _, n in folded.model.graph.nodes() if isinstance(n, OpNode)] == [
        layer[1:].partition(":")[0]
    ]
    inputs, weights = random_inputs(program), random_weights(program)
    wanted, found = outputs(program, inputs, weights), outputs(folded, inputs, weights)
    np.testing.assert_allclose(found["output"], wanted["output"], rtol=2e-5, atol=1e-5)


def test_eps_that_passes_through_is_that_of_each_instance():
    program = compile_text("""
archc: 1
name: n
inputs: {x: [N, 4]}
blocks:
  unit: {params: {eps: 0.1}, graph: [{linear: 4, name: fc}, {batch_norm: {eps: =eps}, name: bn}]}
graph: [{unit: 0.5, name: a}, {unit: 2.0, name: b, repeat: 2}]
""")
    folded = FoldBatchNorm()(program)
    assert len(folded.definitions()) == 2
    inputs, weights = random_inputs(program), random_weights(program)
    wanted, found = outputs(program, inputs, weights), outputs(folded, inputs, weights)
    np.testing.assert_allclose(found["output"], wanted["output"], rtol=2e-5)


def test_what_another_step_needs_is_not_folded():
    graphs = {
        "the value between": "[{linear: 4, name: a}, {batch_norm, name: bn}, {add: [a, bn]}]",
        "a tied weight": "[{linear: {out: 4, bias: false}, name: a}, {batch_norm, name: bn}, "
        "{linear: {out: 4, bias: false}, name: c, tie: {weight: a.weight}}]",
        "a weight that is read": "[{linear: {out: 4, bias: false}, name: a}, "
        "{batch_norm, name: bn}, {mul: [prev, a.weight]}]",
        "other channels": "[{linear: 4, name: a}, {rearrange: 'n c -> n 1 c'}, "
        "{linear: 4}, batch_norm]",
        "no statistics": "[{linear: 4, name: a}, {batch_norm: {track: false}, name: bn}]",
    }
    for graph in graphs.values():
        program = compile_text(f"archc: 1\nname: n\ninputs: {{x: [4, 4]}}\ngraph: {graph}\n")
        assert FoldBatchNorm()(program) is program


def test_a_model_with_two_types_of_input_keeps_its_weights_apart():
    """What is folded in one version of a model would still be read in the other."""
    program = compile_text("""
archc: 1
name: n
models:
  part: {inputs: {x: [N, 4]}, graph: [{linear: 4, name: fc}, {batch_norm, name: bn}]}
  net:
    inputs: {x: [2, 4]}
    graph: [{part: [x], name: a}, {part: [a], name: b}]
""")
    assert FoldBatchNorm()(program) is program


def test_derived_weights_come_from_the_store_of_the_original():
    program = compile_text(
        "archc: 1\nname: n\ninputs: {x: [N, 4]}\ngraph: [{linear: 3, name: fc}, "
        "{batch_norm, name: bn}, {linear: {out: 3, bias: false}, name: head}]\n"
    )
    arrays = random_weights(program)
    folded = FoldBatchNorm()(program)
    with open_weights(arrays) as stored:
        found = with_derived(folded, stored)
        assert list(found) == ["fc.weight_folded", "fc.bias_folded", "head.weight"]
        for name, wanted in weights_of(folded, arrays).items():
            np.testing.assert_array_equal(found[name].array(), wanted)
            assert found[name].array().dtype == np.float32
    scale = arrays["bn.weight"] / np.sqrt(arrays["bn.running_var"].astype("float64") + 1e-5)
    exact = arrays["fc.weight"].astype("float64") * scale[:, None]
    np.testing.assert_array_equal(
        weights_of(folded, arrays)["fc.weight_folded"], exact.astype("float32")
    )


def test_batch_norms_fold_in_half_precision():
    program = parse("""archc-ir 1
program n
main n

model n(%x: bfloat16[N, 2]) -> (y: %b) {
  %a: bfloat16[N, 2] = linear(%x) {out: 2, bias: false}
    weight: bfloat16[2, 2] ones
  %b: bfloat16[N, 2] = batch_norm(%a) {affine: false}
    running_mean: bfloat16[2] zeros buffer
    running_var: bfloat16[2] ones buffer
}
""")
    folded = FoldBatchNorm()(program)
    one = np.full((2, 2), 0x3F80, np.uint16)
    stored = {"a.weight": one, "b.running_mean": one[0] * 0, "b.running_var": one[0]}
    found = weights_of(folded, stored)["a.weight_folded"]
    np.testing.assert_array_equal(found, one)  # 1/√(1 + 1e-5), as near to 1 as bfloat16 comes


EXPANDABLE = sorted(
    name for name, op in ops().items() if op.expand is not Op.expand and op.examples
)


@pytest.mark.parametrize("spec", zoo("densenet", "efficientnet"))
def test_the_zoo_expands_into_primitives(spec):
    """Every op that has an expansion is taken apart, however deep; types and weights stay."""
    program = compile(spec)
    primitive = frozenset(ops().keys() - set(EXPANDABLE))
    expanded = Expand(primitive)(program)
    verify(expanded)
    left = {
        node.op.name
        for definition in expanded.definitions()
        for _, node in definition.graph.nodes()
        if isinstance(node, OpNode)
    }
    whole = left - primitive  # those whose expansion depends on attributes
    assert whole <= {"batch_norm", "floor_div", "center_crop"}
    assert {e.name for e in expanded.weights()} == {e.name for e in program.weights()}


def test_an_expansion_uses_weights_that_are_fed():
    program = compile_text("""
archc: 1
name: n
inputs: {x: [N, 4]}
graph:
  - {weight: {shape: [4]}, name: w}
  - {mul: [w, 2.0], name: scaled}
  - {rms_norm, in: {x: x, weight: scaled}, name: norm}
""")
    basic = frozenset({"weight", "mul", "constant", "square", "mean", "add", "sqrt", "reciprocal"})
    expanded = Expand(basic)(program)
    names = [n.op.name for _, n in expanded.model.graph.nodes() if isinstance(n, OpNode)]
    assert set(names) <= basic and names.count("weight") == 1
    inputs, weights = random_inputs(program), random_weights(program)
    wanted, found = outputs(program, inputs, weights), outputs(expanded, inputs, weights)
    np.testing.assert_allclose(found["output"], wanted["output"], rtol=1e-5)


def test_flat_programs_see_through_blocks():
    program = compile_text("""
archc: 1
name: n
inputs: {x: [N, 4]}
blocks: {first: {graph: [identity, relu]}, second: {graph: [relu, {transpose: {order: [1, 0]}}]}}
graph: [first, second, {transpose: {order: [1, 0]}}]
""")
    flat = run(program, "flat").model.graph
    assert [node.path for _, node in flat.nodes()] == ["x", "0.1"]


def test_a_table_of_a_model_that_is_not_called_is_held_with_its_values():
    program = compile_text("""
archc: 1
name: n
models:
  tables:
    inputs: {x: [N, 2]}
    graph: [{weight: {value: [1.0, 2.0]}, name: t, freeze: true}, {mul: [x, t]}]
  net: {inputs: {x: [N, 2]}, graph: [{mul: [x, tables.t]}]}
""")
    flat = flatten(program, "net")
    verify(flat)
    assert [entry.weight.value for entry in flat.weights()] == [(1.0, 2.0)]


def test_a_model_called_twice_is_computed_once():
    program = compile_text("""
archc: 1
name: n
models:
  part: {inputs: {x: [N, 4]}, graph: [{linear: 4, name: fc}, tanh]}
  net:
    inputs: {x: [N, 4]}
    graph: [{part: [x], name: a}, {part: [x], name: b}, {add: [a, b]}]
""")
    for form in (program, flatten(program)):
        found = CommonSubexpressions()(form)
        assert found.digest == program.digest
        assert len(found.model.graph) < len(form.model.graph)
