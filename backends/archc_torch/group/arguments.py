"""Which numbers a class's constructor takes, and under which names.

1. What the spec writes as a formula is written as that formula, if its names mean something here.
2. What differs between the instances is the block's parameter or a size of its input with the same
   values, else simple arithmetic on such, else an argument of its own.
3. What is the same for all is a number, unless a formula has given that number a name before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from archc.spec.values import Argument
from archc_torch import names
from archc_torch.code import Build, Numbers
from archc_torch.group import inputs
from archc_torch.group.classes import WIDTHS, Arg, Class
from archc_torch.group.formulas import agrees, translated, values
from archc_torch.group.rows import ABSENT, Row, constant, meaning, same
from archc_torch.sketch import Branch, Gap, If, Sketch, Stmt

if TYPE_CHECKING:
    from archc_torch.group.classes import Classes

Call = tuple[Build | Numbers, Arg, Row]


class Choice:
    """What is chosen for one class: its arguments' values, and what else its numbers are called."""

    def __init__(self, found: Class, words: Mapping[object, str]) -> None:
        self.found = found
        self.count = len(found.sketches)
        self.taken = {
            "self",
            *(names.safe(name, ()) for name in found.sketch.definition.parameters),
        }
        if found.function:
            self.taken |= found.sketch.locals
        self.config = config(found)
        self.calls = list(calls(found))
        self.holes = [
            (hole, row)
            for hole, row in found.rows()
            if not any(isinstance(value, Argument) for value in row)
        ]
        self.chosen: dict[str, Row] = {}  # the arguments, by their names in the spec
        self.formulas: dict[int, str] = {}  # what is written in a hole, by the hole's id
        self.widths: list[tuple[str, Row]] = []  # what counts channels or features, if constant
        self.said: dict[object, str] = {}  # other sizes that the spec gives a name
        self.conditions: dict[Gap, str] = {}
        self._by_formula()
        self._by_word(words)
        self._by_call()
        self._what_differs()
        for gap in dict.fromkeys(gaps(found.sketch)):
            self.conditions[gap] = self._condition(gap)

    # ---- what the spec says

    def resolve(self, name: str) -> tuple[str, Row] | None:
        """What a formula's name means in the class: a parameter, a number, a size of the input."""
        if name in self.found.bound:
            return name, self.found.bound[name]
        value = self.found.sketch.definition.bound.get(name)
        if isinstance(value, int | float | str):
            return repr(value), (value,) * self.count
        if name in self.config:
            return name, self.config[name]
        return inputs.fact(self.found, name)

    def _by_formula(self) -> None:
        """Formulas that give a hole's values become what is written there."""
        for hole, row in self.holes:
            if not hole.formula or isinstance(hole.value, tuple):
                continue
            made = translated(hole.formula, self.resolve)
            if made is None or not made[1] or not agrees(row, values(*made, self.count)):
                continue
            text, used = made
            if constant(row) and not used.keys() & self.config.keys():
                continue
            for name, other in used.items():
                self.chosen.setdefault(name, other)
            self.formulas[id(hole)] = text
            if hole.hint in WIDTHS and constant(row):
                self.widths.append((text, row))
                self.widths += [item for item in used.items() if item[0] in self.config]
            elif hole.hint == "size" and constant(row):
                self.said.setdefault(row[0], text)

    def _by_word(self, words: Mapping[object, str]) -> None:
        """Numbers of channels or features that are the whole spec's parameters."""
        for hole, row in self.holes:
            if hole.hint not in WIDTHS or not constant(row) or hole.formula:
                continue
            word = words.get(row[0])
            if word in self.config and not any(same(other, row) for _, other in self.widths):
                assert word is not None
                self.chosen.setdefault(word, self.config[word])
                self.widths.append((word, row))

    def _by_call(self) -> None:
        """The whole spec's parameters that other classes take are passed on."""
        for _, arg, row in self.calls:
            known = self.config.get(arg.key) if arg.config else None
            if known is not None and constant(row) and same(row, known):
                self.chosen.setdefault(arg.key, known)
                if arg.width:
                    self.widths.append((arg.key, row))

    # ---- what differs

    def _what_differs(self) -> None:
        """All that differs between instances in terms of arguments, new ones where need be."""
        wanted = [
            (hole.hint, row)
            for hole, row in self.holes
            if not constant(row) and id(hole) not in self.formulas
        ]
        wanted += [(arg.name, row) for _, arg, row in self.calls if needed(row)]
        known = {**self.found.bound, **self.found.facts}
        for _, row in wanted:
            direct = meaning(row, known)
            if direct is not None and not direct.compound:
                self._take(direct.names, known)
        for _, row in wanted:
            explained = meaning(row, self.chosen) or meaning(row, known)
            if explained is not None:
                self._take(explained.names, known)
        for hint, row in wanted:
            if meaning(row, self.chosen) is None:
                self._new(hint or "value", row)

    def _condition(self, gap: Gap) -> str:
        """What tells if an instance has the steps: the spec's own condition, or an argument."""
        for formula in gap.when:
            made = translated(formula, self.resolve)
            if made is not None and agrees(gap.has, values(*made, self.count)):
                for name, row in made[1].items():
                    self.chosen.setdefault(name, row)
                return made[0]
        known = {**self.found.bound, **self.found.facts, **self.chosen}
        direct = meaning(gap.has, known)
        if direct is not None:
            self._take(direct.names, known)
            return direct.text
        return self._new(f"has_{gap.word}" if gap.word else "has", gap.has)

    def _take(self, picked: tuple[str, ...], known: Mapping[str, Row]) -> None:
        for name in picked:
            self.chosen.setdefault(name, known[name])

    def _new(self, name: str, row: Row) -> str:
        name = names.safe(name, {*self.taken, *self.chosen, *self.config})
        self.chosen[name] = row
        return name


