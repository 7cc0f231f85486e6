"""Arithmetic, comparison, logic, choice and conversion of values."""

from __future__ import annotations

from archc.ir.types import FLOATING, TensorType
from archc.ops.sizes import broadcast
from archc_onnx.draft import Operand
from archc_onnx.line import At, Line, Lines
from archc_onnx.ops.single import clip, everywhere, node


def chain(op_type: str) -> Line:
    """The operator between the first two inputs, then with the next."""

    def line(at: At) -> Operand:
        result, *rest = at.all("inputs")
        for value in rest:
            result = at.binary(op_type, result, value)
        return result

    return line


def extreme(op_type: str) -> Line:
    """Max or Min, which take any number of inputs."""
    return lambda at: at.add(op_type, *at.all("inputs"), to=at.type)


def binary(op_type: str) -> Line:
    return lambda at: at.binary(op_type, at["a"], at["b"])


def floor_div(at: At) -> Operand:
    """ONNX's Div of whole numbers rounds towards 0: without its rest a number divides evenly.

    The same of others: of 0.7 / 0.1 the floor is 7 in single precision, and the rest nearly 0.1.
    """
    a, b = at["a"], at["b"]
    if a.type.dtype in FLOATING:
        return at.add("Round", at.binary("Div", at.binary("Sub", a, rest_of(at, a, b)), b))
    if a.type.dtype not in ("int32", "int64"):  # a difference might not fit into the type
        a, b = at.cast(a, "int32"), at.cast(b, "int32")
    rest = at.binary("Mod", a, b)
    return at.cast(at.binary("Div", at.binary("Sub", a, rest), b), at.type.dtype)


def mod(at: At) -> Operand:
    a, b = at["a"], at["b"]
    return rest_of(at, a, b) if a.type.dtype in FLOATING else at.binary("Mod", a, b)


def rest_of(at: At, a: Operand, b: Operand) -> Operand:
    """The rest of the divisor's sign, exact. ONNX's Mod gives it whole numbers alone.

    Of others its rest has the dividend's sign: where that is another, it is a divisor less.
    """
    type = TensorType(a.type.dtype, broadcast([a.type, b.type], ["a", "b"], at.op.name))
    rest = at.add("Mod", a, b, to=type, fmod=1)
    zero = at.like(0.0, a)
    is_other = at.binary("Less", at.binary("Mul", at.add("Sign", rest), at.add("Sign", b)), zero)
    return at.add("Where", is_other, at.binary("Add", rest, b), rest, to=type)


def square(at: At) -> Operand:
    return at.binary("Mul", at["x"], at["x"])


# ---- logic


def not_equal(at: At) -> Operand:
    return at.add("Not", at.binary("Equal", at["a"], at["b"]))


def where(at: At) -> Operand:
    return at.add("Where", at["condition"], at["a"], at["b"], to=at.type)


def cast(at: At) -> Operand:
    return at.cast(at["x"], at.op.to)


LINES: Lines = {
    "add": chain("Add"),
    "mul": chain("Mul"),
    "maximum": extreme("Max"),
    "minimum": extreme("Min"),
    "sub": binary("Sub"),
    "div": binary("Div"),
    "floor_div": floor_div,
    "mod": mod,
    "pow": binary("Pow"),
    "neg": node("Neg"),
    "abs": node("Abs"),
    "sign": node("Sign"),
    "square": square,
    "sqrt": node("Sqrt"),
    "reciprocal": node("Reciprocal"),
    "exp": node("Exp"),
    "log": node("Log"),
    "sin": node("Sin"),
    "cos": node("Cos"),
    "erf": node("Erf"),
    "floor": node("Floor"),
    "ceil": node("Ceil"),
    "round": node("Round"),
    "clamp": lambda at: clip(at, at.op.min, at.op.max),
    "zeros_like": lambda at: everywhere(at, 0.0),
    "ones_like": lambda at: everywhere(at, 1.0),
    "equal": binary("Equal"),
    "not_equal": not_equal,
    "less": binary("Less"),
    "less_equal": binary("LessOrEqual"),
    "greater": binary("Greater"),
    "greater_equal": binary("GreaterOrEqual"),
    "logical_and": chain("And"),
    "logical_or": chain("Or"),
    "logical_not": node("Not"),
    "where": where,
    "cast": cast,
}
