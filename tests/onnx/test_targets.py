"""Targets: what they say, and which opset, IR version and precision a file gets for them."""

import numpy as np
import onnx
import pytest
from onnx_backend import exported, kinds, run, spec
from small_zoo import small

import archc_onnx
from archc.errors import UnsupportedError, UsageError
from archc.sample import bindings
from archc.sample import inputs as sample
from archc_onnx import Target


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", "ort>=1.20,cpu,fp32"),
        ("ort>=1.20,cpu,fp32", "ort>=1.20,cpu,fp32"),
        (" FP16 , cuda", "ort>=1.20,cuda,fp16"),
        ("ort>=1.23.1,opset=23", "ort>=1.23,cpu,fp32,opset=23"),
        ("fp16,fp16-io", "ort>=1.20,cpu,fp16,fp16-io"),
        ("ort>=1.99", "ort>=1.99,cpu,fp32"),
    ],
)
def test_targets_are_words_in_any_order(text: str, canonical: str) -> None:
    assert str(Target.parse(text)) == canonical
    assert Target.parse(canonical) == Target.parse(text)


@pytest.mark.parametrize(
    ("text", "part", "help"),
    [
        ("fp23", "'fp23' is no part", "fp32"),
        ("ort>=1.19", "1.20 is the oldest", ""),
        ("ort>=1.20,opset=23", "outside of 18 to 21", ""),
        ("opset=17", "outside of 18", ""),
        ("cpu,cuda", "contradicts", ""),
        ("fp16-io", "belongs to fp16", ""),
        ("ort==1.20", "is no part", "ort>=1.20"),
        ("opset=" + "9" * 40, "is no part", ""),
    ],
)
def test_impossible_targets_are_refused(text: str, part: str, help: str) -> None:
    with pytest.raises(UsageError) as caught:
        Target.parse(text)
    (finding,) = caught.value.diagnostics
    assert finding.code == "E602"
    assert part in finding.message
    assert help in finding.help


def test_int8_needs_data_and_is_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        Target.parse("int8")
    (finding,) = caught.value.diagnostics
    assert finding.code == "E603"
    assert "onnxruntime.quantization" in finding.help


@pytest.mark.parametrize(
    ("graph", "target", "opset", "ir_version"),
    [
        ("[relu]", None, 18, 10),
        ("[gelu]", None, 18, 10),
        ("[{gelu: tanh}]", None, 20, 10),
        ("[{gelu: tanh}]", "opset=18", 18, 10),
        ("[relu]", "opset=21", 21, 10),
        ("[rms_norm]", "ort>=1.23", 18, 10),
        ("[rms_norm]", "ort>=1.23,opset=23", 23, 11),
    ],
)
def test_the_lowest_opset_that_holds_what_is_needed(graph, target, opset, ir_version, tmp_path):
    model = exported(spec("{x: [N, 4]}", graph), tmp_path, target=target)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", opset)]
    assert model.ir_version == ir_version
    feeds = {"x": np.linspace(-3, 3, 8, dtype=np.float32).reshape(2, 4)}
    (found,) = run(tmp_path / "m.onnx", feeds).values()
    exported(spec("{x: [N, 4]}", graph), tmp_path)
    (wanted,) = run(tmp_path / "m.onnx", feeds).values()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mask", [None, "bool[N, 1, 1, S]", "bool[N, 2, T, S]", "float32[T, S]"])
