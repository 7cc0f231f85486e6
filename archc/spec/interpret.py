"""The interpreter of formulas: a walk over Python's syntax tree, kind by kind."""

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


CONSTANTS = {"true": True, "false": False}  # as YAML writes them


class Evaluation:
    """One evaluation of one formula; `bound` holds what its comprehensions bind."""

    def __init__(self, lookup: Lookup, budget: Budget) -> None:
        self.lookup, self.budget = lookup, budget
        self.bound: dict[str, Any] = {}

    def of(self, node: ast.expr) -> Any:
        self.budget.step()
        return EVALUATE[type(node)](self, node)

    def name(self, node: ast.Name) -> Any:
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        value = self.bound[node.id] if node.id in self.bound else self.lookup(node.id)
        if isinstance(value, Argument):
            raise NeedsValue(value)
        return value

    def constant(self, node: ast.Constant) -> Any:
        return bounded(node.value)

    def binary(self, node: ast.BinOp) -> Any:
        return arithmetic(
            BINARY[type(node.op)], self.of(node.left), self.of(node.right), self.budget
        )

    def unary(self, node: ast.UnaryOp) -> Any:
        value = self.of(node.operand)
        if isinstance(node.op, ast.Not):
            return not truth(value)
        if not isinstance(value, int | float | Dim) or isinstance(value, bool):
            raise FormulaError("E214", f"{spoken(value)} has no sign")
        return -value if isinstance(node.op, ast.USub) else value

    def boolean(self, node: ast.BoolOp) -> Any:
        stop_at = isinstance(node.op, ast.Or)
        value: Any = None
        for part in node.values:
            value = self.of(part)
            if truth(value) is stop_at:
                return value
        return value

    def compare(self, node: ast.Compare) -> bool:
        left = self.of(node.left)
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.of(part)
            if not COMPARE[type(op)](left, right, self.budget):
                return False
            left = right
        return True

    def conditional(self, node: ast.IfExp) -> Any:
        return self.of(node.body if truth(self.of(node.test)) else node.orelse)

    def attribute(self, node: ast.Attribute) -> Any:
        value = self.of(node.value)
        if isinstance(value, dict):
            return item_at(value, node.attr)
        if isinstance(value, Facts):
            return value.fact(node.attr)
        raise FormulaError("E214", f"{spoken(value)} has no '.{node.attr}'")

    def subscript(self, node: ast.Subscript) -> Any:
        value = self.of(node.value)
        if isinstance(node.slice, ast.Slice):
            if not isinstance(value, list | tuple | str):
                raise FormulaError("E214", f"{spoken(value)} cannot be sliced")
            parts = [
                self.of(p) if p else None
                for p in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            if not all(part is None or isinstance(part, int) for part in parts) or parts[2] == 0:
                raise FormulaError("E214", "a slice is of whole numbers")
            cut = value[slice(*parts)]
            self.budget.spend(len(cut))
            return cut
        return item_at(value, self.of(node.slice))

    def items(self, node: ast.List | ast.Tuple) -> list[Any]:
        self.budget.spend(len(node.elts))
        return [self.of(item) for item in node.elts]

    def comprehension(self, node: ast.ListComp) -> list[Any]:
        result: list[Any] = []
        outside = dict(self.bound)
        self._generate(node, 0, result)
        self.bound = outside
        return result

    def _generate(self, node: ast.ListComp, at: int, result: list[Any]) -> None:
        if at == len(node.generators):
            self.budget.spend(1)
            result.append(self.of(node.elt))
            return
        part = node.generators[at]
        for value in iterable(self.of(part.iter)):
            self._bind(part.target, value)
            if all(truth(self.of(condition)) for condition in part.ifs):
                self._generate(node, at + 1, result)

    def _bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.bound[target.id] = value
            return
        assert isinstance(target, ast.Tuple)
        values = list(iterable(value))
        if len(values) != len(target.elts):
            raise FormulaError("E214", f"{len(values)} values for {len(target.elts)} names")
        for part, item in zip(target.elts, values, strict=True):
            self._bind(part, item)

    def call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        arguments = [self.of(argument) for argument in node.args]
        function = FUNCTIONS[node.func.id]
        self.budget.step(sum(len(one) for one in arguments if isinstance(one, list)))
        if node.func.id != "given" and any(value is ABSENT for value in arguments):
            raise FormulaError(
                "E218", "an input that was not given is used", "ask first: given(name)"
            )
        try:
            if node.func.id == "range":
                return range_of(self.budget, *arguments)
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
            raise FormulaError("E214", f"{node.func.id}({shown}) has no value: {error}") from error


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


EVALUATE: dict[type, Callable[[Evaluation, Any], Any]] = {
    ast.Name: Evaluation.name,
    ast.Constant: Evaluation.constant,
    ast.BinOp: Evaluation.binary,
    ast.UnaryOp: Evaluation.unary,
    ast.BoolOp: Evaluation.boolean,
    ast.Compare: Evaluation.compare,
    ast.IfExp: Evaluation.conditional,
    ast.Attribute: Evaluation.attribute,
    ast.Subscript: Evaluation.subscript,
    ast.Slice: lambda _e, _n: None,  # reached through its subscript only
    ast.List: Evaluation.items,
    ast.Tuple: Evaluation.items,
    ast.ListComp: Evaluation.comprehension,
    ast.Call: Evaluation.call,
}
