"""Ops on single values: activation functions, arithmetic, comparison, choice and conversion."""

from __future__ import annotations

from math import pi, sqrt
from typing import Final

from archc.ir.types import FLOATING
from archc_onnx.draft import Operand
from archc_onnx.line import At, Line, Lines


def node(op_type: str, **attributes: str) -> Line:
    """One node of that operator, whose attributes are the op's of these names."""

    def line(at: At) -> Operand:
        values = {name: getattr(at.op, own) for name, own in attributes.items()}
        return at.add(op_type, at["x"], **values)

    return line


def fixed(op_type: str, **attributes: float) -> Line:
    """One node of that operator with fixed attributes."""
    return lambda at: at.add(op_type, at["x"], **attributes)


def same(at: At) -> Operand:
    """The input itself."""
    return at["x"]


# ---- activation functions


def clip(at: At, low: float | None, high: float | None) -> Operand:
    """`min(max(x, low), high)`, what is None left out."""
    x = at["x"]
    bounds = [None if bound is None else at.like(bound, x) for bound in (low, high)]
    return at.add("Clip", x, *bounds)


def prelu(at: At) -> Operand:
    x, slope = at["x"], at.weight("weight")
    if at.op.num > 1 and x.type.rank > 2:  # a slope for each of axis 1
        slope = at.reshape(slope, (at.op.num, *(1,) * (x.type.rank - 2)), "slope")
    return at.add("PRelu", x, slope)


def celu(at: At) -> Operand:
    """`alpha·Elu(x / alpha)`: ONNX's Celu is for float32 alone, and onnxruntime's is no faster."""
    x = at["x"]
    if at.op.alpha == 1.0:
        return at.add("Elu", x)
    alpha = at.like(at.op.alpha, x)
    return at.binary("Mul", at.add("Elu", at.binary("Div", x, alpha)), alpha)


def gelu(at: At) -> Operand:
    """The exact one as onnxruntime fuses it at every opset, the other as a node where there is one.

    Written out in tanh it takes three times as long: nothing fuses it on a CPU.
    """
    x = at["x"]
    if at.op.approximate == "none":
        inner = at.add("Erf", at.binary("Div", x, at.like(sqrt(2.0), x)))
        whole = at.binary("Mul", x, at.binary("Add", inner, at.like(1.0, x)))
        return at.binary("Mul", whole, at.like(0.5, x))
    if at.emitter.target.limit >= 20:
        at.emitter.need(20)
        return at.add("Gelu", x, approximate="tanh")
    cube = at.binary("Mul", at.binary("Mul", at.binary("Mul", x, x), x), at.like(0.044715, x))
    angle = at.binary("Mul", at.binary("Add", x, cube), at.like(sqrt(2.0 / pi), x))
    whole = at.binary("Add", at.add("Tanh", angle), at.like(1.0, x))
    return at.binary("Mul", at.binary("Mul", x, at.like(0.5, x)), whole)


def swish(at: At) -> Operand:
    """`x·sigmoid(beta·x)`; onnxruntime has a kernel for both nodes together, and none for Swish."""
    x = at["x"]
    inner = x
    if at.op.learned:
        inner = at.binary("Mul", x, at.weight("beta"))
    elif at.op.beta != 1.0:
        inner = at.binary("Mul", x, at.like(at.op.beta, x))
    return at.binary("Mul", x, at.add("Sigmoid", inner))


def silu(at: At) -> Operand:
    return at.binary("Mul", at["x"], at.add("Sigmoid", at["x"]))


def hard_swish(at: At) -> Operand:
    """The two nodes that onnxruntime makes of HardSwish, for every element type."""
    inner = at.add("HardSigmoid", at["x"], alpha=1.0 / 6.0, beta=0.5)
    return at.binary("Mul", at["x"], inner)


def mish(at: At) -> Operand:
    x = at["x"]
    return at.binary("Mul", x, at.add("Tanh", at.add("Softplus", x)))


_FLAT: Final = 17.0  # from here on log(1 + exp(x)) is x in float32


def softplus(at: At) -> Operand:
    x, beta = at["x"], at.op.beta
    scaled = x if beta == 1.0 else at.binary("Mul", x, at.like(beta, x))
    y = at.add("Softplus", scaled)
    if beta != 1.0:
        y = at.binary("Div", y, at.like(beta, x))
    if at.op.threshold >= _FLAT:
        return y
    above = at.binary("Greater", scaled, at.like(at.op.threshold, x))
    return at.add("Where", above, x, y, to=x.type)


def shrink(bias: bool) -> Line:
    """X without what lies within the threshold; moved by it where `bias`."""

    def line(at: At) -> Operand:
        by = at.op.threshold
        return at.add("Shrink", at["x"], lambd=by, bias=by if bias else 0.0)

    return line


# ---- arithmetic


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
    """ONNX's Div of whole numbers rounds towards 0: without its rest a number divides evenly."""
    a, b = at["a"], at["b"]
    if a.type.dtype in FLOATING:
        return at.add("Floor", at.binary("Div", a, b))
    rest = at.binary("Mod", a, b)
    return at.binary("Div", at.binary("Sub", a, rest), b)


def mod(at: At) -> Operand:
    """ONNX's Mod has the divisor's sign for whole numbers, and is not there for others."""
    a, b = at["a"], at["b"]
    if a.type.dtype not in FLOATING:
        return at.binary("Mod", a, b)
    whole = at.add("Floor", at.binary("Div", a, b))
    return at.binary("Sub", a, at.binary("Mul", whole, b))


def square(at: At) -> Operand:
    return at.binary("Mul", at["x"], at["x"])


def neg(at: At) -> Operand:
    return at.add("Neg", at["x"])


def like(value: float) -> Line:
    """The number everywhere in x's shape."""

    def line(at: At) -> Operand:
        dims = at.type.dims
        if all(isinstance(dim, int) for dim in dims):
            return at.filled(value, at.type)
        return at.add(
            "ConstantOfShape", at.emitter.shape(dims), to=at.type,
            value=at.one(value, at.type.dtype),
        )  # fmt: skip

    return line


# ---- logic


def not_equal(at: At) -> Operand:
    return at.add("Not", at.binary("Equal", at["a"], at["b"]))


def where(at: At) -> Operand:
    return at.add("Where", at["condition"], at["a"], at["b"], to=at.type)


def cast(at: At) -> Operand:
    return at.cast(at["x"], at.op.to)


LINES: Lines = {
    "identity": same,
    "dropout": same,
    "drop_path": same,
    "relu": node("Relu"),
    "relu6": lambda at: clip(at, 0.0, 6.0),
    "leaky_relu": node("LeakyRelu", alpha="slope"),
    "prelu": prelu,
    "elu": node("Elu", alpha="alpha"),
    "selu": node("Selu"),
    "celu": celu,
    "gelu": gelu,
    "sigmoid": node("Sigmoid"),
    "hard_sigmoid": fixed("HardSigmoid", alpha=1.0 / 6.0, beta=0.5),
    "silu": silu,
    "swish": swish,
    "hard_swish": hard_swish,
    "mish": mish,
    "tanh": node("Tanh"),
    "hard_tanh": lambda at: clip(at, at.op.min, at.op.max),
    "softplus": softplus,
    "softsign": node("Softsign"),
    "softshrink": shrink(bias=True),
    "hardshrink": shrink(bias=False),
    "softmax": node("Softmax", axis="axis"),
    "log_softmax": node("LogSoftmax", axis="axis"),
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
    "zeros_like": like(0.0),
    "ones_like": like(1.0),
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
