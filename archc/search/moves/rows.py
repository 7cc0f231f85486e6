"""Lists of steps, their steps, and what these read, as moves see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from archc.elaborate.inputs import input_names, is_spread
from archc.elaborate.references import resolve
from archc.elaborate.scope import Reference, Scope, Tensor
from archc.ir.nodes import CallNode, Node, OpNode
from archc.search.edit import Path
from archc.spec.ast import MODIFIERS, Step, Template, formula_names
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.formula import Formula

if TYPE_CHECKING:
    from archc.search.candidate import Copy
    from archc.search.moves.view import View


@dataclass(eq=False)
class Body:
    """A list of steps: a template's `graph`, or what a `do` holds. `outer` is that `do`."""

    path: Path
    template: Template
    outer: Row | None
    view: View
    rows: list[Row] = field(default_factory=list)

    @cached_property
    def scopes(self) -> dict[int, Scope]:
        """The scope of each time that the steps were elaborated."""
        return {id(c.frame.scope): c.frame.scope for row in self.rows for c in row.copies}

    @cached_property
    def names_repeat(self) -> bool:
        """Whether the steps come several times into one scope, so that none can have a name."""
        homes = [id(scope.home) for scope in self.scopes.values()]
        return len(set(homes)) < len(homes)

    @property
    def is_used_often(self) -> bool:
        """Whether the steps are those of a block that was elaborated, or called, several times."""
        return self.template.kind == "block" and self.view.uses_of(self.template) > 1

    @property
    def is_grouping(self) -> bool:
        """Whether the names and positions are those of the steps around."""
        return self.outer is not None and self.outer.step.name is None

    def inside(self, name: str) -> bool:
        """Whether the steps are in the template or the named `do` of that name.

        A name may be dotted, `features.conv`; that of a step which calls a block means the block.
        """
        scopes: list[str] = []
        body: Body = self
        while body.outer is not None:
            if body.outer.name is not None:
                scopes.insert(0, body.outer.name)
            body = body.outer.body
        whole = ".".join(scopes)
        here = whole == name or whole.startswith(f"{name}.") or name in scopes
        return here or self.template.name == name or name in self.view.callers(self.template)


@dataclass(eq=False)
class Slot:
    """A place where a step says what it reads.

    `part` is where that is written below the step; `text` what is written: a name, `prev`, also
    where nothing is written (`implicit`), or None for a number or a formula.
    """

    row: Row
    part: Path
    data: Data | None
    text: str | None
    implicit: bool = False
    name: str = ""  # of the input, where that is known

    @property
    def reads_prev(self) -> bool:
        return self.text is not None and self.text.split(".")[0] == "prev"


