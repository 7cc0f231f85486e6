"""What is wrong with a spec: its code, and that one mistake is one finding."""

from __future__ import annotations

import pytest
from language.templates import code, program

from archc.errors import SpecError


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
    with pytest.raises(SpecError) as caught:
        program(
            "inputs: {x: [N, 4]}\ngraph:\n  - rellu\n  - {linear: =q}\n  - {linear: 3, nam: 1}\n  - {add: [x, z]}\n"
        )
    assert [d.code for d in caught.value.diagnostics] == ["E204", "E215", "E205", "E210"]


def test_what_follows_from_an_error_is_not_reported() -> None:
    with pytest.raises(SpecError) as caught:
        program(
            "inputs: {x: [N, 4]}\ngraph:\n  - {linear: =q, name: a}\n  - {linear: 3, name: b}\n  - add: [a, b]\n"
        )
    assert [d.code for d in caught.value.diagnostics] == ["E215"]


def test_names_in_a_do_that_could_not_be_decided_are_no_further_errors() -> None:
    with pytest.raises(SpecError) as caught:
        program(
            "inputs: {x: [N, 4]}\ngraph:\n  - {linear: =q}\n"
            "  - {when: =prev.rank == 2, do: [{relu: , name: a}, {do: [{tanh: , name: b}]}]}\n"
            "  - add: [a, b]\n"
        )
    assert [d.code for d in caught.value.diagnostics] == ["E215"]


def test_what_is_found_in_a_block_is_said_although_the_one_around_it_begins_anew() -> None:
    text = """
inputs: {x: [N, 4]}
blocks:
  inner: {graph: [INNER]}
  outer: {params: {rate: 0.5}, graph: [inner, {linear: =int(rate * 8)}]}
graph: [outer]
"""
    with pytest.raises(SpecError) as caught:
        program(text.replace("INNER", "{linear: =q}"))
    assert [d.code for d in caught.value.diagnostics] == ["E215"]
    warned = program(text.replace("INNER", "{tanh: , name: t}, {relu: , in: x}"))
    assert [d.code for d in warned.warnings] == ["W901"]
