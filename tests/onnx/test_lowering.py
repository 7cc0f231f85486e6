"""What a file says: names, dimensions, ties, places, metadata; and what cannot be said."""

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx_backend import assert_typed, exported, kinds, run, session, spec, text
from ops.cases import Case
from small_zoo import small
from torch_backend.programs import program_of

import archc_onnx
from archc.errors import UnsupportedError
from archc.ir.graph import Value
from archc.ops.base import Op
from archc.ops.examples import feed
from archc.pipeline import compile_text
from archc.place import Place, Source
from archc.store import stored
from archc_onnx.draft import Operand
from archc_onnx.line import At
from archc_onnx.metadata import shown
from archc_onnx.ops.attention import BLOCKS
from archc_onnx.table import Table, table


def initialisers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def dims(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


# ---- names


GOLDEN = """\
stem.conv1 = Conv(image, stem.conv1.weight, kernel_shape=[3, 3], strides=[1, 1], dilations=[1, 1], \
group=1, pads=[1, 1, 1, 1])
stem.bn1 = BatchNormalization(stem.conv1, stem.bn1.weight, stem.bn1.bias, stem.bn1.running_mean, \
stem.bn1.running_var, epsilon=1e-05)
stem.2 = Relu(stem.bn1)
1/globalaveragepool = GlobalAveragePool(stem.2)
1 = Reshape(1/globalaveragepool, int64[2]/0,4)
body.0.fc = Gemm(1, body.0.fc.weight, body.0.fc.bias, transB=1)
body.0.1/sigmoid = Sigmoid(body.0.fc)
body.0.1 = Mul(body.0.fc, body.0.1/sigmoid)
body.1.fc = Gemm(body.0.1, body.1.fc.weight, body.1.fc.bias, transB=1)
body.1.1/sigmoid = Sigmoid(body.1.fc)
features = Mul(body.1.fc, body.1.1/sigmoid)
logits = Gemm(features, head.weight, transB=1)"""


def test_nodes_and_values_go_by_their_paths(tmp_path) -> None:
    program = compile_text(
        """\
archc: 1
name: tiny
inputs: {image: [N, 3, H, W]}
blocks: {block: {graph: [{linear: =x.features, name: fc}, silu, {dropout: 0.1}]}}
graph:
  - name: stem
    do:
      - {conv2d: {out: 4, kernel: 3, padding: 1, bias: false}, name: conv1}
      - {batch_norm, name: bn1}
      - relu
  - global_avg_pool
  - {block, name: body, repeat: 2}
  - {linear: {out: 2, bias: false}, name: head}
outputs: {features: body, logits: head}
"""
    )
    model = exported(program, tmp_path)
    assert text(model) == GOLDEN
    assert [node.name for node in model.graph.node] == [
        "stem.conv1", "stem.bn1", "stem.2", "1/globalaveragepool", "1", "body.0.fc",
        "body.0.1/sigmoid", "body.0.1", "body.1.fc", "body.1.1/sigmoid", "body.1.1", "head",
    ]  # fmt: skip
    assert [value.name for value in model.graph.output] == ["features", "logits"]


def test_initialisers_carry_the_state_dicts_keys(tmp_path) -> None:
    program = small("resnet")
    names = {tensor.name for tensor in exported(program, tmp_path).graph.initializer}
    keys = {entry.name for entry in program.weights()}
    assert keys <= names
    assert all("/" in name for name in names - keys)


def test_outputs_of_a_step_are_named_below_it(tmp_path) -> None:
    program = spec(
        "{x: [N, T, 6]}",
        "[{unstack: {into: [a, b], axis: -1}, in: x, name: u, when: false},"
        " {split: {into: [a, b], axis: -1}, in: x, name: s}, {lstm: 4, in: s.a, name: r},"
        " {mul: [s.b, 2.0], name: z}]",
        "outputs: {y: r.y, h: r.h, c: r.c, z: z}",
    )
    model = exported(program, tmp_path)
    split, *_, lstm = (n for n in model.graph.node if n.op_type in ("Split", "LSTM"))
    assert (split.name, list(split.output)) == ("s", ["s.a", "s.b"])
    assert (lstm.name, list(lstm.output)) == ("r.h", ["r/l0", "h", "c"])
    assert [value.name for value in model.graph.output] == ["y", "h", "c", "z"]


def test_an_output_that_is_called_like_an_input_says_so(tmp_path) -> None:
    program = spec("{x: [N, 4]}", "[relu]", "outputs: {x: prev}")
    model = exported(program, tmp_path)
    assert [value.name for value in model.graph.output] == ["x.output"]
    assert json.loads(metadata(model)["archc.outputs"]) == {"x": "x.output"}


def test_what_is_passed_through_or_given_out_twice_is_a_value_of_its_own(tmp_path) -> None:
    program = spec(
        "{x: [N, 3]}",
        "[{weight: {shape: [3]}, name: w}, {relu, in: x, name: r}]",
        "outputs: {same: x, table: w, once: r, twice: r}",
    )
    model = exported(program, tmp_path)
    x = np.array([[1, -2, 3]], np.float32)
    found = run(tmp_path / "m.onnx", {"x": x})
    np.testing.assert_array_equal(found["same"], x)
    np.testing.assert_array_equal(found["table"], initialisers(model)["w"])
    np.testing.assert_array_equal(found["once"], found["twice"])


def test_names_that_would_meet_are_kept_apart(tmp_path) -> None:
    program = spec(
        "{x: [N, 4]}",
        "[{linear: 4, name: y}, {name: a, do: [relu, {tanh, name: y}]}, {sigmoid, name: z}]",
        "outputs: {a: z, z: a, y: a.y}",
    )
    model = exported(program, tmp_path)
    names = [name for node in model.graph.node for name in node.output]
    assert len(set(names)) == len(names)
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)
    assert [value.name for value in model.graph.output] == ["a", "z", "y"]


