"""Formulas of the spec as Python on a class's own names."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Mapping

from archc.ops.attributes import freeze
from archc.spec.formula import evaluate, parse
from archc.spec.values import Budget, FormulaError
from archc_torch import names
from archc_torch.group.rows import ABSENT, Row

# What a name or a fact such as `x.channels` means: a Python expression, and its values.
Resolve = Callable[[str], "tuple[str, Row] | None"]

_KNOWN = (
    ast.BinOp,
    ast.BoolOp,
    ast.UnaryOp,
    ast.Compare,
    ast.IfExp,
    ast.Constant,
    ast.Name,
    ast.expr_context,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
    ast.ListComp,
    ast.comprehension,
    ast.List,
    ast.Tuple,
    ast.Subscript,
    ast.Slice,
    ast.Call,
)
# Functions of formulas that Python has under the same name, or under another one.
_FUNCTIONS = {
    name: name for name in ("range", "min", "max", "abs", "len", "sum", "int", "float", "round")
}
_FUNCTIONS |= {name: f"math.{name}" for name in ("sqrt", "log2", "exp", "ceil", "floor")}
FACTS = ("channels", "features")
LONGEST = 80  # characters of an expression that is still plainer than an argument


def translated(
    formula: str, resolve: Resolve, longest: int = LONGEST
) -> tuple[str, dict[str, Row]] | None:
    """The formula on the names that `resolve` gives for its own, and their rows.

    None if it asks for more than `resolve` knows or Python can say.
    """
    if len(formula) > longest:
        return None
    parsed = parse(formula)
    if any(not names.attribute(name) or names.safe(name, ()) != name for name in parsed.bound):
        return None
    found = _Names(parsed.bound, resolve)
    tree = found.visit(copy.deepcopy(parsed.tree))
    if found.failed or not all(isinstance(part, _KNOWN) for part in ast.walk(tree)):
        return None
    return ast.unparse(ast.fix_missing_locations(_Folded().visit(tree))), found.used


class _Names(ast.NodeTransformer):
    """Puts what names mean in their places."""

    def __init__(self, bound: frozenset[str], resolve: Resolve) -> None:
        self.bound, self.resolve = bound, resolve
        self.used: dict[str, Row] = {}
        self.failed = False

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return node if node.id in self.bound else self.named(node.id)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        assert isinstance(node.func, ast.Name)
        self.failed = self.failed or node.func.id not in _FUNCTIONS
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.attr in FACTS:
            return self.named(f"{node.value.id}.{node.attr}")
        self.failed = True
        return node

    def named(self, name: str) -> ast.AST:
        found = self.resolve(name)
        if found is None:
            self.failed = True
            return ast.Name(name)
        text, row = found
        tree = ast.parse(text, mode="eval").body
        if isinstance(tree, ast.Name):
            self.used[text] = row
        return tree


class _Folded(ast.NodeTransformer):
    """Works out what is said with whole numbers alone: `width * 3 ** 2` is `width * 9`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left: ast.expr = self.visit(node.left)
        right: ast.expr = self.visit(node.right)
        folded = ast.BinOp(left, node.op, right)
        if isinstance(node.op, ast.Mult) and _number(right) == 1:
            return left
        if _number(left) is None or _number(right) is None:
            return folded
        found = values(ast.unparse(folded), {}, 1)
        match found:
            case (int(value),) if value >= 0:
                return ast.Constant(value)
        return folded


def _number(node: ast.expr) -> int | None:
    """The whole number that a part of a formula is."""
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def values(text: str, known: Mapping[str, Row], count: int) -> Row | None:
    """The expression's value for each of so many instances; None where it has none."""

    def value(place: int) -> object:
        return freeze(evaluate(parse(text), lambda name: known[name][place], Budget()))

    try:
        return tuple(map(value, range(count)))
    except (FormulaError, KeyError):
        return None


def agrees(row: Row, found: Row | None) -> bool:
    """Whether the found values are the wanted ones, in value and type."""
    return found is not None and all(
        wanted is ABSENT or (type(wanted) is type(value) and wanted == value)
        for wanted, value in zip(row, found, strict=True)
    )


def python(text: str) -> str:
    """A formula's text as Python: functions that Python keeps elsewhere by their places."""
    for name, own in _FUNCTIONS.items():
        if own != name:
            text = re.sub(rf"(?<![\w.]){name}\(", f"{own}(", text)
    return text


def renamed(text: str, words: Mapping[str, str]) -> str:
    """The expression with names of the spec as names of arguments."""
    name = r"(?<![\w.\"'])[A-Za-z_]\w*"
    return re.sub(name, lambda match: words.get(match[0], match[0]), text)