@pytest.mark.parametrize("causal", ["true", "false"])
def test_attention_is_one_node_where_the_target_asks_for_it(mask, causal, tmp_path):
    inputs = "q: [N, 2, T, 4], k: [N, 2, S, 4], v: [N, 2, S, 3]"
    given = "{q: q, k: k, v: v}"
    feeds = {
        name: np.random.default_rng(k).normal(size=size).astype(np.float32)
        for k, (name, size) in enumerate(
            {"q": (2, 2, 3, 4), "k": (2, 2, 5, 4), "v": (2, 2, 5, 3)}.items()
        )
    }
    if mask is not None:
        dtype, _, shape = mask.partition("[")
        inputs += f", m: {{shape: [{shape}, dtype: {dtype}}}"
        given = given.replace("}", ", mask: m}")
        sizes = [{"N": 2, "T": 3, "S": 5}.get(s, s) for s in shape.rstrip("]").split(", ")]
        drawn = np.random.default_rng(9).normal(size=[int(size) for size in sizes])
        feeds["m"] = drawn > -0.5 if dtype == "bool" else drawn.astype(np.float32)
        if dtype == "bool":
            feeds["m"][0] = False  # a query without keys
    program = spec(f"{{{inputs}}}", f"[{{attention: {{causal: {causal}}}, in: {given}}}]")
    exported(program, tmp_path)
    (wanted,) = run(tmp_path / "m.onnx", feeds).values()
    model = exported(program, tmp_path, target="ort>=1.23,opset=23")
    assert "Attention" in kinds(model)
    assert "Softmax" not in kinds(model)
    for level in ("optimised", "as written"):
        (found,) = run(tmp_path / "m.onnx", feeds, level).values()
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["lenet5", "gpt2", "seq2seq", "transformer", "stylegan", "swin", "text_classifier"]
)
def test_half_precision_is_near_and_half_the_size(name: str, tmp_path) -> None:
    program = small(name)
    names = {entry.name for entry in program.weights()}

    def weight(tensor: onnx.TensorProto) -> bool:
        return tensor.name in names or tensor.name.endswith(("/iofc", "/zrh", "/stacked"))

    for model, definition in program.models.items():
        feeds = sample(definition, bindings(definition, 1)[0])
        whole = exported(program, tmp_path, model=model)
        wanted = run(tmp_path / "m.onnx", feeds)
        half = exported(program, tmp_path, model=model, target="fp16")
        found = run(tmp_path / "m.onnx", feeds)
        assert half.graph.input == whole.graph.input
        sizes = [
            {t.name: (t.data_type, len(t.raw_data)) for t in file.graph.initializer if weight(t)}
            for file in (half, whole)
        ]
        assert all(
            sizes[0][name] == ((10, size // 2) if type == 1 else (type, size))
            for name, (type, size) in sizes[1].items()
        )
        for output, value in wanted.items():
            assert found[output].dtype == value.dtype
            scale = np.abs(value).max()
            np.testing.assert_allclose(found[output], value, rtol=0, atol=5e-3 * scale)


def test_half_precision_inputs_and_outputs_where_asked_for(tmp_path) -> None:
    program = spec("{x: [N, T, 4], t: {shape: [T], dtype: int64}}", "[{linear: 3, in: x, name: y}]")
    model = exported(program, tmp_path, target="cuda,fp16,fp16-io")
    assert [v.type.tensor_type.elem_type for v in model.graph.input] == [10, 7]
    assert model.graph.output[0].type.tensor_type.elem_type == 10
    assert "Cast" not in kinds(model)


def test_numbers_beyond_half_precision_become_its_largest(tmp_path) -> None:
    program = spec(
        "{x: [N, 2], m: {shape: [N, 2], dtype: bool}}", "[{where: [m, x, -1.0e9]}, {softmax: -1}]"
    )
    exported(program, tmp_path, target="fp16")
    mask = np.array([[True, False], [False, False]])
    feeds = {"x": np.ones((2, 2), np.float32), "m": mask}
    (found,) = run(tmp_path / "m.onnx", feeds).values()
    np.testing.assert_allclose(found, [[1, 0], [0.5, 0.5]], atol=1e-3)


@pytest.mark.parametrize(
    "steps",
    [
        "{constant: {value: [[0, -1000000000], [0, 0]], dtype: float32}}, {add: [x, prev]}",
        "{threshold: {threshold: 0, value: -1.0e9}}",
    ],
)
def test_whole_numbers_and_those_of_expanded_steps_do_so_too(steps: str, tmp_path) -> None:
    program = spec("{x: [2, 2]}", f"[{steps}]")
    exported(program, tmp_path, target="fp16")
    (found,) = run(tmp_path / "m.onnx", {"x": np.full((2, 2), -1, np.float32)}).values()
    assert np.isfinite(found).all() and found.min() < -60000


def test_positions_keep_their_precision(tmp_path) -> None:
    program = spec("{x: [N, T, 4]}", "[{range: =T}, {sinusoid: 4, name: p}]", "outputs: {p: p}")
    exported(program, tmp_path)
    feeds = {"x": np.zeros((1, 5000, 4), np.float32)}
    (wanted,) = run(tmp_path / "m.onnx", feeds).values()
    archc_onnx.export(program, tmp_path / "m.onnx", target="fp16")
    (found,) = run(tmp_path / "m.onnx", feeds).values()
    np.testing.assert_allclose(found, wanted, atol=1e-3)
