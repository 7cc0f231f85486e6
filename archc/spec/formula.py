"""Formulas: a small, pure subset of Python expressions over numbers, strings, lists, records and symbolic sizes.

A formula is parsed with Python's own parser after its size is bounded, checked against a whitelist of node kinds,
and interpreted here; nothing is ever compiled or executed. Every evaluation spends from a budget, so a hostile
formula ends in an error and not in a full memory.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from archc.ir.dims import Dim, Size, differ, largest, lower_bound, smallest

MAX_LENGTH = 4000
MAX_NESTING = 40
MAX_MAGNITUDE = 2**63 - 1
MAX_TEXT = 10_000


class FormulaError(Exception):
    """What is wrong with a formula: a diagnostic's code, message and help, without its place."""

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help


class Undecided(FormulaError):
    """A question about symbolic sizes that has no single answer."""

    def __init__(self, question: str) -> None:
        super().__init__(
            "E217", f"{question} cannot be decided: it depends on symbolic dimensions",
            "give the dimension a number, or move the decision to a parameter",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Argument:
    """A block's parameter that only passes through, so that it need not tell definitions apart."""

    name: str
    value: float
    owner: object


class NeedsValue(Exception):
    """A formula computes with an `Argument`: its value does tell definitions apart."""

    def __init__(self, argument: Argument) -> None:
        super().__init__(argument.name)
        self.argument = argument


class Absent:
    """An optional input that was not given."""


ABSENT = Absent()


@runtime_checkable
class Facts(Protocol):
    """A value in scope, which a formula may ask for `shape`, `channels`, `features`, `rank` and `dtype`."""

    def fact(self, name: str) -> object: ...


class Budget:
    """What all formulas of one compilation may spend: evaluation steps and created items."""

    def __init__(self, steps: int = 1_500_000, items: int = 3_000_000) -> None:
        self.steps, self.items = steps, items

    def spend(self, items: int) -> None:
        self.items -= items
        if self.items < 0:
            raise FormulaError("E216", "formulas create too many items")


@dataclass(frozen=True, slots=True)
class Formula:
    """A checked expression; `names` are the free names it may ask for, `bound` those its comprehensions bind."""

    text: str
    tree: ast.expr
    names: frozenset[str]
    bound: frozenset[str] = frozenset()


Lookup = Callable[[str], Any]


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
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it cannot be parsed"
        raise FormulaError("E213", f"not a formula: {reason}", "a formula is a Python expression") from error
    _check(tree, 0)
    bound = frozenset(name for part in ast.walk(tree) if isinstance(part, ast.comprehension) for name in _targets(part))
    return Formula(text, tree, _free(tree), bound)


def _targets(part: ast.comprehension) -> set[str]:
    return {name.id for name in ast.walk(part.target) if isinstance(name, ast.Name)}


def _free(node: ast.AST) -> frozenset[str]:
    """The names whose values come from outside the expression; a called function's name is none."""
    match node:
        case ast.Name(id=name):
            return frozenset({name})
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
    if kind not in _EVALUATE:
        raise FormulaError("E213", f"a formula has no {_spoken(kind)}", "see: archc explain formulas")
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
    if isinstance(node, ast.BinOp) and type(node.op) not in _BINARY:
        raise FormulaError("E213", f"a formula has no {_spoken(type(node.op))}")
    if isinstance(node, ast.UnaryOp) and type(node.op) not in _UNARY:
        raise FormulaError("E213", f"a formula has no {_spoken(type(node.op))}")
    if isinstance(node, ast.Compare) and not all(type(op) in _COMPARE for op in node.ops):
        raise FormulaError("E213", "a formula compares with == != < <= > >= and in")


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        from archc.errors import did_you_mean

        called = ast.unparse(node.func)[:60]
        raise FormulaError("E213", f"a formula has no function '{called}'", did_you_mean(called, FUNCTIONS))
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


def _spoken(kind: type) -> str:
    return {"Lambda": "lambda", "JoinedStr": "f-string", "Dict": "record literal"}.get(kind.__name__, kind.__name__)


def evaluate(formula: Formula, lookup: Lookup, budget: Budget) -> Any:
    """The formula's value. Raises FormulaError; an `Argument` comes back only if it is the whole formula."""
    if isinstance(formula.tree, ast.Name):
        return lookup(formula.tree.id)
    value = _Evaluation(lookup, budget).of(formula.tree)
    if isinstance(value, float) and not math.isfinite(value):
        raise FormulaError("E214", "the formula's value is not finite")
    return value


class _Evaluation:
    def __init__(self, lookup: Lookup, budget: Budget) -> None:
        self.lookup, self.budget = lookup, budget
        self.bound: dict[str, Any] = {}

    def of(self, node: ast.expr) -> Any:
        self.budget.steps -= 1
        if self.budget.steps < 0:
            raise FormulaError("E216", "formulas take too many steps")
        return _EVALUATE[type(node)](self, node)

    def name(self, node: ast.Name) -> Any:
        value = self.bound[node.id] if node.id in self.bound else self.lookup(node.id)
        if isinstance(value, Argument):
            raise NeedsValue(value)
        return value

    def constant(self, node: ast.Constant) -> Any:
        return _bounded(node.value)

    def binary(self, node: ast.BinOp) -> Any:
        return arithmetic(_BINARY[type(node.op)], self.of(node.left), self.of(node.right), self.budget)

    def unary(self, node: ast.UnaryOp) -> Any:
        value = self.of(node.operand)
        if isinstance(node.op, ast.Not):
            return not truth(value)
        if not isinstance(value, int | float | Dim) or isinstance(value, bool):
            raise FormulaError("E214", f"{_kind(value)} has no sign")
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
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True

    def conditional(self, node: ast.IfExp) -> Any:
        return self.of(node.body if truth(self.of(node.test)) else node.orelse)

    def attribute(self, node: ast.Attribute) -> Any:
        value = self.of(node.value)
        if isinstance(value, dict):
            return _item(value, node.attr)
        if isinstance(value, Facts):
            return value.fact(node.attr)
        raise FormulaError("E214", f"{_kind(value)} has no '.{node.attr}'")

    def subscript(self, node: ast.Subscript) -> Any:
        value = self.of(node.value)
        if isinstance(node.slice, ast.Slice):
            if not isinstance(value, list | tuple | str):
                raise FormulaError("E214", f"{_kind(value)} cannot be sliced")
            parts = [self.of(p) if p else None for p in (node.slice.lower, node.slice.upper, node.slice.step)]
            if not all(part is None or isinstance(part, int) for part in parts) or parts[2] == 0:
                raise FormulaError("E214", "a slice is of whole numbers")
            cut = value[slice(*parts)]
            self.budget.spend(len(cut))
            return cut
        return _item(value, self.of(node.slice))

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
        for value in _iterable(self.of(part.iter)):
            self._bind(part.target, value)
            if all(truth(self.of(condition)) for condition in part.ifs):
                self._generate(node, at + 1, result)

    def _bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.bound[target.id] = value
            return
        assert isinstance(target, ast.Tuple)
        values = list(_iterable(value))
        if len(values) != len(target.elts):
            raise FormulaError("E214", f"{len(values)} values for {len(target.elts)} names")
        for part, item in zip(target.elts, values, strict=True):
            self._bind(part, item)

    def call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        arguments = [self.of(argument) for argument in node.args]
        function = FUNCTIONS[node.func.id]
        if node.func.id != "given" and any(value is ABSENT for value in arguments):
            raise FormulaError("E218", "an input that was not given is used", "ask first: given(name)")
        try:
            if node.func.id == "range":
                return _range(self.budget, *arguments)
            return _bounded(function(*arguments))
        except (TypeError, ValueError, OverflowError, ZeroDivisionError, ArithmeticError, AttributeError) as error:
            shown = ", ".join(map(_kind, arguments))
            raise FormulaError("E214", f"{node.func.id}({shown}) has no value: {error}") from error


def truth(value: Any) -> bool:
    """The value as a condition; a symbolic size counts as true where it is known not to be 0."""
    if value is ABSENT:
        raise FormulaError("E218", "an input that was not given is used", "ask first: given(name)")
    if isinstance(value, Dim):
        if differ(value, 0):
            return True
        raise Undecided(f"whether {value} is 0")
    return bool(value)


def _kind(value: Any) -> str:
    if value is ABSENT:
        return "an input that was not given"
    if isinstance(value, Facts):
        return "a tensor"
    names: dict[type, str] = {dict: "a record", list: "a list", str: "a string", bool: "a bool", Dim: "a symbolic size"}
    return names.get(type(value)) or (f"{value}" if isinstance(value, int | float) else type(value).__name__)


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_MAGNITUDE:
        raise FormulaError("E216", "a number is beyond 64 bits")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise FormulaError("E216", f"a string is longer than {MAX_TEXT} characters")
    return value


def arithmetic(op: str, a: Any, b: Any, budget: Budget) -> Any:
    """`a op b`, exact for integers and symbolic sizes, bounded in magnitude and length."""
    if type(a) is int and type(b) is int and op in ("+", "-", "*"):  # most formulas; the rest is the general case
        return _bounded(_OPERATORS[op](a, b))
    if a is ABSENT or b is ABSENT:
        raise FormulaError("E218", "an input that was not given is used", "ask first: given(name)")
    if op == "+" and ((isinstance(a, str) and isinstance(b, str)) or (isinstance(a, list) and isinstance(b, list))):
        budget.spend(len(a) + len(b))
        return _bounded(a + b)
    if op == "*" and isinstance(a, list | str) and isinstance(b, int):
        if isinstance(a, str) and len(a) * b > MAX_TEXT:
            raise FormulaError("E216", f"a string is longer than {MAX_TEXT} characters")
        budget.spend(len(a) * max(0, b))
        return a * b
    for value in (a, b):
        if not isinstance(value, int | float | Dim) or isinstance(value, bool):
            raise FormulaError("E214", f"'{op}' does not work on {_kind(a)} and {_kind(b)}")
    if isinstance(a, Dim) or isinstance(b, Dim):
        return _symbolic(op, a, b)
    if op == "**" and isinstance(a, int) and isinstance(b, int) and abs(a) > 1 and abs(b) * a.bit_length() > 130:
        raise FormulaError("E216", "a number is beyond 64 bits")
    try:
        value = _OPERATORS[op](a, b)
    except ZeroDivisionError as error:
        raise FormulaError("E214", "division by zero") from error
    except OverflowError as error:
        raise FormulaError("E216", "a number is too large") from error
    if isinstance(value, complex):
        raise FormulaError("E214", "the root of a negative number")
    return _bounded(value)


def _symbolic(op: str, a: Any, b: Any) -> Size:
    if isinstance(a, float) or isinstance(b, float) or op == "/":
        raise FormulaError(
            "E217", f"'{op}' makes a fraction of a symbolic size",
            "sizes stay exact with + - * // % and whole numbers",
        )  # fmt: skip
    if op == "**":
        if not isinstance(b, int) or not 0 <= b <= 8:
            raise FormulaError("E217", "a symbolic size is raised to powers from 0 to 8 only")
        return a**b  # type: ignore[no-any-return]
    try:
        value: Size = _OPERATORS[op](a, b)
    except ZeroDivisionError as error:
        raise FormulaError("E214", "division by zero") from error
    if isinstance(value, Dim) and len(value.terms) > 64:
        raise FormulaError("E216", "a symbolic size has more than 64 terms")
    return value


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Dim | int | float) and isinstance(b, Dim | int | float):
        if (isinstance(a, Dim) or isinstance(b, Dim)) and not isinstance(a, float) and not isinstance(b, float):
            if a == b:
                return True
            if differ(a, b):
                return False
            raise Undecided(f"whether {a} equals {b}")
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)


