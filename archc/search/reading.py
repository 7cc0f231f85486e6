"""The `search:` section read: names looked up, choices judged, everything wrong gathered."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import replace
from itertools import pairwise
from typing import Any

from archc.elaborate import elaborate
from archc.errors import Diagnostic, Findings, SpecError, did_you_mean
from archc.ir.program import Program
from archc.place import Place
from archc.search.attributes import wrong_attributes
from archc.search.candidate import Candidate
from archc.search.holes import is_number
from archc.search.numbers import unknown
from archc.search.section import Evaluation, Limit, Moves, Objective, Search
from archc.search.trial import COST
from archc.search.varying import Varying
from archc.spec.ast import File, Step
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.data import plain as plainly
from archc.spec.finite import endless
from archc.spec.formula import Formula, evaluate_over
from archc.spec.load import templates
from archc.spec.parse import Parser
from archc.spec.schema import check_section
from archc.spec.search import MOVES, SECTION, SEVERAL, STRATEGIES
from archc.spec.values import FormulaError

EXAMPLE = (
    "search: {vary: {width: [16, 32]}, objectives: {maximize: accuracy}, budget: {trials: 50}}"
)

EXAMPLES = {
    "vary": "vary: {width: [16, 32, 64]}",
    "moves": "moves: {kinds: [insert, remove], within: [body]}",
    "objectives": "objectives: {maximize: accuracy, minimize: latency_ms}",
    "limits": "limits: {params: 5.0e+6}",
    "strategy": "strategy: {evolution: {population: 30}}",
    "budget": "budget: {trials: 100}",
    "evaluate": "evaluate: {epochs: [1, 3, 9]}",
}


def read(source: Program | File | Candidate) -> Search:
    """What the section of a spec says. Raises SpecError with all that is wrong with it."""
    program = _program(source)
    search, found = examined(program)
    if search is None or found:
        raise SpecError(found)
    return search


def check(program: Program) -> list[Diagnostic]:
    """Everything that is wrong with the spec's section, if it has one, from top to bottom."""
    if program.file is None or program.file.section("search") is None:
        return []
    _, found = examined(program)
    # Not errors: a function or a table, which no spec names, may give other numbers.
    found += [replace(one, code="W904", severity="warning") for one in unknown(program)]
    return sorted(
        found, key=lambda one: (one.place.line, one.place.column) if one.place else (0, 0)
    )


def examined(program: Program) -> tuple[Search | None, list[Diagnostic]]:
    """The section as far as it can be read, and all that is wrong with it."""
    file = program.file
    data = file.section("search") if file is not None else None
    if file is None or not isinstance(data, Mapping):
        place = file.place if file is not None else None
        what = f"{program.name} has no 'search' section"
        return None, [Diagnostic("E850", what, place, help=EXAMPLE)]
    parser = Parser(file.source, file.path)
    parser.formulas(data)
    reader = _Reader(program, file, parser.findings)
    return reader.search(data), list(reader.findings)


def _program(source: Program | File | Candidate) -> Program:
    match source:
        case Candidate():
            return source.program
        case File():
            return elaborate(source, None, {})
    return source


