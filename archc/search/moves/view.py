"""A candidate as moves see it: its lists of steps, and every place where each step was elaborated.

A step is written once and elaborated often: for every copy of a `repeat`, and for every use of its
block with other arguments or types. A move changes what is written, so it has to fit all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy as duplicate_of
from functools import cached_property
from typing import TYPE_CHECKING

from archc.ir.lookup import below, references
from archc.ir.nodes import CallNode, OpNode
from archc.ir.program import Definition, Program
from archc.search.edit import Path
from archc.search.moves.rows import Body, Row, Slot
from archc.search.moves.words import WORD, Words
from archc.spec.ast import File, Step, Template
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.formula import Formula
from archc.spec.load import templates

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator
    from archc.search.candidate import Candidate, Copy


class View:
    """All bodies of a candidate's own file that its network uses."""

    def __init__(
        self, candidate: Candidate, program: Program, elaborator: Elaborator, copies: list[Copy]
    ) -> None:
        self.candidate, self.program, self.elaborator = candidate, program, elaborator
        self.file: File = candidate.file
        self.definitions: dict[int, Definition] = {
            id(definition.graph): definition for definition in program.definitions()
        }
        self.copies = [c for c in copies if id(c.frame.builder.graph) in self.definitions]
        self.bodies: list[Body] = []
        self.rows: dict[int, Row] = {}  # by the step's data
        self.unrolled: int | None = None  # how many steps the network has, once somebody asked
        self._names: dict[int, frozenset[str]] = {}
        for template in templates(self.file):
            self._body(template.steps, (*self.path_of(template), "graph"), template, None)
        for copy in self.copies:
            row = self.rows.get(id(copy.step.data))
            if row is not None:
                row.copies.append(copy)
        self.bodies = [body for body in self.bodies if body.scopes]

    def _body(
        self, steps: tuple[Step, ...], path: Path, template: Template, outer: Row | None
    ) -> None:
        body = Body(path, template, outer, self)
        self.bodies.append(body)
        for index, step in enumerate(steps):
            row = Row(body, index, step, self)
            body.rows.append(row)
            self.rows[id(step.data)] = row
            if step.body is not None:
                self._body(step.body, (*row.path, "do"), template, row)

    @property
    def templates(self) -> list[Template]:
        """The blocks and models of the file."""
        return templates(self.file)

    def path_of(self, template: Template) -> Path:
        """Where the template stands in the file."""
        if template is self.file.root:
            return ()
        return ("blocks" if template.kind == "block" else "models", template.name)

    def names_in(self, step: Step) -> frozenset[str]:
        """The names that the step's references and formulas begin with, and perhaps others."""
        found = self._names.get(id(step.data))
        if found is None:
            found = self._names[id(step.data)] = frozenset(_names(step.data))
        return found

    @cached_property
    def words(self) -> Words:
        return Words.of(self.file.data)

    def weights_are_free(self, row: Row) -> bool:
        """Whether nothing speaks of the step's weights, so that they may change."""
        if row.step.tie is not None or id(row.step.data) in self._read:
            return False
        if not row.has_weights and row.step.body is None:
            return True
        numbers = {node.path.rpartition(".")[2] for _, node in row.nodes()}
        names = {row.name} if row.name is not None else numbers
        return not any(self.words.outside(name) for name in names)

    @cached_property
    def _read(self) -> set[int]:
        """The steps whose weights others read or are tied to, by their data."""
        found: set[int] = set()
        for definition in self.definitions.values():
            for ref in references(definition):
                owner = definition if ref.model is None else self.program.models[ref.model]
                found.update(_owners(owner, ref.path))
        return found

    def callers(self, template: Template) -> set[str]:
        """The names of the steps that call the template."""
        return self._callers.get(id(template), set())

    @cached_property
    def _callers(self) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {}
        for row in self.rows.values():
            for _, node in row.nodes():
                place = node.definition.place if isinstance(node, CallNode) else None
                for one in self.templates:
                    if one.place is place and row.name is not None:
                        found.setdefault(id(one), set()).add(row.name)
        return found

    def uses_of(self, template: Template) -> int:
        """How many copies of steps call the template, each definition's counted once."""
        return self._uses.get(id(template), 0)

    @cached_property
    def _uses(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for definition in self.definitions.values():
            for call in definition.calls():
                place = call.definition.place
                for body in self.bodies:
                    if body.outer is None and body.template.place is place:
                        key = id(body.template)
                        found[key] = found.get(key, 0) + call.count
        return found

    def within(self, names: tuple[str, ...]) -> View:
        """The same with only those bodies that are in one of the scopes; all of them for none."""
        if not names:
            return self
        view = duplicate_of(self)
        view.bodies = [one for one in self.bodies if any(one.inside(name) for name in names)]
        return view


def _owners(definition: Definition, path: str) -> Iterator[int]:
    """The steps that own a weight of a definition, by their data, and the calls it is below."""
    for _, node in definition.graph.nodes():
        step = id(node.step.data) if node.step is not None else None
        if isinstance(node, OpNode) and step is not None:
            if any(weight.path == path for weight in node.weights):
                yield step
        elif isinstance(node, CallNode) and node.model is None:
            inner = below(node, path)
            found = list(_owners(node.definition, inner)) if inner is not None else []
            yield from found
            if found and step is not None:
                yield step


def _names(data: Data) -> Iterator[str]:
    match data:
        case Scalar(formula=Formula(text=text)):
            yield from WORD.findall(text)  # a reference may be put together: ="past." + str(i)
        case Scalar(value=str() as text):
            yield text.partition(".")[0]
        case Sequence(items):
            for item in items:
                yield from _names(item)
        case Mapping(entries):
            for entry in entries.values():
                yield from _names(entry.key)
                yield from _names(entry.value)


__all__ = ["Body", "Row", "Slot", "View"]
