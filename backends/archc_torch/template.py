"""Templates of expressions: `F.elu({x}, alpha={alpha|1.0})`, taken apart once.

A hole knows from Python's own grammar what its place asks for: how tightly an operand must bind
there, whether it is an operator's, in how many calls it stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from archc_torch.code import (
    ATOM,
    BIT_AND,
    BIT_OR,
    COMPARE,
    LOOSE,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    TEST,
)


class Template(NamedTuple):
    """A template's text in pieces, and what each hole between them is."""

    texts: tuple[str, ...]
    holes: tuple[Slot, ...]
    binding: int
    calls: int  # how many calls deep it is by itself


class Slot(NamedTuple):
    """A hole: `name`, with the default after `|` if it has one."""

    name: str
    default: object
    keyword: str
    comma: str
    tightly: int  # how tightly what stands here must bind
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
    holes: list[Slot] = []
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
        holes.append(Slot(match["name"], default, keyword, comma, *places[k], bool(match["many"])))
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
    """What the place of each hole asks for: how tightly to bind, if an operator's, its nesting."""
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
    """How tightly an operand must bind at a place, and whether the place is an operator's."""
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
