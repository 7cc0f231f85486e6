"""Specs of a test compiled, and what is looked at of them."""

from __future__ import annotations

import pytest

from archc.errors import Diagnostic, SpecError
from archc.ir.program import Program
from archc.pipeline import compile_text

HEAD = "archc: 1\nname: net\n"


def program(text: str, **set: object) -> Program:
    return compile_text(HEAD + text, set=set)


def weights(program: Program) -> list[str]:
    return [entry.name for entry in program.weights()]


def output(program: Program) -> str:
    return str(next(iter(program.model.output_types().values())))


def found(text: str) -> list[Diagnostic]:
    """All that is said about a wrong spec."""
    with pytest.raises(SpecError) as caught:
        compile_text(text)
    return list(caught.value.diagnostics)


def codes(text: str) -> list[str]:
    return [one.code for one in found(text)]


def code(text: str, **set: object) -> str:
    with pytest.raises(SpecError) as caught:
        program(text, **set)
    return caught.value.diagnostics[0].code
