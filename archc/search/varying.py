"""What a `search:` section varies: paths walked, choices judged by the parameters' types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from archc.elaborate.context import StepError
from archc.elaborate.params import Setting, fit, type_of
from archc.elaborate.scope import Space
from archc.errors import Diagnostic, Findings, did_you_mean
from archc.ir.program import Program
from archc.place import Place
from archc.search.holes import Choices, Domain, Hole, Path, Real, Whole, is_number, same, spoken
from archc.spec.ast import TYPE_NAMES, File, Parameter
from archc.spec.data import Data, Mapping, Scalar, Sequence, holds_formula
from archc.spec.finite import endless
from archc.spec.formula import Formula, evaluate_over
from archc.spec.search import DOMAIN
from archc.spec.values import FormulaError

KINDS = ("choices", "int", "float")
HELP = "[16, 32, 64], {int: [1, 6]}, or {float: [1.0e-4, 0.1], log: true}"


class Wrong(Exception):
    """What is wrong with an entry of `vary`, so that it makes no hole."""

    def __init__(self, code: str, message: str, place: Place | None, help: str = "") -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, place, help=help)


class Varying:
    """One reading of `vary`. `value` works out the formulas in data."""

    def __init__(
        self,
        program: Program,
        file: File,
        value: Callable[[Data], Any],
        findings: Findings,
    ) -> None:
        self.program, self.file, self.value, self.findings = program, file, value, findings
        self.space = Space(file, {}, "search")

    def holes(self, data: Mapping) -> tuple[Hole, ...]:
        found: list[Hole] = []
        for key, entry in data.entries.items():
            before = len(self.findings)
            try:
                paths = list(self.paths(str(key), entry.key.place))
                self.apart(paths, found, str(key), entry.key.place)
                domain, when = self.domain(entry.value)
                for path, parameter, old in paths:
                    self.fits(path, parameter, old, entry.value, domain)
                    if len(self.findings) > before:  # the other elements would say the same
                        break
                    found.append(Hole(path, domain, when))
            except Wrong as wrong:
                self.findings.append(wrong.diagnostic)
        return tuple(found)

    # ---- which parameters

    def paths(self, text: str, place: Place) -> Iterator[tuple[Path, Parameter, Any]]:
        """The elements that a path walks to, each with its parameter and its value."""
        head, *rest = text.split(".")
        known = {one.name: one for one in self.file.parameters}
        if head not in known:
            what = f"{self.file.name} has no parameter '{head}'"
            raise Wrong("E219", what, place, did_you_mean(head, known))
        parameter = known[head]
        default = parameter.default
        if isinstance(default, Scalar) and default.value in TYPE_NAMES and parameter.type:
            what = f"'{head}' has no default to begin with"
            raise Wrong("E854", what, place, f"params: {{{head}: …}}, a value of its type")
        if holds_formula(default):
            what = f"the default of '{head}' is a formula: it follows from other parameters"
            raise Wrong("E854", what, place, "vary those, or write a value in its place")
        bound = self.program.parameters[head]
        if type_of(bound, self.space) == "steps":
            what = f"'{head}' is a list of steps, which is changed by moves"
            raise Wrong("E854", what, place, "moves: {}")
        yield from ((path, parameter, old) for path, old in _walk((head,), bound, rest, place))

    def apart(
        self, paths: list[tuple[Path, Parameter, Any]], found: list[Hole], key: str, place: Place
    ) -> None:
        """That no element is varied twice, alone or with what it is a part of."""
        for path, _, _ in paths:
            for hole in found:
                shorter = min(len(path), len(hole.path))
                if path[:shorter] == hole.path[:shorter]:
                    what = f"'{key}' varies what '{hole.name}' varies already"
                    raise Wrong("E853", what, place, "vary a parameter whole or by its elements")

    # ---- what they may be

    def domain(self, data: Data) -> tuple[Domain, Formula | bool]:
        if isinstance(data, Sequence):
            return self.choices(data), True
        if not isinstance(data, Mapping):
            raise Wrong("E852", "this does not say what it may be", data.place, HELP)
        known = DOMAIN["anyOf"][1]["properties"]
        for key, entry in data.entries.items():
            if key not in known:
                help = did_you_mean(str(key), known)
                raise Wrong("E201", f"no key '{key}'", entry.key.place, help)
        said = [key for key in KINDS if key in data]
        if len(said) != 1:
            what = "what it may be is said in one way: choices, int or float"
            raise Wrong("E852", what, data.place, HELP)
        values, log = data.get(said[0]), data.get("log")
        assert values is not None
        when = self.when(data.get("when"))
        if not isinstance(values, Sequence):
            raise Wrong("E202", f"{said[0]}: expected a list", values.place, HELP)
        if said[0] == "choices":
            if log is not None:
                raise Wrong("E852", "choices have no 'log'", log.place, HELP)
            return self.choices(values), when
        return self.range(said[0] == "int", values, log), when

    def choices(self, data: Sequence) -> Choices:
        values = [self.value(one) for one in data.items]
        if not values:
            raise Wrong("E852", "there is nothing to choose from", data.place, HELP)
        for k, one in enumerate(values):
            if any(same(one, other) for other in values[:k]):
                raise Wrong("E852", f"{spoken(one)} stands here twice", data.items[k].place)
        return Choices(tuple(values))

    def range(self, whole: bool, data: Sequence, log: Data | None) -> Whole | Real:
        values = [self.value(one) for one in data.items]
        if len(values) != 2 or not all(map(is_number, values)):
            what = "a range is its lowest and its highest number"
            raise Wrong("E852", what, data.place, "{int: [1, 6]}")
        for one in endless(data):
            raise Wrong(one.code, one.message, one.place)
        low, high = values
        factor = False if log is None else self.value(log)
        if not isinstance(factor, bool) and log is not None:
            raise Wrong("E202", "log: expected true or false", log.place)
        if low > high:
            help = f"[{high:g}, {low:g}]"
            raise Wrong("E852", f"no number is from {low:g} to {high:g}", data.place, help)
        if factor and low <= 0:
            what = "a range whose steps are factors is above 0"
            raise Wrong("E852", what, data.items[0].place, "{float: [1.0e-4, 0.1], log: true}")
        if not whole:
            return Real(float(low), float(high), factor)
        if not (isinstance(low, int) and isinstance(high, int)):
            place = data.items[int(isinstance(low, int))].place
            raise Wrong("E852", "the bounds of whole numbers are whole", place, "use float")
        return Whole(low, high, factor)

    def when(self, data: Data | None) -> Formula | bool:
        """A formula over the parameters, kept as one: each candidate has its own."""
        match data:
            case None:
                return True
            case Scalar(value=bool() as known):
                return known
            case Scalar(formula=Formula() as formula):
                self.evaluated(formula, data.place)
                return formula
        raise Wrong("E852", "a condition is a formula", data.place, "when: \"=act != 'relu'\"")

    def evaluated(self, formula: Formula, place: Place) -> None:
        try:
            evaluate_over(self.program.parameters, formula)
        except FormulaError as error:
            raise Wrong(error.code, error.message, place, error.help) from error

    def fits(self, path: Path, parameter: Parameter, old: Any, data: Data, domain: Domain) -> None:
        """That the parameter, or the element of it, takes all that it may be."""
        wanted = type_of(old, self.space)
        named = Parameter(".".join(map(str, path)), parameter.place, parameter.default)
        if isinstance(domain, Choices):
            written = data.get("choices") if isinstance(data, Mapping) else data
            assert isinstance(written, Sequence)
            pairs = list(zip(domain.values, written.items, strict=True))
        else:
            pairs = [(domain.low, data)]
        for value, one in pairs:
            try:
                fit(Setting(value, one.place, self.space), wanted, named)
            except StepError as error:
                found = replace(error.diagnostic, place=one.place)
                if wanted in ("list", "record", "choice"):
                    found = replace(found, help=f"'{named.name}.*' varies each of its elements")
                self.findings.append(found)


def _walk(path: Path, value: Any, rest: list[str], place: Place) -> Iterator[tuple[Path, Any]]:
    if not rest:
        yield path, value
        return
    name = ".".join(map(str, path))
    parts: dict[str, str | int]
    if isinstance(value, dict):
        parts = {str(key): key for key in value}
    elif isinstance(value, list | tuple):
        parts = {str(k): k for k in range(len(value))}
    else:
        help = f"vary it whole: {name}"
        raise Wrong("E851", f"'{name}' is neither a list nor a record", place, help)
    if rest[0] != "*" and rest[0] not in parts:
        what = f"'{name}' has no element '{rest[0]}'"
        raise Wrong("E851", what, place, did_you_mean(rest[0], [*parts, "*"]))
    for part in parts.values() if rest[0] == "*" else [parts[rest[0]]]:
        yield from _walk((*path, part), value[part], rest[1:], place)
