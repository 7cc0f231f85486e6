"""Every spec of the zoo as a file: valid, and typed throughout."""

from onnx_backend import assert_typed, exported
from small_zoo import EVERY_SPEC, small

from archc.sample import bindings
from archc.sample import inputs as sample


@EVERY_SPEC
def test_every_value_has_the_type_that_the_file_says(name: str, tmp_path) -> None:
    program = small(name)
    for model, definition in program.models.items():
        file = exported(program, tmp_path, model=model)
        (sizes,) = bindings(definition, 1)
        assert_typed(file, sample(definition, sizes), sizes)
