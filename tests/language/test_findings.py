"""What is reported: every error and warning of a file, each once, and no more than a person reads."""

from __future__ import annotations

import pytest

from archc.errors import Diagnostic, Findings, SpecError, did_you_mean
from archc.pipeline import compile_text

INPUT = "archc: 1\ninputs: {x: [N, 60]}\n"


def found(text: str) -> list[Diagnostic]:
    """All that is said about a wrong spec."""
    with pytest.raises(SpecError) as caught:
        compile_text(text)
    return list(caught.value.diagnostics)


def codes(text: str) -> list[str]:
    return [one.code for one in found(text)]


def test_warnings_are_said_beside_errors() -> None:
    text = (
        "archc: 1\nparams: {latent: 8, deep: true}\ninputs: {x: [N, latent]}\ngraph:\n"
        "  - {linear: {ouut: 8}}\n"
    )
    assert codes(text) == ["W902", "E206"]


def test_what_nothing_uses_is_not_said_where_a_step_is_wrong() -> None:
    """The wrong step may be the one that uses it."""
    assert codes(INPUT + "graph:\n  - {linear: 8, name: a}\n  - {add: [a, x], axs: 1}\n") == [
        "E205"
    ]


def test_every_key_too_many_is_named() -> None:
    text = INPUT + "dco: a\nnaem: b\ngraph:\n  - conv2d: {outt: 3, kernal: 3, strid: 2}\n"
    messages = [one.message for one in found(text)]
    assert messages == [
        "no key 'dco'", "no key 'naem'", "conv2d: no attribute 'outt'",
        "conv2d: no attribute 'kernal'", "conv2d: no attribute 'strid'",
    ]  # fmt: skip


def test_a_block_of_the_prelude_tells_its_mistakes_where_it_is_used() -> None:
    text = (
        "archc: 1\ninputs: {x: [N, T, 60], y: [N, T, 60]}\ngraph:\n"
        "  - {self_attention: {heads: 7}, in: x}\n"
        "  - {self_attention: {heads: 7}, in: y}\n"
    )
    first, second = found(text)
    assert first.code == second.code == "E306"
    assert (first.place.line, second.place.line) == (4, 5)
    assert first.message.startswith("self_attention: rearrange: ")
    assert first.notes[:2] == (
        "x  [N, T, 60]  from the input x", "heads: 7 at spec.yaml:4:30",
    )  # fmt: skip


def test_a_hundred_errors_are_enough() -> None:
    several = codes(INPUT + "graph:\n" + "  - relo\n" * 99)
    assert several == ["E204"] * 99
    many = codes(INPUT + "graph:\n" + "  - relo\n" * 5_000)
    assert many == ["E204"] * Findings.MOST + ["E111"]


def test_warnings_stop_nothing_however_many_there_are() -> None:
    steps = "".join(f"  - {{relu, name: a{k}, in: x}}\n" for k in range(200))
    program = compile_text(f"{INPUT}graph:\n{steps}  - linear: 3\n")
    assert [one.code for one in program.warnings] == ["W901"] * Findings.MOST


def test_of_many_names_the_nearest_is_still_found() -> None:
    names = [f"step_{k}" for k in range(5_000)] + ["encoder_layer"]
    assert did_you_mean("encoder_layr", names) == "did you mean 'encoder_layer'?"


def test_a_variant_is_named_like_a_file() -> None:
    for name in ("../../secret", "a/b", "..", "a b", "'a\\b'", "-a", '"\\e[31m"'):
        text = f"{INPUT}variants: {{{name}: {{}}}}\ngraph: [relu]\n"
        assert codes(text) == ["E212"], name
    assert compile_text(INPUT + "variants: {v1.0-small: {}}\ngraph: [relu]\n").variant is None