# ---- dimensions, ties


def test_symbolic_dimensions_keep_their_names(tmp_path) -> None:
    program = spec("{x: [N, 3, H, W]}", "[{conv2d: {out: 2, kernel: 3, stride: 2}}, flatten]")
    model = exported(program, tmp_path)
    assert dims(model.graph.input[0]) == ["N", 3, "H", "W"]
    assert dims(model.graph.value_info[0]) == ["N", 2, "((H + 1)//2) - 1", "((W + 1)//2) - 1"]
    sizes = {"N": 2, "H": 7, "W": 6}
    assert_typed(model, {"x": np.zeros((2, 3, 7, 6), np.float32)}, sizes)


def test_tied_weights_are_one_initialiser(tmp_path) -> None:
    program = small("gpt2")
    model = exported(program, tmp_path)
    names = [t.name for t in model.graph.initializer]
    assert names.count("transformer.wte.weight") == 1
    assert "lm_head.weight" not in names
    assert sum(t.dims[:] == [100, 16] for t in model.graph.initializer) == 1


def test_masks_and_sizes_are_there_once(tmp_path) -> None:
    model = exported(small("gpt2", layers=4), tmp_path)
    assert kinds(model).count("Softmax") == 4 * BLOCKS
    assert kinds(model).count("Trilu") == BLOCKS
    assert kinds(model).count("Shape") == 1


CAUSAL = "[{attention: {causal: true}, in: [q, k, v]}]"


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 7, 8, 13])
def test_causal_attention_in_blocks_is_that_of_the_whole(length: int, tmp_path) -> None:
    program = spec("{q: [N, 2, T, 4], k: [N, 2, T, 4], v: [N, 2, T, 3]}", CAUSAL)
    assert kinds(exported(program, tmp_path)).count("Softmax") == BLOCKS
    rng = np.random.default_rng(0)
    feeds = {
        name: rng.normal(size=(2, 2, length, size)).astype(np.float32)
        for name, size in (("q", 4), ("k", 4), ("v", 3))
    }
    found = run(tmp_path / "m.onnx", feeds)
    whole = torch.nn.functional.scaled_dot_product_attention(
        *(torch.from_numpy(value) for value in feeds.values()), is_causal=True
    )
    np.testing.assert_allclose(found["output"], whole.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "target", "blocks"),
    [
        ("{q: [2, 64, 4], k: [2, 64, 4], v: [2, 64, 4]}", None, BLOCKS),
        ("{q: [2, 63, 4], k: [2, 63, 4], v: [2, 63, 4]}", None, 1),  # too short to be faster
        ("{q: [N, T, 4], k: [N, S, 4], v: [N, S, 4]}", None, 1),  # the first may see nothing
        ("{q: [N, T, 4], k: [N, T, 4], v: [N, T, 4]}", "cuda", 1),
        ("{q: [N, T, 4], k: [N, T, 4], v: [N, T, 4]}", "cpu,fp16", 1),
    ],
)
def test_attention_comes_in_blocks_where_that_is_faster(inputs, target, blocks, tmp_path) -> None:
    model = exported(spec(inputs, CAUSAL), tmp_path, target=target)
    assert kinds(model).count("Softmax") == blocks


