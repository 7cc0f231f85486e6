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
from archc_torch.explain import ABSENT, Row

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

    None if it asks for more.

    `resolve` is asked for names, and for facts as `x.channels`; it gives a Python expression and
    its values.
    """
    if len(formula) > longest:
        return None
    parsed = parse(formula)
    if any(not names.attribute(name) or names.safe(name, ()) != name for name in parsed.bound):
        return None
    used: dict[str, Row] = {}
    failed: list[str] = []

    class Names(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return node if node.id in parsed.bound else self.named(node.id)

        def visit_Call(self, node: ast.Call) -> ast.AST:
            assert isinstance(node.func, ast.Name)
            if node.func.id not in _FUNCTIONS:
                failed.append(node.func.id)
            node.args = [self.visit(argument) for argument in node.args]
            return node

        def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
            if isinstance(node.value, ast.Name) and node.attr in FACTS:
                return self.named(f"{node.value.id}.{node.attr}")
            failed.append(node.attr)
            return node

        def named(self, name: str) -> ast.AST:
            found = resolve(name)
            if found is None:
                failed.append(name)
                return ast.Name(name)
            text, row = found
            tree = ast.parse(text, mode="eval").body
            if isinstance(tree, ast.Name):
                used[text] = row
            return tree

    tree = Names().visit(copy.deepcopy(parsed.tree))
    if failed or not all(isinstance(part, _KNOWN) for part in ast.walk(tree)):
        return None
    text = ast.unparse(ast.fix_missing_locations(tree))
    return text, used


def values(text: str, known: Mapping[str, Row], count: int) -> Row | None:
    """The expression's value for each instance; None where it has none."""
    result: list[object] = []
    for place in range(count):
        try:
            found = evaluate(parse(text), lambda name, place=place: known[name][place], Budget())  # type: ignore[misc]
            result.append(freeze(found))
        except (FormulaError, KeyError):
            return None
    return tuple(result)


def python(text: str) -> str:
    """A formula's text as Python: functions that Python keeps elsewhere by their places."""
    for name, own in _FUNCTIONS.items():
        if own != name:
            text = re.sub(rf"(?<![\w.]){name}\(", f"{own}(", text)
    return text


def agrees(row: Row, found: Row | None) -> bool:
    """Whether the found values are the wanted ones, in value and type."""
    return found is not None and all(
        wanted is ABSENT or (type(wanted) is type(value) and wanted == value)
        for wanted, value in zip(row, found, strict=True)
    )