def _below(a: Any, b: Any) -> bool:
    if isinstance(a, Dim) or isinstance(b, Dim):
        if isinstance(a, int | Dim) and isinstance(b, int | Dim):
            gap, back = lower_bound(b - a), lower_bound(a - b)
            if gap is not None and gap > 0:
                return True
            if back is not None and back >= 0:
                return False
        raise Undecided(f"whether {a} is below {b}")
    if isinstance(a, int | float) and isinstance(b, int | float) or isinstance(a, str) and isinstance(b, str):
        return bool(a < b)
    raise FormulaError("E214", f"{_kind(a)} and {_kind(b)} have no order")


def _within(a: Any, b: Any) -> bool:
    if isinstance(b, str):
        if not isinstance(a, str):
            raise FormulaError("E214", f"{_kind(a)} is not looked for in a string")
        return a in b
    return any(_equal(a, item) for item in _iterable(b))


def _iterable(value: Any) -> list[Any] | str:
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list | str):
        return value
    if isinstance(value, tuple):
        return list(value)
    raise FormulaError("E214", f"{_kind(value)} is not a list")


def _item(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        if key not in value:
            from archc.errors import did_you_mean

            raise FormulaError("E214", f"the record has no '{key}'", did_you_mean(str(key), map(str, value)))
        return value[key]
    if isinstance(value, list | tuple | str) and isinstance(key, int) and not isinstance(key, bool):
        if not -len(value) <= key < len(value):
            raise FormulaError("E214", f"there is no item {key} in a list of {len(value)}")
        return value[key]
    raise FormulaError("E214", f"{_kind(value)} has no item {_kind(key)}")


def _range(budget: Budget, *arguments: Any) -> list[int]:
    if not 1 <= len(arguments) <= 3:
        raise TypeError("range takes one to three whole numbers")
    if any(isinstance(value, Dim) for value in arguments):
        raise Undecided("the length of this range")
    if not all(isinstance(value, int) for value in arguments):
        raise TypeError("range takes whole numbers")
    numbers = range(*arguments)
    budget.spend(len(numbers))
    return list(numbers)


def _length(value: Any) -> int:
    return len(_iterable(value))


def _largest(*values: Any) -> Any:
    return _extreme(values, largest, max)


def _smallest(*values: Any) -> Any:
    return _extreme(values, smallest, min)


def _extreme(values: tuple[Any, ...], exact: Callable[[Any], Size], plainly: Callable[[Any], Any]) -> Any:
    items = list(_iterable(values[0])) if len(values) == 1 else list(values)
    if any(isinstance(item, Dim) for item in items):
        return exact(items)
    return plainly(items)


def _total(values: Any) -> Any:
    result: Any = 0
    for value in _iterable(values):
        if not isinstance(value, int | float | Dim):
            raise TypeError(f"{_kind(value)} cannot be added up")
        result = result + value
    return result


def _whole(rounded: Callable[[Any], int]) -> Callable[[Any], Size]:
    def function(value: Any) -> Size:
        return value if isinstance(value, Dim) else rounded(value)

    return function


def _number(value: Any) -> Any:
    if isinstance(value, Dim):
        raise Undecided(f"the number {value}")
    return value


def _float(value: Any) -> float:
    return float(_number(value))


def _string(value: Any) -> str:
    if not isinstance(value, int | float | str | Dim):
        raise TypeError(f"{_kind(value)} has no text")
    return str(value)


def divisible(value: Any, divisor: Any) -> int:
    """The multiple of `divisor` nearest `value`, at least `divisor`, raised if below 0.9 of `value`.

    The rounding of the MobileNet papers' reference code, used by EfficientNet too.
    """
    if not isinstance(divisor, int) or divisor < 1:
        raise TypeError("the divisor is a positive whole number")
    nearest = max(divisor, int(_number(value) + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * value else nearest


def _given(value: Any) -> bool:
    return value is not ABSENT


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": _smallest, "max": _largest, "abs": lambda v: abs(_number(v)),
    "ceil": _whole(math.ceil), "floor": _whole(math.floor),
    "round": _whole(round), "int": _whole(int),
    "float": _float, "str": _string, "bool": truth,
    "len": _length, "range": _range, "sum": _total,
    "sqrt": lambda v: math.sqrt(_number(v)), "log2": lambda v: math.log2(_number(v)),
    "log": lambda v: math.log(_number(v)), "exp": lambda v: math.exp(_number(v)),
    "sin": lambda v: math.sin(_number(v)), "cos": lambda v: math.cos(_number(v)),
    "given": _given, "divisible": divisible,
}  # fmt: skip

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow,
}  # fmt: skip
_BINARY: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
}  # fmt: skip
_UNARY = frozenset({ast.USub, ast.UAdd, ast.Not})
_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: not _equal(a, b),
    ast.Lt: _below,
    ast.Gt: lambda a, b: _below(b, a),
    ast.LtE: lambda a, b: not _below(b, a),
    ast.GtE: lambda a, b: not _below(a, b),
    ast.In: _within,
    ast.NotIn: lambda a, b: not _within(a, b),
}
_EVALUATE: dict[type, Callable[[_Evaluation, Any], Any]] = {
    ast.Name: _Evaluation.name,
    ast.Constant: _Evaluation.constant,
    ast.BinOp: _Evaluation.binary,
    ast.UnaryOp: _Evaluation.unary,
    ast.BoolOp: _Evaluation.boolean,
    ast.Compare: _Evaluation.compare,
    ast.IfExp: _Evaluation.conditional,
    ast.Attribute: _Evaluation.attribute,
    ast.Subscript: _Evaluation.subscript,
    ast.Slice: lambda _e, _n: None,  # reached through its subscript only
    ast.List: _Evaluation.items,
    ast.Tuple: _Evaluation.items,
    ast.ListComp: _Evaluation.comprehension,
    ast.Call: _Evaluation.call,
}
