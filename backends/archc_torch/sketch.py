"""A definition as PyTorch says it, before it is known which definitions share a class.

A `Sketch` has a tree of modules and a list of statements. Its variables have their names already;
numbers, sizes that are read from inputs, and names of classes are still holes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc_torch.code import Code, Hole, Ref, Val, merged


class Gap(NamedTuple):
    """Steps that only some instances of a class have."""

    has: tuple[bool, ...]  # by instance
    when: tuple[str, ...]  # the conditions in the spec
    word: str  # a name for them


@dataclass(eq=False, slots=True)
class Leaf:
    """A module, or a parameter or buffer: `code` makes it. `count` of them stand side by side."""

    kind: str  # module, parameter or buffer
    code: Code
    types: tuple[TensorType, ...] = ()  # what the module gives
    count: int = 1
    weighted: bool = False  # whether it has weights, or may have: all but ops that have none
    callee: Definition | None = None  # the definition whose class it is
    word: str = ""  # the op's name
    node: int = -1  # the graph's node that it is for
    gap: Gap | None = None  # which instances have it, if some have not
    absent: bool = False  # whether this one has not


@dataclass(eq=False, slots=True)
class Branch:
    """Modules below a name; a chain is an nn.Sequential."""

    children: dict[str, Branch | Leaf] = field(default_factory=dict)
    chain: bool = False
    gap: Gap | None = None


@dataclass(eq=False, slots=True)
class Assign:
    """`pattern = code`; the pattern is the targets' names, or has them in holes."""

    targets: list[Val | None]  # None of a value that nothing uses
    code: Code
    types: tuple[TensorType, ...] = ()
    pattern: str = ""
    names: tuple[str, ...] = ()  # what the targets are called, once they are named
    absent: bool = False  # whether the step is left out here


@dataclass(eq=False, slots=True)
class Do:
    """A statement that gives no value."""

    code: Code


@dataclass(eq=False, slots=True)
class For:
    """`for targets in code:` with a body."""

    targets: list[Val]
    code: Code
    body: list[Stmt]
    names: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class If:
    """What only instances with certain steps do."""

    gap: Gap
    body: list[Stmt]
    code: Code = ()


Stmt = Assign | Do | For | If


@dataclass(eq=False, slots=True)
class Parameter:
    """A parameter of forward: a tensor, or a list of them."""

    name: str
    types: tuple[TensorType, ...]
    listed: bool = False
    variable: str = ""


@dataclass(eq=False, slots=True)
class Output:
    """An output: one value, or a list of values."""

    name: str
    types: tuple[TensorType, ...]
    listed: bool
    code: Code


@dataclass(eq=False, slots=True)
class Sketch:
    """What is known of a definition's code."""

    definition: Definition
    top: bool = False
    parameters: list[Parameter] = field(default_factory=list)
    models: list[str] = field(default_factory=list)  # models that forward is given, by their names
    sizes: list[str] = field(default_factory=list)  # symbols that forward is given
    device: bool = False  # whether forward is given the device
    modules: Branch = field(default_factory=Branch)
    setup: list[Stmt] = field(default_factory=list)  # after the modules: first values, ties
    body: list[Stmt] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    locals: set[str] = field(default_factory=set)

    def codes(self) -> Iterator[Code]:
        """All code, in one order that depends on the structure alone."""
        yield from (leaf.code for leaf in leaves(self.modules))
        yield from _statement_codes(self.setup)
        yield from _statement_codes(self.body)
        for output in self.outputs:
            yield output.code

    def holes(self) -> list[Hole]:
        return [part for code in self.codes() for part in code if isinstance(part, Hole)]

    @property
    def trains(self) -> bool:
        """Whether it does something else while training, by itself."""
        return any(
            isinstance(part, str) and "self.training" in part
            for code in self.codes()
            for part in code
        )


def leaves(branch: Branch) -> Iterator[Leaf]:
    """All leaves below, in order."""
    for child in branch.children.values():
        if isinstance(child, Leaf):
            yield child
        else:
            yield from leaves(child)


def _statement_codes(statements: list[Stmt]) -> Iterator[Code]:
    for statement in statements:
        yield statement.code
        if isinstance(statement, For | If):
            yield from _statement_codes(statement.body)


def refs(code: Code) -> list[Val]:
    """The values that the code reads."""
    return [part.value for part in code if isinstance(part, Ref)]


def renamed(code: Code, names: dict[Val, str]) -> Code:
    """The code with variables in place of values."""
    return merged(names[part.value] if isinstance(part, Ref) else part for part in code)
