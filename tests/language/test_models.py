"""Models that use each other, their symbols, and lists of inputs and outputs."""

from __future__ import annotations

from language.templates import code, output, program, weights

MODELS = """
params: {latent: 3}
models:
  encoder: {inputs: {image: [N, 8]}, graph: [{linear: =latent, name: fc}], outputs: {z: prev}}
  decoder: {inputs: {z: [N, =latent]}, graph: [{linear: 8, name: fc}]}
  whole:
    inputs: {image: [M, 8]}
    graph: [{encoder: [image], name: e}, {decoder: [e.z]}, {encoder: [prev], name: again}, decoder]
"""


def test_a_model_used_twice_uses_one_set_of_weights() -> None:
    p = program(MODELS)
    assert weights(p) == [
        "encoder.fc.weight",
        "encoder.fc.bias",
        "decoder.fc.weight",
        "decoder.fc.bias",
    ]
    assert p.main == "whole"
    assert output(p) == "float32[M, 8]"
    assert list(program(MODELS, latent=5).models) == ["encoder", "decoder", "whole"]


def test_a_models_symbols_stand_for_what_it_is_fed() -> None:
    text = """
models:
  step: {inputs: {t: [N, T, 4]}, graph: [{reshape: {shape: [N, =4 * T]}}]}
  one: {inputs: {u: [N, 1, 4]}, graph: [{step: [u]}]}
"""
    assert output(program(text)) == "float32[N, 4]"


def test_a_models_symbols_mean_the_same_in_its_blocks() -> None:
    text = """
blocks: {cut: {graph: [{slice: {axis: 0, stop: =2 * n - 1}}]}}
models:
  twice: {inputs: {t: [n, 4]}, graph: [{concat: {axis: 0}, in: [t, t]}, cut]}
  one: {inputs: {u: [3, 4], v: [N, 4]}, graph: [{twice: [u], name: a}, {twice: [v], name: b}], outputs: [a, b]}
"""
    types = program(text).model.output_types()
    assert [str(type) for type in types.values()] == ["float32[5, 4]", "float32[2*N - 1, 4]"]


def test_an_input_that_does_not_fit_a_model() -> None:
    assert code(MODELS.replace("image: [M, 8]", "image: [M, 9]")) == "E304"


def test_list_inputs_and_list_outputs() -> None:
    text = """
inputs: {past: {shape: [N, 4], repeat: 3}, x: [N, 4]}
graph:
  - concat: [past, x]
  - {linear: 4, name: h, repeat: 2}
  - concat: [past.1, past.*, prev]
outputs: {y: prev, present: h.*}
"""
    p = program(text)
    assert list(p.model.input_types()) == ["past.0", "past.1", "past.2", "x"]
    assert {k: str(t) for k, t in p.model.output_types().items()} == {
        "y": "float32[N, 20]",
        "present.0": "float32[N, 4]",
        "present.1": "float32[N, 4]",
    }


def test_symbolic_sizes_in_formulas() -> None:
    text = "inputs: {x: [N, 3, H, W], y: [N, =2 * H]}\ngraph: [{resize: {size: ['=x.shape[2] * 2', =2 * W]}, in: x}]"
    assert output(program(text)) == "float32[N, 3, 2*H, 2*W]"
