"""The data that a spec defines by name, at its top level, for its `train:` section to refer to."""

from __future__ import annotations

from typing import Any

from archc.errors import SpecError, did_you_mean
from archc.ir.program import Program
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.formula import Formula, evaluate
from archc.spec.parse import Parser
from archc.spec.values import Budget, FormulaError


def sources(program: Program) -> dict[str, Any]:
    """`data: {horses: {images: {path: …}}}` as plain values, by name.

    Formulas over the spec's parameters are worked out. Raises SpecError.
    """
    file = program.file
    data = file.section("data") if file is not None else None
    if file is None or not isinstance(data, Mapping):
        return {}
    parser = Parser(file.source, file.path)
    parser.formulas(data)
    if parser.findings:
        raise SpecError(parser.findings)
    return {str(key): _plain(entry.value, program) for key, entry in data.entries.items()}


def _plain(data: Data, program: Program) -> Any:
    match data:
        case Scalar(formula=Formula() as formula):
            return _result(formula, data, program)
        case Scalar(value=value):
            return value
        case Sequence(items):
            return [_plain(item, program) for item in items]
        case Mapping(entries):
            return {str(key): _plain(entry.value, program) for key, entry in entries.items()}


def _result(formula: Formula, data: Scalar, program: Program) -> Any:
    def lookup(name: str) -> Any:
        if name not in program.parameters:
            help = did_you_mean(name, program.parameters)
            raise FormulaError("E215", f"'{name}' is not known here", help)
        return program.parameters[name]

    try:
        return evaluate(formula, lookup, Budget())
    except FormulaError as error:
        what = f"in the formula '={formula.text[:80]}': {error.message}"
        raise SpecError.of(error.code, what, data.place, help=error.help) from error
