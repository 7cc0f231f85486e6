"""Formulas.

A small, pure subset of Python expressions over numbers, strings, lists, records and symbolic sizes.

A formula is parsed with Python's own parser after its size is bounded, checked against a whitelist
of node kinds, and given its meaning by `archc.spec.interpret`; Python's compiler never sees it, and
nothing of it is executed. Every evaluation spends from a budget, so a hostile formula ends in an
error and not in a full memory.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from archc.errors import did_you_mean, nearest
from archc.spec.functions import FUNCTIONS
from archc.spec.interpret import (
    BINARY,
    COMPARE,
    CONSTANTS,
    KINDS,
    UNARY,
    Evaluation,
    Lookup,
    Run,
    meaning,
)
from archc.spec.values import Budget, FormulaError

MAX_LENGTH = 4000
MAX_NESTING = 40


@dataclass(frozen=True, slots=True)
class Formula:
    """A checked expression.

    `names` are the free names it may ask for, `bound` those its comprehensions bind; `alone` is the
    name that is all of it, if one is.
    """

    text: str
    tree: ast.expr
    names: frozenset[str]
    run: Run
    bound: frozenset[str] = frozenset()
    alone: str | None = None

    def __reduce__(self) -> tuple[Callable[[str], Formula], tuple[str]]:
        return parse, (self.text,)


def parse(text: str) -> Formula:
    """The formula after its leading `=`. Raises FormulaError E213 or E216."""
    if len(text) > MAX_LENGTH:
        raise FormulaError("E216", f"the formula is longer than {MAX_LENGTH} characters")
    if _nesting(text) > MAX_NESTING:
        raise FormulaError("E216", f"the formula nests more than {MAX_NESTING} brackets")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1if x" and the like: Python's own advice
            tree = ast.parse(text.strip().replace("\n", " "), mode="eval").body
    except (MemoryError, RecursionError) as error:
        raise FormulaError("E216", "the formula is nested too deeply") from error
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it cannot be parsed"
        raise FormulaError(
            "E213", f"not a formula: {reason}", "a formula is a Python expression"
        ) from error
    _check(tree, 0)
    bound = frozenset(
        name
        for part in ast.walk(tree)
        if isinstance(part, ast.comprehension)
        for name in _targets(part)
    )
    names = _free(tree)
    alone = tree.id if isinstance(tree, ast.Name) and tree.id in names else None
    return Formula(text, tree, names, meaning(tree), bound, alone)


def _targets(part: ast.comprehension) -> set[str]:
    return {name.id for name in ast.walk(part.target) if isinstance(name, ast.Name)}


def _free(node: ast.AST) -> frozenset[str]:
    """The names whose values come from outside the expression; a called function's name is none."""
    match node:
        case ast.Name(id=name):
            return frozenset({name} - CONSTANTS.keys())
        case ast.Call(args=args):
            return frozenset().union(*map(_free, args))
        case ast.ListComp(elt=elt, generators=parts):
            inner = _free(elt)
            for part in reversed(parts):
                inner = inner.union(*map(_free, part.ifs)) - _targets(part) | _free(part.iter)
            return inner
    return frozenset().union(*map(_free, ast.iter_child_nodes(node)))


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _check(node: ast.AST, depth: int) -> None:
    if depth > 200:
        raise FormulaError("E216", "the formula is nested too deeply")
    kind = type(node)
    if kind not in KINDS:
        raise FormulaError(
            "E213", f"a formula has no {_node_name(kind)}", "see: archc explain formulas"
        )
    if isinstance(node, ast.Call):
        _check_call(node)
        for argument in node.args:
            _check(argument, depth + 1)
        return
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool | int | float | str):
        raise FormulaError("E213", f"a formula has no {type(node.value).__name__}")
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            _check(child, depth + 1)
    if isinstance(node, ast.ListComp):
        _check_comprehension(node, depth)
    if isinstance(node, ast.BinOp) and type(node.op) not in BINARY:
        raise FormulaError("E213", f"a formula has no {_node_name(type(node.op))}")
    if isinstance(node, ast.UnaryOp) and type(node.op) not in UNARY:
        raise FormulaError("E213", f"a formula has no {_node_name(type(node.op))}")
    if isinstance(node, ast.Compare) and not all(type(op) in COMPARE for op in node.ops):
        raise FormulaError("E213", "a formula compares with == != < <= > >= and in")


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        from archc.errors import did_you_mean

        called = ast.unparse(node.func)[:60]
        raise FormulaError(
            "E213", f"a formula has no function '{called}'", did_you_mean(called, FUNCTIONS)
        )
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise FormulaError("E213", "a formula's functions take plain arguments")


def _check_comprehension(node: ast.ListComp, depth: int) -> None:
    for part in node.generators:
        if part.is_async or not _is_target(part.target):
            raise FormulaError("E213", "a comprehension binds plain names")
        for child in [part.target, part.iter, *part.ifs]:
            _check(child, depth + 1)


def _is_target(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(isinstance(item, ast.Name) for item in node.elts)
    return isinstance(node, ast.Name)


def _node_name(kind: type) -> str:
    return {"Lambda": "lambda", "JoinedStr": "f-string", "Dict": "record literal"}.get(
        kind.__name__, kind.__name__
    )


def evaluate(formula: Formula, lookup: Lookup, budget: Budget) -> Any:
    """The formula's value. Raises FormulaError.

    An `Argument` comes back only if it is the whole formula.
    """
    if formula.alone is not None:
        return lookup(formula.alone)
    value = formula.run(Evaluation(lookup, budget))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise FormulaError("E214", "the formula's value is not finite")
    elif isinstance(value, list | dict):
        budget.measure(value)
    return value


def compared(name: str, text: str) -> bool:
    """Whether a formula asks if something is the name, or is not."""
    return re.search(rf"[=!]=\s*{name}\b|\b{name}\s*[=!]=", text) is not None


def evaluate_over(
    bindings: Mapping[str, Any], formula: Formula, hints: Mapping[str, str] = MappingProxyType({})
) -> Any:
    """The formula's value over parameters; `hints` tells of names that are known elsewhere.

    Raises FormulaError, whose message quotes the formula.
    """

    def lookup(name: str) -> Any:
        if name not in bindings:
            help = hints.get(name) or did_you_mean(name, bindings)
            if compared(name, formula.text) and nearest(name, bindings) is None:
                help = f"a text stands in quotes: '{name}'"
            raise FormulaError("E215", f"'{name}' is not known here", help)
        return bindings[name]

    try:
        return evaluate(formula, lookup, Budget())
    except FormulaError as error:
        what = f"in the formula '={formula.text[:80]}': {error.message}"
        raise FormulaError(error.code, what, error.help) from error
