"""What a reader of the generated source sees: names, numbers, sizes in comments."""

from __future__ import annotations

import pytest
import torch

import archc
import archc_torch
from archc_torch.names import camel

HEAD = "archc: 1\ninputs: {x: [N, 6]}\n"


def source(text: str) -> str:
    return archc_torch.source(archc.compile_text(HEAD + text))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("masked_attention", "MaskedAttention"),
        ("resnet50", "ResNet50"),
        ("seq2seq", "Seq2Seq"),
        ("conv2d", "Conv2d"),
        ("efficientnet_b7", "EfficientNetB7"),
        ("mobilenet_v1_100_192", "MobileNetV1_100_192"),
        ("2d", "Block2d"),
        ("_", "Block"),
    ],
)
def test_a_class_is_called_as_its_field_calls_it(name: str, wanted: str) -> None:
    assert camel(name) == wanted


def test_a_class_beside_the_plain_one_is_called_by_the_switch_that_makes_it_another() -> None:
    text = source("""
blocks:
  mix:
    inputs: {x, y: {optional: true}}
    params: {alone: false}
    graph: [{linear: 6, in: x, name: fc}, {add: [fc, y]}]
graph: [{mix, in: {x, y: x}, name: one}, {mix: {alone: true}, in: {x: prev}, name: two}]
""")
    assert "class Mix(" in text
    assert "class MixAlone(" in text


def test_what_has_no_weights_needs_no_number_for_a_name() -> None:
    text = source("""
blocks:
  enter: {graph: [{dropout: 0.5}, {mul: [prev, 2.0]}]}
graph: [enter, {linear: 6, name: fc}, {add: [prev, x]}]
""")
    assert "self.enter = Enter()" in text
    assert "self.enter(x)" in text
    assert "getattr" not in text


def test_arithmetic_on_plain_numbers_is_worked_out() -> None:
    text = source(
        """
blocks:
  scaled:
    params: {kernel: int}
    graph: [{mul: [x, =1 / (x.features * kernel ** 2)]}, {linear: 2 * x.features, name: fc}]
graph: [{scaled: 3, name: one}, {scaled: 3, name: two}]
""".replace("linear: 2", "linear: =2")
    )
    assert "9)" in text
    assert "**" not in text


@pytest.mark.parametrize("formula", ["1 / n", "1 if n > 2 else 3", "n - 1"])
@pytest.mark.parametrize("op", ["div", "mul", "sub", "pow"])
def test_a_formula_among_operators_keeps_its_value(op: str, formula: str) -> None:
    program = archc.compile_text(f"""
archc: 1
inputs: {{x: [N, 6]}}
blocks:
  step:
    params: {{n: int}}
    graph: [{{{op}: [x, "={formula}"]}}, {{linear: 6, name: fc}}]
graph: [{{step: 2, name: a}}, {{step: 3, name: b}}, {{step: 4, name: c}}]
""")
    module = archc_torch.module(program)
    x = torch.rand(4, 6, generator=torch.Generator().manual_seed(0)) + 0.5
    function = {"div": torch.div, "mul": torch.mul, "sub": torch.sub, "pow": torch.pow}[op]
    for n, step in zip((2, 3, 4), module.children(), strict=True):
        number = {"1 / n": 1 / n, "1 if n > 2 else 3": 1 if n > 2 else 3, "n - 1": n - 1}[formula]
        torch.testing.assert_close(step(x), step.fc(function(x, number)))


def test_a_size_that_several_parameters_have_is_said_as_a_number() -> None:
    text = archc_torch.source(
        archc.compile("seq2seq", set={"hidden": 8, "align": 8, "embed": 6, "vocab": 20})
    )
    assert "h: [N, 8]" in text
    assert "logits: [N, vocab]" in text
