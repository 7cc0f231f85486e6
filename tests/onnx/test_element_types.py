"""Element types that onnxruntime's kernels lack are computed in wider ones, or refused."""

import numpy as np
import onnx
import pytest
from onnx_backend import exported, kinds, run, spec

import archc_onnx
from archc import arrays
from archc.errors import UnsupportedError

SMALL = ("int8", "int16", "uint8")
STEPS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum,
    "minimum": np.minimum, "floor_div": np.floor_divide, "mod": np.remainder,
    "equal": np.equal, "less": np.less, "greater_equal": np.greater_equal,
}  # fmt: skip


@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize("step", STEPS)
def test_small_whole_numbers_wrap_around_as_ever(step: str, dtype: str, tmp_path) -> None:
    type = f"{{shape: [N], dtype: {dtype}}}"
    program = spec(f"{{a: {type}, b: {type}}}", f"[{{{step}: [a, b], name: y}}]")
    exported(program, tmp_path)
    a = np.arange(-128, 128).astype(dtype)
    b = np.where(a % 7 == 0, 3, 100).astype(dtype)
    (found,) = run(tmp_path / "m.onnx", {"a": a, "b": b}, "as written").values()
    with np.errstate(over="ignore"):
        wanted = STEPS[step](a, b)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", [*SMALL, "int32", "bool"])
def test_choice_and_triangles_take_every_type(dtype: str, tmp_path) -> None:
    type = f"{{shape: [3, 3], dtype: {dtype}}}"
    program = spec(
        f"{{c: {{shape: [3, 1], dtype: bool}}, a: {type}, b: {type}}}",
        "[{where: [c, a, b], name: y}, {tril: 0, name: z}, {triu: 1, in: y, name: u}]",
        "outputs: {y: y, z: z, u: u}",
    )
    exported(program, tmp_path)
    c, a = np.array([[True], [False], [True]]), (np.arange(9).reshape(3, 3) % 2).astype(dtype)
    b = np.ones((3, 3), dtype)
    found = run(tmp_path / "m.onnx", {"c": c, "a": a, "b": b}, "as written")
    wanted = np.where(c, a, b)
    np.testing.assert_array_equal(found["y"], wanted)
    np.testing.assert_array_equal(found["z"], np.tril(wanted))
    np.testing.assert_array_equal(found["u"], np.triu(wanted, 1))


@pytest.mark.parametrize("dtype", SMALL)
def test_extremes_of_small_whole_numbers(dtype: str, tmp_path) -> None:
    program = spec(
        f"{{x: {{shape: [2, N], dtype: {dtype}}}}}",
        "[{max: 1, name: most}, {argmin: 1, in: x, name: at}, {pad: {pads: [[1, 0]], axes: [1]},"
        " in: x, name: wide}]",
        "outputs: {most: most, at: at, wide: wide}",
    )
    exported(program, tmp_path)
    x = np.array([[3, 1, 2], [5, 9, 1]], dtype)
    found = run(tmp_path / "m.onnx", {"x": x}, "as written")
    np.testing.assert_array_equal(found["most"], x.max(1))
    np.testing.assert_array_equal(found["at"], x.argmin(1))
    np.testing.assert_array_equal(found["wide"], np.pad(x, ((0, 0), (1, 0))))


def test_bfloat16_is_stored_and_computed_in_float32(tmp_path) -> None:
    program = spec(
        "{x: [N, 4]}",
        "[{cast: bfloat16}, {weight: {shape: [4], dtype: bfloat16}, name: w}, {mul: [prev, 2.0]},"
        " {softmax: -1}, {unsqueeze: 1}, {cast: float32}]",
    )
    model = exported(program, tmp_path)
    assert {t.name: t.data_type for t in model.graph.initializer}["w"] == 16
    (found,) = run(tmp_path / "m.onnx", {"x": np.zeros((3, 4), np.float32)}, "as written").values()
    stored = arrays.from_bfloat16(
        np.frombuffer(next(t.raw_data for t in model.graph.initializer if t.name == "w"), np.uint16)
    )
    assert found.shape == (4, 1)
    np.testing.assert_allclose(
        found[:, 0], np.exp(2 * stored) / np.exp(2 * stored).sum(), rtol=2e-2
    )


def test_attention_in_bfloat16(tmp_path) -> None:
    program = spec(
        "{x: [N, T, 4]}",
        "[{cast: bfloat16, name: q}, {attention: {causal: true}, in: [q, q, q]}, {cast: float32}]",
    )
    exported(program, tmp_path)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    (found,) = run(tmp_path / "m.onnx", {"x": x}, "as written").values()
    np.testing.assert_allclose(found[:, 0], x[:, 0], atol=2e-2)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
@pytest.mark.parametrize(
    "step",
    ["{conv2d: {out: 4, kernel: 3}}", "{max_pool2d: 2}", "{avg_pool2d: 2}", "elu", "softplus",
     "global_avg_pool", "instance_norm", "round", "gelu", "zeros_like",
     "{pad: {pads: [[1, 1]], axes: [3]}}"],
)  # fmt: skip
def test_bfloat16_is_as_onnx_has_it(step: str, target: str, tmp_path) -> None:
    program = spec("{x: {shape: [N, 4, 6, W], dtype: bfloat16}}", f"[{step}, {{cast: float32}}]")
    model = exported(program, tmp_path, target=target)
    onnx.checker.check_model(model, full_check=True)


def test_where_precision_would_be_lost_the_step_is_refused(tmp_path) -> None:
    program = spec(
        "{x: {shape: [N, 2, 5], dtype: float64}}", "[relu, {conv1d: {out: 3, kernel: 2}, name: c}]"
    )
    with pytest.raises(UnsupportedError) as caught:
        archc_onnx.lower(program)
    (finding,) = caught.value.diagnostics
    assert finding.code == "E601"
    assert "Conv of float64" in finding.message
    assert str(finding.place).startswith("spec.yaml:4:")
    assert "Conv" in kinds(exported(program, tmp_path, target="cuda"))


def test_float64_runs_where_there_are_kernels(tmp_path) -> None:
    program = spec(
        "{x: {shape: [N, 3, 4], dtype: float64}}",
        "[{linear: 5}, layer_norm, {softplus: {}}, {celu: 0.5}, {mean: {axes: [1]}}]",
    )
    exported(program, tmp_path)
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    (found,) = run(tmp_path / "m.onnx", {"x": x}).values()
    assert found.dtype == np.float64
    assert found.shape == (2, 5)
