"""Every example of every op: the file is valid, typed, and computes what PyTorch computes."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_backend import assert_typed, checked, exported, run
from ops.cases import Case, bound, cases
from ops.reference import expected
from torch_backend.programs import feeds_of, program_of, weights_of

import archc_onnx

CASES = pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)

# What onnx.reference of onnx 1.23 gets wrong, while onnxruntime and PyTorch agree.
_GROUPS = "ConvTranspose with groups takes the weight for that of one group"
WRONG_THERE = {
    "conv_transpose1d-1": _GROUPS,
    "conv_transpose2d-1": _GROUPS,
    "conv_transpose3d-1": _GROUPS,
    "adaptive_max_pool3d-0": "GlobalMaxPool of rank 5 gives rank 6",
    "global_max_pool-1": "GlobalMaxPool of rank 5 gives rank 6",
    "local_response_norm-0": "LRN walks over the batch as if it were the channels",
    "rnn-2": "RNN knows no activation but Tanh and Affine",
}


def close(found, wanted, name: str) -> None:
    """Equal in type and shape; numbers to their type's rounding, scaled by the largest."""
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
        feeds, weights = feeds_of(case, program, binding), case.weights(binding)
        wanted = expected(bound(case.op, binding), case.arrays(binding), weights)
        for level in ("optimised", "as written"):
            found = run(path, feeds, level)
            for name, value in zip(program.model.outputs, wanted, strict=True):
                close(found[name], value, f"{name} {level}")


@CASES
def test_every_value_has_the_type_that_the_file_says(case: Case, tmp_path) -> None:
    program = program_of(case)
    model = exported(program, tmp_path)
    for binding in case.bindings():
        assert_typed(model, feeds_of(case, program, binding), binding)


def by_reference() -> list[object]:
    return [
        pytest.param(
            case,
            id=case.id,
            marks=[pytest.mark.xfail(reason=WRONG_THERE[case.id])]
            if case.id in WRONG_THERE
            else [],
        )
        for case in cases()
    ]


@pytest.mark.parametrize("case", by_reference())
def test_the_reference_evaluator_agrees(case: Case, tmp_path) -> None:
    program, path = program_of(case), tmp_path / "m.onnx"
    for binding in case.bindings():
        archc_onnx.export(program, path, weights_of(case, binding))
        feeds, weights = feeds_of(case, program, binding), case.weights(binding)
        wanted = expected(bound(case.op, binding), case.arrays(binding), weights)
        found = ReferenceEvaluator(onnx.load(path)).run(None, feeds)
        for name, value, other in zip(program.model.outputs, wanted, found, strict=True):
            close(np.asarray(other), value, name)
