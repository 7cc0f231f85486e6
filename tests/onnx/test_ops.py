"""Every example of every op: the file is valid, typed, and computes what PyTorch computes."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_backend import checked, exposed, feeds_of, made, program_of, run, weights_of
from ops.cases import Case, bound, cases
from ops.reference import expected

import archc_onnx

CASES = pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)


def close(found, wanted, name: str) -> None:
    """Equal in type and shape; numbers to float32's rounding, scaled by the largest."""
    wanted = wanted.numpy()
    assert found.dtype == wanted.dtype, name
    assert found.shape == wanted.shape, name
    if found.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, err_msg=name)
        return
    tolerance = 2e-3 if found.dtype == np.float16 else 2e-5
    scale = max(1.0, float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale, err_msg=name)


@CASES
def test_the_file_computes_the_op(case: Case, tmp_path) -> None:
    program, path = program_of(case), tmp_path / "m.onnx"
    for binding in case.bindings():
        archc_onnx.export(program, path, weights_of(case, binding))
        checked(path)
        feeds = feeds_of(case, program, binding)
        weights = case.weights(binding)
        wanted = expected(bound(case.op, binding), case.arrays(binding), weights)
        for level in ("optimised", "as written"):
            found = run(path, feeds, level)
            for name, value in zip(program.model.outputs, wanted, strict=True):
                close(found[name], value, f"{name} {level}")


@CASES
def test_every_value_has_the_type_that_the_file_says(case: Case, tmp_path) -> None:
    program, path = program_of(case), tmp_path / "m.onnx"
    archc_onnx.export(program, path)
    model = checked(path)
    values = [*model.graph.value_info, *model.graph.output]
    assert {value.name for value in values} == made(model)
    everything = exposed(model).SerializeToString()
    for binding in case.bindings():
        found = run(everything, feeds_of(case, program, binding), "as written")
        for value in values:
            type = value.type.tensor_type
            dims = tuple(
                eval(dim.dim_param, {"max": max}, dict(binding)) if dim.dim_param else dim.dim_value
                for dim in type.shape.dim
            )
            assert found[value.name].shape == dims, value.name
            assert found[value.name].dtype == onnx.helper.tensor_dtype_to_np_dtype(type.elem_type)


@CASES
def test_the_reference_evaluator_agrees(case: Case, tmp_path) -> None:
    program, path = program_of(case), tmp_path / "m.onnx"
    for binding in case.bindings():
        archc_onnx.export(program, path, weights_of(case, binding))
        feeds, weights = feeds_of(case, program, binding), case.weights(binding)
        wanted = expected(bound(case.op, binding), case.arrays(binding), weights)
        found = ReferenceEvaluator(onnx.load(path)).run(None, feeds)
        for name, value, other in zip(program.model.outputs, wanted, found, strict=True):
            close(np.asarray(other), value, name)
