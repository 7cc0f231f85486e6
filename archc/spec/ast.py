"""A spec as a tree: blocks, models, inputs, parameters and steps, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archc.place import Place, Source
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.formula import Formula

if TYPE_CHECKING:
    from archc.elaborate.attributes import Prepared
    from archc.elaborate.called import Called
    from archc.ops.base import Op

MODIFIERS = ("name", "in", "when", "repeat", "scan", "tie", "init", "freeze", "detach")
TYPE_NAMES = ("int", "float", "bool", "str", "list", "op", "steps")


@dataclass(eq=False, slots=True)
class Step:
    """One step.

    `head` is an op's or block's name, a formula that gives one, or None where `body` holds a `do`.

    `broken` tells that validation has found it wrong already: it has no value, and no further
    errors.
    """

    place: Place
    head: str | Formula | None
    head_place: Place
    data: Data
    value: Data | None = None
    body: tuple[Step, ...] | None = None
    name: Data | None = None
    inputs: Data | None = None
    when: Data | None = None
    repeat: Data | None = None
    scan: Data | None = None
    tie: Mapping | None = None
    init: Mapping | None = None
    freeze: Data | None = None
    detach: Data | None = None
    broken: bool = False
    listed: bool = False  # its name stands for the list of its copies, as a fed list does
    names: frozenset[str] = frozenset()  # the free names of all its formulas, its body's included
    # What elaboration finds in it that hangs on no parameter and no type:
    prepared: dict[type[Op], Prepared] = field(default_factory=dict, init=False)
    reads: tuple[str, ...] | None = field(default=None, init=False)


@dataclass(eq=False, slots=True)
class Parameter:
    """A parameter.

    `type` is set where it was declared by a bare type name, and then it is required.
    """

    name: str
    place: Place
    default: Data
    type: str | None = None


@dataclass(eq=False, slots=True)
class InputDeclaration:
    """An input of a model or a block; `shape` is None where any will do.

    `rest` stands for all inputs that are given by names of their own.
    """

    name: str
    place: Place
    shape: Sequence | None = None
    dtype: Data | None = None
    optional: bool = False
    repeat: Data | None = None
    when: Data | None = None
    rest: bool = False


@dataclass(eq=False, slots=True)
class Template:
    """A block or a model: what is elaborated where it is used."""

    name: str
    kind: str  # "block" or "model"; an update of a training is a model, too
    place: Place
    file: File
    doc: str
    parameters: tuple[Parameter, ...]
    inputs: tuple[InputDeclaration, ...]
    steps: tuple[Step, ...]
    outputs: Mapping | None
    update: bool = False


@dataclass(eq=False, slots=True)
class File:
    """One spec file. `root` is the file's own graph as a block, where it has one."""

    path: Path | None
    source: Source
    data: Mapping
    name: str
    task: str
    doc: str
    parameters: tuple[Parameter, ...]
    variants: dict[str, Mapping]
    defaults: dict[str, Mapping]
    blocks: dict[str, Template] = field(default_factory=dict)
    models: dict[str, Template] = field(default_factory=dict)
    root: Template | None = None
    uses: list[File] = field(default_factory=list)
    called: dict[str, Called] = field(default_factory=dict, init=False)  # by elaboration

    @property
    def place(self) -> Place:
        return self.data.place

    def section(self, name: str) -> Data | None:
        """A top-level section kept as data: train, search, weights, labels, preprocess."""
        return self.data.get(name)


def formula_names(data: Data | None) -> set[str]:
    """The free names of all formulas in the data."""
    match data:
        case Scalar(formula=formula):
            return set(formula.names) if isinstance(formula, Formula) else set()
        case Sequence(items):
            return set().union(*map(formula_names, items))
        case Mapping(entries):
            return set().union(
                *(formula_names(e.value) for e in entries.values()),
                *(formula_names(e.key) for e in entries.values()),
            )
    return set()