@dataclass(eq=False)
class Row:
    """A step of a body, and the copies of it that were elaborated, in order."""

    body: Body
    index: int
    step: Step
    view: View
    copies: list[Copy] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return (*self.body.path, self.index)

    @property
    def name(self) -> str | None:
        """The name, where it is written out."""
        data = self.step.name
        written = isinstance(data, Scalar) and not isinstance(data.formula, Formula)
        return str(data.value) if written and isinstance(data, Scalar) else None

    @property
    def head(self) -> str:
        """The op's or block's key as it is written; `do` of a `do`."""
        head = self.step.head
        return "do" if head is None else head if isinstance(head, str) else f"={head.text}"

    @cached_property
    def runs(self) -> list[list[Copy]]:
        """The copies that follow each other in one chain, which is one copy without `repeat`."""
        runs: list[list[Copy]] = []
        for copy in self.copies:
            if not copy.fed or not runs:
                runs.append([])
            runs[-1].append(copy)
        return runs

    @cached_property
    def is_seen(self) -> bool:
        """Whether every elaboration of the body is known to have met the step."""
        return bool(self.runs) and len(self.runs) == len(self.body.scopes)

    @cached_property
    def is_plain(self) -> bool:
        """Whether the step can be moved about: no weight of it is tied or set from outside."""
        step = self.step
        others = (step.tie, step.init, step.scan, step.detach)
        return self.is_seen and all(one is None for one in others)

    def nodes(self) -> Iterator[tuple[Copy, Node]]:
        """The nodes of the copies that have one: not those left out, nor of a `do`."""
        for copy in self.copies:
            if copy.item.node is not None and copy.item.builder is copy.frame.builder:
                node = copy.frame.builder.graph.node(copy.item.node)
                if node.step is copy.step:
                    yield copy, node

    @cached_property
    def op(self) -> str | None:
        """The op that all copies are, if they are one."""
        names = {node.op.name if isinstance(node, OpNode) else None for _, node in self.nodes()}
        return names.pop() if len(names) == 1 else None

    @cached_property
    def has_weights(self) -> bool:
        return any(_weighs(node) for _, node in self.nodes())

    @cached_property
    def slots(self) -> list[Slot]:
        """What the step reads, the first input first; none of a step that takes no input."""
        step, found = self.step, list[Slot]()
        if not self.copies:
            return []
        elaborator = self.view.elaborator
        names = input_names(elaborator, self.copies[0].frame, step)
        listed = step.value if isinstance(step.value, Sequence) else step.inputs
        if isinstance(listed, Sequence):
            part: Path = (self.key,) if listed is step.value else ("in",)
            for k, data in enumerate(listed.items):
                name = names[min(k, len(names) - 1)] if names else ""
                found.append(_slot(self, (*part, k), data, name))
            return found
        if isinstance(listed, Mapping):
            for key, entry in listed.entries.items():
                empty = isinstance(entry.value, Scalar) and entry.value.value is None
                given: Data | None = entry.key if empty else entry.value
                given = None if is_spread(entry) else given
                found.append(_slot(self, ("in", key), given, str(key)))
            if names and names[0] not in listed:
                found.insert(0, Slot(self, ("in", names[0]), None, "prev", True, names[0]))
            return found
        if listed is not None:
            return [_slot(self, ("in",), listed, names[0] if names else "")]
        takes_none = step.body is None and not names and not self._is_list_of_steps()
        return [] if takes_none else [Slot(self, ("in",), None, "prev", True, "")]

    def _is_list_of_steps(self) -> bool:
        copy = self.copies[0]
        return not isinstance(self.view.elaborator.head(copy.frame, self.step)[0], str)

    @property
    def key(self) -> str | int:
        """The op's or block's key in the step's mapping."""
        data = self.step.data
        assert isinstance(data, Mapping)
        return next(key for key in data.entries if key not in MODIFIERS)

    @cached_property
    def reads_prev(self) -> bool:
        """Whether the step, apart from what is in it, reads the value above."""
        return any(slot.reads_prev for slot in self.slots) or "prev" in self.own_names

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The free names of the step's formulas, without those of a `do`'s steps."""
        data = self.step.data
        if self.step.body is None or not isinstance(data, Mapping):
            return self.step.names
        found = (formula_names(e.value) for key, e in data.entries.items() if key != "do")
        return frozenset().union(*found)

    def given(self, slot: Slot, copy: Copy) -> Reference | None:
        """The value that a slot reads in a first copy; None for what is no reference."""
        if slot.implicit:
            return copy.frame.prev.first
        if slot.text is None or slot.data is None:
            return None
        what = resolve(self.view.elaborator, slot.data, copy.frame).what
        return what if isinstance(what, Reference) else None

    @cached_property
    def keeps_type(self) -> bool:
        """Whether the step gives, everywhere, a value of the type of its first input."""
        if not self.is_seen or not self.slots:
            return False
        for run in self.runs:
            given, made = self.given(self.slots[0], run[0]), run[-1].item.first
            if not isinstance(given, Tensor) or not isinstance(made, Tensor):
                return False
            if given.type != made.type:
                return False
        return True

    def is_last(self) -> bool:
        return self.index == len(self.body.rows) - 1

    @property
    def after(self) -> Row | None:
        return None if self.is_last() else self.body.rows[self.index + 1]

    @property
    def before(self) -> Row | None:
        return self.body.rows[self.index - 1] if self.index else None

    def says(self) -> str:
        """The step for people: `conv1`, or where it has no name `relu`, or `the 2nd relu`."""
        if self.name:
            return self.name
        alike = [one for one in self.body.rows if not one.name and one.head == self.head]
        if len(alike) == 1:
            return "the do" if self.head == "do" else self.head
        place = 1 + sum(one.index < self.index for one in alike)
        last = 0 if place % 100 in (11, 12, 13) else place % 10
        return f"the {place}{ORDINALS.get(last, 'th')} {self.head}"


ORDINALS = {1: "st", 2: "nd", 3: "rd"}


def _slot(row: Row, part: Path, data: Data | None, name: str) -> Slot:
    written = isinstance(data, Scalar) and not isinstance(data.formula, Formula)
    text = data.value if written and isinstance(data, Scalar) else None
    return Slot(row, part, data, text if isinstance(text, str) else None, name=name)


def _weighs(node: Node) -> bool:
    if isinstance(node, OpNode):
        return bool(node.weights)
    return isinstance(node, CallNode) and any(
        _weighs(inner) for _, inner in node.definition.graph.nodes()
    )
