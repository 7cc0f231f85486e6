"""The meaning of formulas: a node of Python's syntax tree becomes a function of ours, by its kind.

The functions are put together once, when a formula is parsed, and run as often as it is evaluated.
Python's own compiler and its `eval` have no part in it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from archc.ir.dims import Dim
from archc.spec.arithmetic import (
    arithmetic,
    below,
    bounded,
    equal,
    item_at,
    iterable,
    spoken,
    truth,
    within,
)
from archc.spec.functions import FUNCTIONS, range_of
from archc.spec.values import ABSENT, Argument, Budget, Facts, FormulaError, NeedsValue

Lookup = Callable[[str], Any]


class Evaluation:
    """One evaluation of one formula; `bound` holds what its comprehensions bind."""

    __slots__ = ("bound", "budget", "lookup")

    def __init__(self, lookup: Lookup, budget: Budget) -> None:
        self.lookup, self.budget = lookup, budget
        self.bound: dict[str, Any] = {}


Run = Callable[[Evaluation], Any]

CONSTANTS = {"true": True, "false": False}  # as YAML writes them


def meaning(node: ast.expr) -> Run:
    """What evaluates the expression; every node of it that is met costs a step."""
    return KINDS[type(node)](node)


def _name(node: ast.Name) -> Run:
    name = node.id
    if name in CONSTANTS:
        return _fixed(CONSTANTS[name])

    def run(at: Evaluation) -> Any:
        at.budget.step()
        value = at.bound[name] if name in at.bound else at.lookup(name)
        if isinstance(value, Argument):
            raise NeedsValue(value)
        return value

    return run


def _constant(node: ast.Constant) -> Run:
    value = node.value
    try:
        return _fixed(bounded(value))
    except FormulaError:  # told where it is evaluated

        def run(at: Evaluation) -> Any:
            at.budget.step()
            return bounded(value)

        return run


def _fixed(value: Any) -> Run:
    def run(at: Evaluation) -> Any:
        at.budget.step()
        return value

    return run


def _binary(node: ast.BinOp) -> Run:
    op, left, right = BINARY[type(node.op)], meaning(node.left), meaning(node.right)

    def run(at: Evaluation) -> Any:
        at.budget.step()
        return arithmetic(op, left(at), right(at), at.budget)

    return run


def _unary(node: ast.UnaryOp) -> Run:
    op, operand = type(node.op), meaning(node.operand)

    def run(at: Evaluation) -> Any:
        at.budget.step()
        value = operand(at)
        if op is ast.Not:
            return not truth(value)
        if not isinstance(value, int | float | Dim) or isinstance(value, bool):
            raise FormulaError("E214", f"{spoken(value)} has no sign")
        return -value if op is ast.USub else value

    return run


def _boolean(node: ast.BoolOp) -> Run:
    stop_at, parts = isinstance(node.op, ast.Or), [meaning(part) for part in node.values]

    def run(at: Evaluation) -> Any:
        at.budget.step()
        value: Any = None
        for part in parts:
            value = part(at)
            if truth(value) is stop_at:
                return value
        return value

    return run


def _compare(node: ast.Compare) -> Run:
    first = meaning(node.left)
    rest = [
        (COMPARE[type(op)], meaning(part))
        for op, part in zip(node.ops, node.comparators, strict=True)
    ]

    def run(at: Evaluation) -> bool:
        at.budget.step()
        left = first(at)
        for holds, part in rest:
            right = part(at)
            if not holds(left, right, at.budget):
                return False
            left = right
        return True

    return run


def _conditional(node: ast.IfExp) -> Run:
    test, body, orelse = meaning(node.test), meaning(node.body), meaning(node.orelse)

    def run(at: Evaluation) -> Any:
        at.budget.step()
        return body(at) if truth(test(at)) else orelse(at)

    return run


def _attribute(node: ast.Attribute) -> Run:
    name, owner = node.attr, meaning(node.value)

    def run(at: Evaluation) -> Any:
        at.budget.step()
        value = owner(at)
        if isinstance(value, dict):
            return item_at(value, name)
        if isinstance(value, Facts):
            return value.fact(name)
        raise FormulaError("E214", f"{spoken(value)} has no '.{name}'")

    return run


def _subscript(node: ast.Subscript) -> Run:
    owner = meaning(node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(owner, node.slice)
    index = meaning(node.slice)

    def run(at: Evaluation) -> Any:
        at.budget.step()
        return item_at(owner(at), index(at))

    return run


def _slice(owner: Run, node: ast.Slice) -> Run:
    ends = [meaning(part) if part else None for part in (node.lower, node.upper, node.step)]

    def run(at: Evaluation) -> Any:
        at.budget.step()
        value = owner(at)
        if not isinstance(value, list | tuple | str):
            raise FormulaError("E214", f"{spoken(value)} cannot be sliced")
        parts = [None if end is None else end(at) for end in ends]
        if not all(part is None or isinstance(part, int) for part in parts) or parts[2] == 0:
            raise FormulaError("E214", "a slice is of whole numbers")
        cut = value[slice(*parts)]
        at.budget.spend(len(cut))
        return cut

    return run


def _items(node: ast.List | ast.Tuple) -> Run:
    items = [meaning(item) for item in node.elts]

    def run(at: Evaluation) -> list[Any]:
        at.budget.step()
        at.budget.spend(len(items))
        return [item(at) for item in items]

    return run


def _comprehension(node: ast.ListComp) -> Run:
    element = meaning(node.elt)
    parts = [
        (part.target, meaning(part.iter), [meaning(condition) for condition in part.ifs])
        for part in node.generators
    ]

    def generate(at: Evaluation, k: int, result: list[Any]) -> None:
        if k == len(parts):
            at.budget.spend(1)
            result.append(element(at))
            return
        target, series, conditions = parts[k]
        for value in iterable(series(at)):
            _bind(at, target, value)
            if all(truth(condition(at)) for condition in conditions):
                generate(at, k + 1, result)

    def run(at: Evaluation) -> list[Any]:
        at.budget.step()
        result: list[Any] = []
        outside = dict(at.bound)
        generate(at, 0, result)
        at.bound = outside
        return result

    return run


def _bind(at: Evaluation, target: ast.expr, value: Any) -> None:
    if isinstance(target, ast.Name):
        at.bound[target.id] = value
        return
    assert isinstance(target, ast.Tuple)
    values = list(iterable(value))
    if len(values) != len(target.elts):
        raise FormulaError("E214", f"{len(values)} values for {len(target.elts)} names")
    for part, item in zip(target.elts, values, strict=True):
        _bind(at, part, item)


def _call(node: ast.Call) -> Run:
    assert isinstance(node.func, ast.Name)
    name, parts = node.func.id, [meaning(argument) for argument in node.args]
    function = FUNCTIONS[name]

    def run(at: Evaluation) -> Any:
        at.budget.step()
        arguments = [part(at) for part in parts]
        at.budget.step(sum(len(one) for one in arguments if isinstance(one, list)))
        if name != "given" and any(value is ABSENT for value in arguments):
            raise FormulaError(
                "E218", "an input that was not given is used", "ask first: given(name)"
            )
        try:
            if name == "range":
                return range_of(at.budget, *arguments)
            return bounded(function(*arguments))
        except (
            TypeError,
            ValueError,
            OverflowError,
            ZeroDivisionError,
            ArithmeticError,
            AttributeError,
        ) as error:
            shown = ", ".join(map(spoken, arguments))
            raise FormulaError("E214", f"{name}({shown}) has no value: {error}") from error

    return run


BINARY: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**",
}  # fmt: skip


UNARY = frozenset({ast.USub, ast.UAdd, ast.Not})


COMPARE: dict[type, Callable[[Any, Any, Budget], bool]] = {
    ast.Eq: equal,
    ast.NotEq: lambda a, b, budget: not equal(a, b, budget),
    ast.Lt: below,
    ast.Gt: lambda a, b, budget: below(b, a, budget),
    ast.LtE: lambda a, b, budget: not below(b, a, budget),
    ast.GtE: lambda a, b, budget: not below(a, b, budget),
    ast.In: within,
    ast.NotIn: lambda a, b, budget: not within(a, b, budget),
}


KINDS: dict[type, Callable[[Any], Run]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: lambda _: _fixed(None),  # reached through its subscript only
    ast.List: _items,
    ast.Tuple: _items,
    ast.ListComp: _comprehension,
    ast.Call: _call,
}
