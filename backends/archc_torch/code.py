"""Pieces of Python text with holes: what a definition's lines are before its class is known.

A line of a class is the same for all its instances but for numbers. So lines are kept as `Code`,
text with `Hole`s where numbers stand. Definitions whose texts agree become one class, and only then
is it known which holes are constructor arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from archc.ir.program import Definition
    from archc.spec.values import Argument

Val = tuple[int, int, int]  # a value: the frame it is in, its node, its port

# How tightly an expression binds: Python's own order, as far as it is needed.
LOOSE, TEST, COMPARE, BIT_OR, BIT_AND, SUM, PRODUCT, SIGN, POWER, ATOM = range(10)


@dataclass(frozen=True, slots=True)
class Raw:
    """A value that is written as it stands: `torch.float16`, `nn.ReLU()`."""

    text: str


@dataclass(eq=False, slots=True)
class Hole:
    """A literal that may differ between the instances of a class.

    `hint` names the argument it may become. With `default`, it is left out with its keyword and its
    comma where all instances have that value.
    """

    value: object
    hint: str = ""
    keyword: str = ""
    default: object = ...
    comma: str = ""  # which comma goes with it: before, after or none
    formula: str = ""  # how the spec writes it, where it is a formula
    absent: bool = False  # of a step that this instance leaves out: it has no value


class Ref(NamedTuple):
    """A value, by the variable that holds it."""

    value: Val


class Axis(NamedTuple):
    """The size of an input's axis at run time."""

    input: str
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Build:
    """The constructor call of another definition's class, with what is passed through to it."""

    definition: Definition
    arguments: Mapping[str, float | Argument]
    absent: bool = False


class Callee(NamedTuple):
    """What is called for another definition: the module at `path`, or a function if it is one."""

    definition: Definition
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The arguments after a call's tensors, where the definition is a function of numbers, too."""

    definition: Definition
    arguments: Mapping[str, float | Argument]
    absent: bool = False


Part = str | Hole | Ref | Axis | Build | Callee | Numbers
Code = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Expr:
    """An expression: its code, how tightly it binds, how many calls deep it is.

    `literal` holds the value of a plain number, which is no tensor.
    """

    code: Code
    binding: int = ATOM
    depth: int = 0
    literal: Hole | None = None
    composite: bool = False  # whether a block or a chain is called in it
    recipe: Recipe | None = field(default=None, compare=False, repr=False)

    def bound(self, tightly: int) -> Code:
        """The code, in parentheses where the context binds more tightly."""
        return self.code if self.binding >= tightly else ("(", *self.code, ")")

    @property
    def simple(self) -> bool:
        """Whether it may be written many times: a variable, a weight, an item, a number."""
        return self.literal is not None or (
            self.depth == 0
            and length(self.code) < 40
            and all(
                isinstance(part, Ref) or (isinstance(part, str) and not set(part) & set("(+*/ "))
                for part in self.code
            )
        )


Make = Callable[[Mapping[str, Expr]], Expr]  # an expression from its operands by slot


class Recipe(NamedTuple):
    """How an expression was made: from which values, and what was written for them.

    `light` says that it is a function without weights.
    """

    vals: Mapping[str, Val]
    make: Make
    operands: Mapping[str, Expr]
    light: bool


def length(code: Iterable[Part]) -> int:
    """About how many characters the code has; the same for all values in its holes."""
    total = 0
    for part in code:
        match part:
            case str():
                total += len(part)
            case Hole(default=default, keyword=keyword):
                total += 4 + len(keyword) if default is ... else 0
            case Callee(path=path):
                total += len(path)
            case Build() | Numbers():
                total += 20
            case _:
                total += 2
    return total


def literal(value: object) -> str:
    """A value as Python writes it."""
    match value:
        case Raw(text):
            return text
        case float() if value != value or value in (float("inf"), float("-inf")):
            return f'float("{value}")'
        case tuple():
            inner = ", ".join(map(literal, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case str():
            return quoted(value)
        case float() | int() | bool() | None:
            return repr(value)
    raise TypeError(f"no literal: {value!r}")


def quoted(text: str) -> str:
    """The text as a string literal in double quotes, in ASCII."""
    inner = ascii(text)[1:-1]
    if ascii(text)[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def ghost(code: Code) -> Code:
    """The code of a step that is left out: its text, and no values."""
    return tuple(
        replace(part, absent=True) if isinstance(part, Hole | Build | Numbers) else part
        for part in code
    )


def joined(codes: Iterable[Code], separator: str = ", ") -> Code:
    """The codes with a separator between them."""
    result: list[Part] = []
    for k, code in enumerate(codes):
        result += [separator, *code] if k else code
    return tuple(result)


def merged(parts: Iterable[Part]) -> Code:
    """The parts as code: texts that follow each other are one, and none is empty."""
    result: list[Part] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        elif part != "":
            result.append(part)
    return tuple(result)