class _Reader:
    """One reading: the spec's parameters, and what was found wrong."""

    def __init__(self, program: Program, file: File, findings: Findings) -> None:
        self.program, self.file, self.findings = program, file, findings

    def fail(self, code: str, message: str, place: Place | None, help: str = "") -> None:
        self.findings.append(Diagnostic(code, message, place, help=help))

    def search(self, data: Mapping) -> Search:
        written = {key: entry.value for key, entry in data.entries.items()}
        plain = {str(key): self.value(one) for key, one in written.items() if key != "vary"}
        loose = {"vary": {"type": "object"}, "limits": {"type": "object"}}  # judged below
        schema = {**SECTION, "properties": {**SECTION["properties"], **loose}}
        varied = data.get("vary")
        whole = plain if varied is None else {**plain, "vary": plainly(varied)}
        wrong, paths = check_section(data, whole, schema)
        self.findings += [_with_example(one) for one in wrong]
        self.findings += endless(data, ("vary",))
        plain = without(plain, paths)
        self.complete(data)
        varying = Varying(self.program, self.file, self.value, self.findings)
        holes = varying.holes(varied) if isinstance(varied, Mapping) else ()
        if isinstance(varied, Mapping):
            self.findings += wrong_attributes(varying, varied)
        objectives = self.objectives(data, plain.get("objectives", {}))
        strategy, options = self.strategy(data, plain.get("strategy"), objectives)
        budget = plain.get("budget", {})
        moves = plain.get("moves")
        return Search(
            holes=holes,
            moves=None if moves is None else self.moves(data, moves),
            objectives=objectives,
            limits=self.limits(data, plain.get("limits", {})),
            strategy=strategy,
            options=options,
            trials=budget.get("trials"),
            seconds=budget.get("seconds"),
            evaluation=self.evaluation(data, plain.get("evaluate", {})),
            seed=plain.get("seed", 0),
        )

    def value(self, data: Data) -> Any:
        """Plain values, formulas over the spec's parameters worked out."""
        match data:
            case Scalar(formula=Formula() as formula):
                return self.formula(formula, data.place)
            case Scalar(value=value):
                return value
            case Sequence(items):
                return [self.value(item) for item in items]
            case Mapping(entries):
                return {key: self.value(entry.value) for key, entry in entries.items()}

    def formula(self, formula: Formula, place: Place) -> Any:
        try:
            return evaluate_over(self.program.parameters, formula)
        except FormulaError as error:
            self.fail(error.code, error.message, place, error.help)
            return 1

    # ---- the parts

    def complete(self, data: Mapping) -> None:
        """Whether everything is there that a search needs."""
        if "vary" not in data and "moves" not in data:
            help = "vary: {width: [16, 32, 64]}, or moves: {within: [body]}"
            self.fail("E203", "the section has neither 'vary' nor 'moves'", data.place, help)
        varied = data.get("vary")
        if isinstance(varied, Mapping) and not varied.entries and "moves" not in data:
            help = "vary: {width: [16, 32, 64]}"
            self.fail("E850", "nothing varies: 'vary' is empty", varied.place, help)
        for key, example in (("objectives", "{maximize: accuracy}"), ("budget", "{trials: 100}")):
            if key not in data:
                self.fail("E203", f"'{key}' is missing", data.place, f"{key}: {example}")

    def objectives(self, data: Mapping, plain: Map[str, Any]) -> tuple[Objective, ...]:
        found: dict[str, Objective] = {}
        for key, names in plain.items():
            for k, name in enumerate([names] if isinstance(names, str) else names):
                place = _at(data, "objectives", key, k)
                if name in found:
                    self.fail("E211", f"'{name}' is an objective already", place)
                if name == COST:
                    self.of_cost(place)
                found[name] = Objective(name, key == "maximize")
        return tuple(found.values())

    def of_cost(self, place: Place) -> None:
        help = "give the number another name"
        self.fail("E211", "'cost' is what an evaluation costs, in seconds", place, help)

    def limits(self, data: Mapping, plain: Map[str, Any]) -> tuple[Limit, ...]:
        found: list[Limit] = []
        for name, said in plain.items():
            if name == COST:
                self.of_cost(_at(data, "limits", name))
            bounds = said if isinstance(said, dict) else {"most": said}
            if not bounds or not all(map(is_number, bounds.values())):
                what = f"limits.{name}: expected a number, or {{least: …, most: …}}"
                self.fail("E202", what, _at(data, "limits", name))
                continue
            for key in [key for key in bounds if key not in ("least", "most")]:
                help = did_you_mean(key, ("least", "most"))
                self.fail("E201", f"no key '{key}'", _at(data, "limits", name, key), help)
            least, most = bounds.get("least"), bounds.get("most")
            if least is not None and most is not None and least > most:
                what = f"no {name} is at least {least:g} and at most {most:g}"
                self.fail("E852", what, _at(data, "limits", name))
            found.append(Limit(name, least, most))
        return tuple(found)

    def strategy(
        self, data: Mapping, plain: Any, objectives: tuple[Objective, ...]
    ) -> tuple[str, Map[str, Any]]:
        """The strategy and its options; without a word, the one that suits the objectives."""
        if plain is None:
            return ("pareto" if len(objectives) > 1 else "evolution"), {}
        name, options = (plain, {}) if isinstance(plain, str) else next(iter(plain.items()))
        place = _at(data, "strategy")
        if name not in STRATEGIES:
            self.fail("E204", f"no strategy '{name}'", place, did_you_mean(name, STRATEGIES))
            return "evolution", {}
        if len(objectives) > 1 and name not in SEVERAL:
            what = f"the strategy {name} has one objective, and these are {len(objectives)}"
            help = "strategy: pareto; or make limits of all but one: limits: {latency_ms: 5}"
            self.fail("E855", what, place, help)
        written = data.get("strategy")
        inner = written.get(name) if isinstance(written, Mapping) else None
        if options is None or not isinstance(inner, Mapping):
            if options:
                what = f"strategy.{name}: expected a mapping, found {options!r:.60}"
                self.fail("E202", what, place)
            return name, {}
        known = {"type": "object", "additionalProperties": False, "properties": STRATEGIES[name]}
        schema = {"properties": {"strategy": {"properties": {name: known}}}}
        wrong, _ = check_section(data, {"strategy": {name: options}}, schema)
        self.findings += wrong
        return name, {} if wrong else options

    def moves(self, data: Mapping, plain: Map[str, Any]) -> Moves:
        names = plain.get("within", ())
        within = (names,) if isinstance(names, str) else tuple(names)
        known = {*self.file.blocks, *self.file.models, *steps_of(self.file)}
        for k, name in enumerate(within):
            if name not in known and name in steps_of(self.file, alone=True):
                what = f"'{name}' is a single step, and moves are made among steps"
                help = "a block, a model, or a step that holds or calls steps"
                self.fail("E856", what, _at(data, "moves", "within", k), help)
            elif name not in known:
                what = f"'{name}' is no block, model or named step of this file"
                place = _at(data, "moves", "within", k)
                help = did_you_mean(name, known) or "without 'within' moves are made everywhere"
                self.fail("E856", what, place, help)
        return Moves(tuple(plain.get("kinds", MOVES)), within)

    def evaluation(self, data: Mapping, plain: Map[str, Any]) -> Evaluation:
        epochs = plain.get("epochs", ())
        rungs = tuple(epochs) if isinstance(epochs, list | tuple) else (epochs,)
        if any(one >= other for one, other in pairwise(rungs)):
            what = "each rung trains longer than the one before"
            self.fail("E852", what, _at(data, "evaluate", "epochs"), "epochs: [1, 3, 9]")
        return Evaluation(rungs, **{key: one for key, one in plain.items() if key != "epochs"})


