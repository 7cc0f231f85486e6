"""Classes, each with the definitions that are its instances, and with what is written for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from archc_torch.code import Build, Hole, Numbers, Part, Raw
from archc_torch.group import inputs
from archc_torch.group.rows import ABSENT, Row, constant, plain
from archc_torch.sketch import Gap, Sketch

if TYPE_CHECKING:
    from archc.ir.program import Definition
    from archc.spec.ast import Template
    from archc_torch.plan.library import Library
    from archc_torch.plan.structure import Key

# What torch calls numbers of channels, features and rows.
WIDTHS = frozenset(
    [
        "in_channels",
        "out_channels",
        "num_features",
        "num_channels",
        "in_features",
        "out_features",
        "normalized_shape",
        "num_embeddings",
        "embedding_dim",
        "input_size",
        "hidden_size",
    ]
)


@dataclass(eq=False, slots=True)
class Arg:
    """A constructor's argument, and its value for each instance."""

    name: str
    row: Row
    default: object = ...
    key: str = ""  # what it is called in the spec
    width: bool = False  # a number of channels or features
    formula: str = ""  # how it follows from the others: then it is no argument
    config: bool = False  # a parameter of the whole spec

    @property
    def annotation(self) -> str:
        kinds = {type(value) for value in self.row}
        for kind in (bool, int, float, str):
            if kinds == {kind}:
                return kind.__name__
        if all(isinstance(value, Raw) for value in self.row):
            return "nn.Module"
        return "object" if kinds - {int, tuple} else "int | tuple[int, ...]"


class Passed(NamedTuple):
    """What a call passes for an argument: an expression, or the same `value` in all instances."""

    arg: Arg
    text: str
    value: object


class Outputs(NamedTuple):
    """The named tuple that a model of several outputs gives."""

    name: str
    fields: tuple[tuple[str, bool], ...]  # a field's name, and whether it is a list


@dataclass(eq=False)
class Class:
    """A class, or a function if it has neither weights nor state, and its instances' sketches."""

    classes: Classes
    sketches: list[Sketch] = field(default_factory=list)
    name: str = ""
    function: bool = False
    outputs: Outputs | None = None  # what it gives, if not a plain tensor or tuple
    args: list[Arg] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)  # parameters that pass through
    # What is written in a hole, by the hole's id: an expression, or nothing if a literal is.
    texts: dict[int, str] = field(default_factory=dict)
    calls: dict[int, list[Passed]] = field(default_factory=dict)  # by the id of a Build or Numbers
    conditions: dict[Gap, str] = field(default_factory=dict)  # when what only some have is there
    said: dict[object, str] = field(default_factory=dict)  # sizes that comments say in words

    @property
    def sketch(self) -> Sketch:
        """The sketch whose text is written."""
        return self.sketches[0]

    @property
    def source(self) -> str:
        return self.sketch.definition.source

    @cached_property
    def template(self) -> Template | None:
        """The block or model in the spec."""
        return self.classes.library.template(self.sketch.definition)

    @cached_property
    def bound(self) -> dict[str, Row]:
        """The block's own parameters that are numbers or words and differ between instances."""
        rows = {
            name: tuple(sketch.definition.bound.get(name) for sketch in self.sketches)
            for name in self.sketch.definition.bound
        }
        return {
            name: row for name, row in rows.items() if all(map(plain, row)) and not constant(row)
        }

    @cached_property
    def letters(self) -> str:
        """What the first input's axes are called, empty if nothing tells."""
        return inputs.letters(self)

    @cached_property
    def facts(self) -> dict[str, Row]:
        """The first input's sizes that differ between instances, by what they are called."""
        return inputs.facts(self)

    def place(self, definition: Definition) -> int:
        """Which instance the definition is."""
        wanted = self.classes.library.sketch(definition)
        return next(k for k, sketch in enumerate(self.sketches) if sketch is wanted)

    def rows(self) -> Iterator[tuple[Hole, Row]]:
        """Every hole of the text with its values."""
        for holes in zip(*(sketch.holes() for sketch in self.sketches), strict=True):
            yield holes[0], tuple(ABSENT if hole.absent else hole.value for hole in holes)

    def parts(self) -> Iterator[tuple[Part, ...]]:
        """Every part of the code, of all instances side by side."""
        for codes in zip(*(sketch.codes() for sketch in self.sketches), strict=True):
            yield from zip(*codes, strict=True)


class Classes:
    """All classes of a library, callees before callers."""

    def __init__(self, library: Library) -> None:
        self.library = library
        library.sketch(library.main)
        self._by_key: dict[Key, Class] = {}
        for sketch in list(library.order):
            self._by_key.setdefault(library.key_of(sketch), Class(self)).sketches.append(sketch)
        self.order: list[Class] = []
        self.taken: set[str] = set()  # names that the file uses for something
        self.constants: dict[str, object] = {}  # lists of the spec that formulas read
        for found in list(self._by_key.values()):
            self._sort(found)

    def of(self, definition: Definition) -> Class:
        return self._by_key[self.library.key(definition)]

    def _sort(self, found: Class) -> None:
        if found in self.order:
            return
        for part in (parts[0] for parts in found.parts()):
            if isinstance(part, Build | Numbers):
                self._sort(self.of(part.definition))
        if found not in self.order:
            self.order.append(found)
