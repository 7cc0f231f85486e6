"""Every example of every op: its module computes what PyTorch computes, in the types that were
inferred.
"""

from __future__ import annotations

import numpy as np
import pytest
from ops.cases import Case, bound, cases, substituted
from ops.reference import expected
from torch_backend.programs import feeds_of, program_of, weights_of

import archc_torch

CASES = pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)


def close(found, wanted, name: str) -> None:
    """Equal in type and shape; numbers to the type's rounding, scaled by the largest."""
    assert found.dtype == wanted.dtype, name
    assert found.shape == wanted.shape, name
    if found.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, err_msg=name)
        return
    tolerance = 2e-3 if found.dtype == np.float16 else 1e-6
    scale = max(1.0, float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale, err_msg=name)


@CASES
def test_the_module_computes_the_op(case: Case) -> None:
    program = program_of(case)
    for binding in case.bindings():
        module = archc_torch.module(program, weights_of(case, binding))
        found = archc_torch.evaluate(module, feeds_of(case, program, binding))
        inputs, weights = case.arrays(binding), case.weights(binding)
        wanted = expected(bound(case.op, binding), inputs, weights)
        for name, value in zip(program.model.outputs, wanted, strict=True):
            close(found[name], value.numpy(), name)
            type = substituted(program.model.output_types()[name], binding)
            assert (str(found[name].dtype), found[name].shape) == (type.dtype, type.dims)