def without(plain: Map[str, Any], paths: list[list[Any]]) -> dict[str, Any]:
    """The section without the keys, or keys of a part, in which something has a wrong form."""
    found = {key: dict(one) if isinstance(one, Map) else one for key, one in plain.items()}
    for path in paths:
        part = found.get(path[0]) if path else None
        if isinstance(part, dict) and len(path) > 1 and path[0] != "strategy":
            part.pop(path[1], None)
        elif path:
            found.pop(path[0], None)
    return found


def _with_example(one: Diagnostic) -> Diagnostic:
    """A finding about a whole part of the section, with how that is written."""
    part = one.message.partition(":")[0]
    return replace(one, help=one.help or EXAMPLES.get(part, ""))


def steps_of(file: File, alone: bool = False) -> set[str]:
    """The names, written as they are, of the file's steps that hold steps or call what does.

    Within scopes dotted, too. With `alone` those of single steps are among them.
    """
    found: set[str] = set()
    called = {one.name for each in (file, *file.uses) for one in templates(each)}

    def walk(steps: tuple[Step, ...], prefix: str) -> None:
        for step in steps:
            inner = prefix
            if isinstance(step.name, Scalar) and not isinstance(step.name.formula, Formula):
                name, head = str(step.name.value), step.head
                if alone or step.body is not None or isinstance(head, Formula) or head in called:
                    found.update((name, f"{prefix}{name}"))
                inner = f"{prefix}{name}."
            walk(step.body or (), inner)

    for template in templates(file):
        walk(template.steps, "")
    return found


def _at(data: Data, *path: str | int) -> Place:
    """Where a value stands; of what is not written as a list, the value in its place."""
    for part in path:
        if isinstance(data, Mapping) and part in data:
            found = data.get(part)
            assert found is not None
            data = found
        elif isinstance(data, Sequence) and isinstance(part, int):
            data = data.items[part]
    return data.place