def test_sums_before_a_layer_norm_are_not_fused_with_it(tmp_path) -> None:
    text = "[{linear: 4, name: f}, {add: [x, f], name: s}, layer_norm]"
    program = spec("{x: [N, T, 4]}", text)
    model = exported(program, tmp_path)
    assert kinds(model).count("Sum") == 1
    assert "Add" not in kinds(model)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(tmp_path / "m.onnx", options, providers=["CPUExecutionProvider"])
    assert "LayerNormalization" in kinds(onnx.load(tmp_path / "optimised.onnx"))
    other = spec("{x: [N, T, 4]}", f"{text[:-1]}, {{add: [prev, s]}}]")  # onnxruntime leaves this
    assert "Sum" not in kinds(exported(other, tmp_path))
    assert "Sum" not in kinds(exported(program, tmp_path, target="cuda"))


def test_what_is_known_while_compiling_is_no_node(tmp_path) -> None:
    program = spec(
        "{x: [N, 4]}", "[{range: 4}, {cast: float32}, {mul: [prev, 2.0]}, exp, {add: [x, prev]}]"
    )
    assert kinds(exported(program, tmp_path)) == ["Add"]


# ---- recurrent networks


@pytest.mark.parametrize(("cell", "order"), [("lstm", "iofc"), ("gru", "zrh"), ("rnn", "stacked")])
def test_gates_are_stored_in_onnxs_order_under_names_that_say_it(cell, order, tmp_path) -> None:
    program = spec("{x: [N, T, 3]}", f"[{{{cell}: {{hidden: 2, bidirectional: true}}, name: r}}]")
    model = exported(program, tmp_path)
    found = initialisers(model)
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[cell]
    assert found[f"r.weight_ih_l0/{order}"].shape == (2, 2 * gates, 3)
    assert found[f"r.bias_l0/{order}"].shape == (2, 4 * gates)
    derived = json.loads(metadata(model)["archc.derived"])
    assert derived[f"r.weight_ih_l0/{order}"] == ["r.weight_ih_l0", "r.weight_ih_l0_reverse"]
    assert derived[f"r.bias_l0/{order}"] == [
        f"r.bias_{which}_l0{direction}" for direction in ("", "_reverse") for which in ("ih", "hh")
    ]
    with stored(program) as entries:
        keys = {name: entry.array() for name, entry in entries.items()}
    first = {"lstm": 0, "gru": 1, "rnn": 0}[cell]
    for k, direction in enumerate(("", "_reverse")):
        wanted = keys[f"r.weight_ih_l0{direction}"][2 * first : 2 * first + 2]
        np.testing.assert_array_equal(found[f"r.weight_ih_l0/{order}"][k, :2], wanted)


def test_a_scan_sees_what_is_around_it(tmp_path) -> None:
    program = small("seq2seq")
    model = exported(program, tmp_path, model="seq2seq")
    (scan,) = (node for node in model.graph.node if node.op_type == "Scan")
    body = next(onnx.helper.get_attribute_value(a) for a in scan.attribute if a.name == "body")
    assert [value.name for value in body.input][2:] == ["token"]
    assert not body.initializer
    inner = {name for node in body.node for name in node.input}
    assert {"mask", "e.keys", "decoder_step.output.weight"} <= inner
    assert len(body.value_info) + len(body.output) == len(
        {name for node in body.node for name in node.output}
    )


# ---- places, metadata


def test_every_node_knows_its_place_in_the_spec(tmp_path) -> None:
    program = spec("{x: [N, 4]}", "[{linear: 3, name: fc}, {silu: }]")
    model = exported(program, tmp_path)
    assert {node.name: node.doc_string for node in model.graph.node} == {
        "fc": "spec.yaml:4:10", "1/sigmoid": "spec.yaml:4:33", "1": "spec.yaml:4:33",
    }  # fmt: skip
    assert "fc spec.yaml:4:10" in metadata(model)["archc.places"].splitlines()


