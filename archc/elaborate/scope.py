"""What names mean while a definition is elaborated."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archc.ir.graph import Value
from archc.ir.types import TensorType
from archc.place import Place
from archc.records import record
from archc.spec.ast import File, Step
from archc.spec.values import ABSENT, Absent, Facts, FormulaError

if TYPE_CHECKING:
    from archc.elaborate.builder import Builder

FACTS = ("shape", "channels", "features", "rank", "dtype")


@record
class Tensor(Facts):
    """A value of a builder's graph; formulas may ask for its facts."""

    value: Value
    type: TensorType
    builder: Builder

    def fact(self, name: str) -> object:
        dims = self.type.dims
        match name:
            case "shape":
                return list(dims)
            case "rank":
                return len(dims)
            case "dtype":
                return self.type.dtype
            case "channels" if len(dims) > 1:
                return dims[1]
            case "features" if dims:
                return dims[-1]
            case "channels" | "features":
                raise FormulaError("E302", f"a value of shape {self.type.shape_text} has no {name}")
        from archc.errors import did_you_mean

        raise FormulaError("E214", f"a tensor has no '.{name}'", did_you_mean(name, FACTS))


class Poison:
    """The value of a step that was found wrong.

    Whatever needs it is left out without another error.
    """


POISON = Poison()


class Poisoned(Exception):
    """A formula or a step needs a value that an earlier error has taken away."""


@record
class Group:
    """Several values under one name: a list input, or a starred reference."""

    items: tuple[Reference, ...]

    def __len__(self) -> int:
        return len(self.items)


Reference = Tensor | Group | Absent | Poison


@dataclass(eq=False, slots=True)
class Space:
    """A file with its parameters bound; ops that parameters choose hold it before all of them are.

    What its blocks see beyond their own inputs and parameters.
    """

    file: File
    bindings: dict[str, Any]
    key: Hashable


class OpChoice(str):
    """An op or block that a parameter chose, with attributes, seen from the choosing file."""

    attributes: dict[str, Any]
    space: Space

    @classmethod
    def of(cls, name: str, attributes: dict[str, Any], space: Space) -> OpChoice:
        choice = cls(name)
        choice.attributes, choice.space = attributes, space
        return choice


@dataclass(eq=False, slots=True)
class Item:
    """What a name stands for: a step's outputs, and what can be reached through them."""

    outputs: dict[str, Reference]
    inside: Scope | None = None
    copies: list[Item] | None = None
    counted: object | None = None  # the step whose copies are one counted node
    node: int | None = None
    builder: Builder | None = None
    path: str = ""
    used: bool = False

    @property
    def first(self) -> Reference:
        for reference in self.outputs.values():
            return reference
        return ABSENT

    @property
    def poisoned(self) -> bool:
        return isinstance(self.first, Poison)


def item_of(reference: Reference) -> Item:
    return Item({"y": reference})


@dataclass(eq=False, slots=True)
class Scope:
    """A named scope: the items in it, its dotted path, and how many steps it has had.

    An unnamed `do` only groups: its scope holds the names of its inputs, and the rest is its
    `home`'s.
    """

    path: str
    parent: Scope | None = None
    items: dict[str, Item] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    segments: dict[str, Place] = field(default_factory=dict)  # of steps with a path of their own
    count: int = 0
    shaky: bool = False  # a step before may be there or not, so positions are no safe names
    positional: Place | None = None  # the first step whose weights go by such a position
    has_names: bool = False  # some step with weights has a name
    grouping: bool = False

    @property
    def home(self) -> Scope:
        return self.parent.home if self.grouping and self.parent is not None else self

    def find(self, name: str) -> Item | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.items:
                return scope.items[name]
            scope = scope.parent
        return None

    def names(self) -> Iterator[str]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.items
            scope = scope.parent


@record
class Frame:
    """Where steps are elaborated.

    Bindings of parameters and loop variables, the scope, and what `prev` is.
    """

    builder: Builder
    space: Space
    bindings: dict[str, Any]
    scope: Scope
    prev: Item
    frozen: bool = False

    def with_bindings(self, more: dict[str, Any]) -> Frame:
        if not more:
            return self
        bindings = {**self.bindings, **more}
        return Frame(self.builder, self.space, bindings, self.scope, self.prev, self.frozen)

    def with_prev(self, prev: Item) -> Frame:
        return Frame(self.builder, self.space, self.bindings, self.scope, prev, self.frozen)

    def inside(self, scope: Scope, prev: Item, frozen: bool) -> Frame:
        """The frame of a `do`'s steps."""
        return Frame(self.builder, self.space, self.bindings, scope, prev, frozen)


@dataclass(frozen=True, slots=True, repr=False)
class StepList:
    """A list of steps given as a parameter.

    Parameters and loop variables are those of where it was written.
    """

    steps: tuple[Step, ...]
    bindings: dict[str, Any]
    space: Space

    def __repr__(self) -> str:
        """What the text form says of it: the same wherever it was written."""
        heads = [step.head or "do" for step in self.steps]
        return "steps: " + ", ".join(h if isinstance(h, str) else f"={h.text}" for h in heads)
