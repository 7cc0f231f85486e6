"""Every spec of the zoo as a file: valid, typed throughout, and agreeing with PyTorch."""

import pytest
from onnx_backend import assert_typed, exported, small, zoo

import archc_ort
from archc.sample import bindings
from archc.sample import inputs as sample


@pytest.mark.parametrize("name", zoo())
def test_files_agree_with_pytorch(name: str) -> None:
    program = small(name)
    for model in program.models:
        verdict = archc_ort.verify(program, model=model, tolerance=1e-4, threads=1)
        assert verdict.passed, (model, verdict.difference, verdict.culprit)


@pytest.mark.parametrize("name", zoo())
def test_every_value_has_the_type_that_the_file_says(name: str, tmp_path) -> None:
    program = small(name)
    for model, definition in program.models.items():
        file = exported(program, tmp_path, model=model)
        (sizes,) = bindings(definition, 1)
        assert_typed(file, sample(definition, sizes), sizes)