def test_a_whole_path_is_not_given_away() -> None:
    place = Place(Source("/home/someone/specs/net.yaml", ""), 3, 7)
    assert shown(place) == "net.yaml:3:7"
    assert shown(Place(Source("specs/net.yaml", ""), 3, 7)) == "specs/net.yaml:3:7"


def test_the_file_says_where_it_comes_from(tmp_path) -> None:
    program = spec(
        "{image: [N, 3, 8, 8]}",
        "[flatten, {linear: 2}]",
        'doc: "quotes \\" and a \\u2028 line"\nlabels: [cat, "d\\"og"]\n'
        "preprocess: {size: 8, mean: [0.5, 0.5, 0.5], colours: RGB}",
    )
    model = exported(program, tmp_path)
    found = metadata(model)
    assert found["archc.name"] == found["archc.model"] == "m"
    assert found["archc.digest"] == program.digest
    assert found["archc.target"] == "ort>=1.20,cpu,fp32"
    assert json.loads(found["archc.labels"]) == ["cat", 'd"og']
    assert json.loads(found["archc.preprocess"])["mean"] == [0.5, 0.5, 0.5]
    assert model.producer_name == "archc"
    assert model.producer_version == found["archc.version"]
    assert model.doc_string == 'quotes " and a \u2028 line'
    assert session(tmp_path / "m.onnx").get_modelmeta().custom_metadata_map == found


# ---- what cannot be said


class Riddle(Op):
    """Something that no backend knows. Shapes: x and y `[…]`."""

    def infer(self, at):
        return at["x"]


def test_an_op_without_a_form_is_refused_at_its_step() -> None:
    case = Case("riddle", Riddle.make(), {"x": (feed("[N, 4]"),)}, {})
    program = program_of(case)
    id, node = list(program.model.graph.nodes())[-1]
    place = Place(Source("spec.yaml", "graph: [riddle]"), 1, 9, 6)
    program.model.graph.set_node(id, replace(node, place=place))
    with pytest.raises(UnsupportedError) as caught:
        archc_onnx.lower(program)
    (finding,) = caught.value.diagnostics
    assert finding.code == "E601"
    assert "'riddle'" in finding.message
    assert finding.place is place
    assert "in step" in finding.notes
    assert "archc_onnx.ops" in finding.help


def test_all_steps_without_a_form_are_named_at_once() -> None:
    program = program_of(Case("riddle", Riddle.make(), {"x": (feed("[N, 4]"),)}, {}))
    graph = program.model.graph
    id, node = list(graph.nodes())[-1]
    again = graph.add(replace(node, path="again"), [Value(id)])
    program.model.outputs["out_y"] = Value(again)
    with pytest.raises(UnsupportedError) as caught:
        archc_onnx.lower(program)
    assert [finding.notes[0] for finding in caught.value.diagnostics] == ["in step", "in again"]


def test_a_line_may_use_operators_outside_of_onnx(monkeypatch, tmp_path) -> None:
    def quick(at: At) -> Operand:
        (y,) = at.several("QuickGelu", [at["x"]], at.types, domain="com.microsoft", alpha=1.0)
        return y

    lines = {**table().lines, "riddle": quick}
    monkeypatch.setattr(import_module("archc_onnx.lower"), "table", lambda: Table(lines, {}))
    program = program_of(Case("riddle", Riddle.make(), {"x": (feed("[N, 4]"),)}, {}))
    model = exported(program, tmp_path)
    assert {o.domain: o.version for o in model.opset_import} == {"": 18, "com.microsoft": 1}
    x = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)
    (found,) = run(tmp_path / "m.onnx", {"x": x}).values()
    np.testing.assert_allclose(found, x / (1 + np.exp(-x)), rtol=1e-5)


def test_a_size_that_no_input_tells_is_refused() -> None:
    program = spec("{x: [=N * T, 3], y: [N]}", "[{range: =T, in: []}]")
    with pytest.raises(UnsupportedError) as caught:
        archc_onnx.lower(program)
    (finding,) = caught.value.diagnostics
    assert finding.code == "E604"
    assert "T" in finding.message


def test_every_op_has_a_line_or_consists_of_some() -> None:
    from archc.ops.registry import ops

    bare = [
        name
        for name, op in ops().items()
        if name not in table().lines
        and op.expand is Op.expand
        and not op.random
        and not op.training_only
    ]
    assert bare == []
    assert archc_onnx.supports("conv2d")
    assert not archc_onnx.supports("conv9d")