def config(found: Class) -> dict[str, Row]:
    """The spec's own parameters that are numbers, as blocks of the same file see them."""
    program, template = found.classes.library.program, found.template
    if found.sketch.top or template is None or template.file is not program.file:
        return {}
    return {
        name: (value,) * len(found.sketches)
        for name, value in program.parameters.items()
        if isinstance(value, int | float)
        and name not in found.sketch.definition.bound
        and name not in found.facts
    }


def widths(classes: Classes) -> dict[object, str]:
    """Numbers of channels or features that one of the spec's own parameters is, and no other."""
    program = classes.library.program
    found: dict[object, set[str]] = {}
    for each in classes.order:
        if each.template is not None and each.template.file is program.file:
            for hole, _ in each.rows():
                if hole.hint in WIDTHS and program.parameters.get(hole.formula) == hole.value:
                    found.setdefault(hole.value, set()).add(hole.formula)
    return {size: next(iter(words)) for size, words in found.items() if len(words) == 1}


def calls(found: Class) -> Iterator[Call]:
    """The arguments of every call of a class in this one, with their values."""
    for parts in found.parts():
        first = parts[0]
        if not isinstance(first, Build | Numbers):
            continue
        callee = found.classes.of(first.definition)
        if isinstance(first, Build) and callee.function:
            continue
        every = [part for part in parts if isinstance(part, Build | Numbers)]
        for arg in callee.args:
            if not arg.formula:
                row: Row = tuple(
                    ABSENT if part.absent else arg.row[callee.place(part.definition)]
                    for part in every
                )
                yield first, arg, row
        for name in callee.passed:
            row = tuple(ABSENT if part.absent else part.arguments[name] for part in every)
            yield first, Arg(name, row), row


def needed(row: Row) -> bool:
    """Whether the row must be passed: it differs, and is nothing that passes through."""
    return not constant(row) and not any(isinstance(value, Argument) for value in row)


def gaps(sketch: Sketch) -> Iterator[Gap]:
    """What only some instances have, in order."""
    yield from _module_gaps(sketch.modules)
    yield from _statement_gaps([*sketch.setup, *sketch.body])


def _module_gaps(branch: Branch) -> Iterator[Gap]:
    for child in branch.children.values():
        if child.gap is not None:
            yield child.gap
        if isinstance(child, Branch):
            yield from _module_gaps(child)


def _statement_gaps(statements: list[Stmt]) -> Iterator[Gap]:
    for statement in statements:
        if isinstance(statement, If):
            yield statement.gap
            yield from _statement_gaps(statement.body)
