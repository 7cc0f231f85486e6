"""What is reported: every error and warning of a file, each once, and no more than a person reads."""

from __future__ import annotations

import pytest
from language.templates import HEAD, code, codes, found, program

from archc.errors import Findings, did_you_mean
from archc.pipeline import compile_text

INPUT = "archc: 1\ninputs: {x: [N, 60]}\n"


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("graph: [{b: 3}]\nblocks: {b: {params: {n: int}, graph: [b]}}\ninputs: {x: [N]}", "E220"),
        (
            "models: {a: {inputs: {x: [N, 2]}, graph: [b]}, b: {inputs: {x: [N, 2]}, graph: [a]}}",
            "E224",
        ),
        (
            "inputs: {x: [N, 2]}\nblocks: {b: {params: {n: int}, graph: [{linear: =n}]}}\ngraph: [b]",
            "E208",
        ),
        (
            "inputs: {x: [N, 2]}\nblocks: {b: {inputs: [x, y], graph: [{add: [x, y]}]}}\ngraph: [b]",
            "E307",
        ),
        ("inputs: {x: [N, 2]}\nblocks: {b: {graph: [relu]}}\ngraph: [{b: [x, x]}]", "E307"),
        ("inputs: {x: [N, 2]}\nblocks: {b: {graph: [relu]}}\ngraph: [{b: {depth: 2}}]", "E219"),
        ("inputs: {x: [N, 2]}\ngraph: [{reshape: {shape: [M]}}]", "E312"),
        ("inputs: {x: {shape: [N, 2], dtype: float23}}\ngraph: [relu]", "E202"),
        ("inputs: {x: [N, 2]}\ngraf: [relu]", "E201"),
        ("inputs: {x: [N, 2]}", "E203"),
    ],
)
def test_what_is_wrong_has_a_code(text: str, expected: str) -> None:
    assert code(text) == expected


def test_all_errors_of_a_file_are_reported_at_once() -> None:
    text = "inputs: {x: [N, 4]}\ngraph:\n  - rellu\n  - {linear: =q}\n  - {linear: 3, nam: 1}\n  - {add: [x, z]}\n"
    assert codes(HEAD + text) == ["E204", "E215", "E205", "E210"]


def test_what_follows_from_an_error_is_not_reported() -> None:
    text = "inputs: {x: [N, 4]}\ngraph:\n  - {linear: =q, name: a}\n  - {linear: 3, name: b}\n  - add: [a, b]\n"
    assert codes(HEAD + text) == ["E215"]


def test_names_in_a_do_that_could_not_be_decided_are_no_further_errors() -> None:
    text = (
        "inputs: {x: [N, 4]}\ngraph:\n  - {linear: =q}\n"
        "  - {when: =prev.rank == 2, do: [{relu: , name: a}, {do: [{tanh: , name: b}]}]}\n"
        "  - add: [a, b]\n"
    )
    assert codes(HEAD + text) == ["E215"]


def test_what_is_found_in_a_block_is_said_although_the_one_around_it_begins_anew() -> None:
    text = """
inputs: {x: [N, 4]}
blocks:
  inner: {graph: [INNER]}
  outer: {params: {rate: 0.5}, graph: [inner, {linear: =int(rate * 8)}]}
graph: [outer]
"""
    assert codes(HEAD + text.replace("INNER", "{linear: =q}")) == ["E215"]
    warned = program(text.replace("INNER", "{tanh: , name: t}, {relu: , in: x}"))
    assert [d.code for d in warned.warnings] == ["W901"]
