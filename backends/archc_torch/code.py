"""Pieces of Python text with holes: what a definition's lines are before its class is known.

A line of a class is the same for all its instances but for numbers. So lines are kept as `Code`,
text with
`Hole`s where numbers stand; definitions whose texts agree become one class, and only then is it
known which
holes are constructor arguments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

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

    `hint` names the argument it may become. With `default`, it is left out with its keyword and
    its comma where
    all instances have that value.
    """

    value: object
    hint: str = ""
    keyword: str = ""
    default: object = ...
    comma: str = ""  # which comma goes with it: before, after or none
    formula: str = ""  # how the spec writes it, where it is a formula
    absent: bool = False  # of a step that this instance leaves out: it has no value


@dataclass(frozen=True, slots=True)
class Ref:
    """A value, by the variable that holds it."""

    value: Val


@dataclass(frozen=True, slots=True)
class Axis:
    """The size of an input's axis at run time."""

    input: str
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Build:
    """The constructor call of another definition's class, with what is passed through to it."""

    definition: Definition
    arguments: Mapping[str, float | Argument]
    absent: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Callee:
    """What is called for another definition.

    The module at `path`, or a function if it is no class.
    """

    definition: Definition
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The arguments after a call's tensors.

    Where the definition is a function and takes numbers.
    """

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

    def bound(self, tightly: int) -> Code:
        """The code, in parentheses where the context binds more tightly."""
        return self.code if self.binding >= tightly else ("(", *self.code, ")")


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


# ---- templates: `F.elu({x}, alpha={alpha|1.0})`


@dataclass(frozen=True, slots=True)
class Template:
    """A template's text in pieces, and what each hole between them is."""

    texts: tuple[str, ...]
    holes: tuple[TemplateHole, ...]
    binding: int
    calls: int  # how many calls deep it is by itself


@dataclass(frozen=True, slots=True)
class TemplateHole:
    """`name`, with the default after `|` if it has one; `tightly` is what its place asks for."""

    name: str
    default: object
    keyword: str
    comma: str
    tightly: int
    number: bool  # an operand of an operator, where a plain number will do
    nested: int  # in the arguments of how many calls
    many: bool  # `{inputs*}`: all parts, separated by commas


_HOLE = re.compile(r"\{(?P<name>\w+)(?P<many>\*)?(?:\|(?P<default>[^{}]*))?\}")
_BINDING: dict[type[ast.AST], int] = {
    ast.Add: SUM,
    ast.Sub: SUM,
    ast.Mult: PRODUCT,
    ast.Div: PRODUCT,
    ast.FloorDiv: PRODUCT,
    ast.Mod: PRODUCT,
    ast.MatMult: PRODUCT,
    ast.Pow: POWER,
    ast.BitAnd: BIT_AND,
    ast.BitOr: BIT_OR,
}


@cache
def template(text: str) -> Template:
    """The template taken apart; its text is Python but for the holes."""
    found = list(_HOLE.finditer(text))
    names = {f"hole_{k}_": k for k in range(len(found))}
    plain, position = "", 0
    for name, match in zip(names, found, strict=True):
        position, before = match.end(), text[position : match.start()]
        comma = "," if text[position : position + 1] == ")" else ""  # of a single item, a tuple
        plain += before + (f"*{name}{comma}" if match["many"] else name)
    tree = ast.parse(plain + text[position:], mode="eval").body
    places = dict(_places(tree, names))
    texts: list[str] = []
    holes: list[TemplateHole] = []
    position = 0
    for k, match in enumerate(found):
        before = text[position : match.start()]
        position = match.end()
        default: object = ...
        keyword = comma = ""
        if match["default"] is not None:
            default = ast.literal_eval(match["default"])
            cut = re.search(r"(, )?(\w+=)?$", before)
            assert cut is not None
            keyword, comma = cut[2] or "", "before" if cut[1] else ""
            before = before[: cut.start()]
            if not comma and re.match(r", (?!\w*=?\{\w+\|)", text[position:]):
                comma, position = "after", position + 2
        texts.append(before)
        holes.append(
            TemplateHole(match["name"], default, keyword, comma, *places[k], bool(match["many"]))
        )
    return Template((*texts, text[position:]), tuple(holes), _binding(tree), _calls(tree))


def _binding(node: ast.expr) -> int:
    match node:
        case ast.BinOp(op=op):
            return _BINDING[type(op)]
        case ast.UnaryOp(op=ast.Not()):
            return TEST
        case ast.UnaryOp():
            return SIGN
        case ast.Compare():
            return COMPARE
        case ast.IfExp() | ast.BoolOp() | ast.Lambda() | ast.Starred():
            return LOOSE
    return ATOM


def _calls(node: ast.AST) -> int:
    """How deep calls are nested in arguments; `a(x).b()` is one deep."""
    if isinstance(node, ast.Call):
        return max(1 + max(map(_calls, [*node.args, *node.keywords]), default=0), _calls(node.func))
    return max(map(_calls, ast.iter_child_nodes(node)), default=0)


def _places(
    node: ast.AST, names: Mapping[str, int], nested: int = 0
) -> Iterator[tuple[int, tuple[int, bool, int]]]:
    """What the place of each hole asks for.

    How tightly to bind, whether it is an operator's, its nesting.
    """
    if isinstance(node, ast.Name) and node.id in names:  # the template is a hole alone
        yield names[node.id], (LOOSE, False, 0)
        return
    for name, child in ast.iter_fields(node):
        deeper = nested + (isinstance(node, ast.Call) and name != "func")
        for part in child if isinstance(child, list) else [child]:
            if isinstance(part, ast.Name) and part.id in names:
                yield names[part.id], (*_asked(node, name), deeper)
            elif isinstance(part, ast.AST):
                yield from _places(part, names, deeper)


def _asked(parent: ast.AST, field: str) -> tuple[int, bool]:
    match parent:
        case ast.Attribute() | ast.Subscript() if field == "value":
            return ATOM, False
        case ast.Call() if field == "func":
            return ATOM, False
        case ast.BinOp(op=ast.Pow()):
            return (ATOM if field == "left" else SIGN), True
        case ast.BinOp(op=op):
            return _BINDING[type(op)] + (field == "right"), True
        case ast.UnaryOp():
            return SIGN, True
        case ast.Compare():
            return BIT_OR, True
        case ast.IfExp():
            return TEST, False
    return LOOSE, False


# ---- what is asked of code


def holes(code: Iterable[Part]) -> Iterator[Hole]:
    """The holes, in order."""
    return (part for part in code if isinstance(part, Hole))


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


@dataclass(slots=True)
class Texts:
    """Gathers a template's code: text and parts in order."""

    parts: list[Part] = field(default_factory=list)

    def add(self, *more: Any) -> None:
        for part in more:
            if isinstance(part, str) and self.parts and isinstance(self.parts[-1], str):
                self.parts[-1] += part
            elif part != "":
                self.parts.append(part)
