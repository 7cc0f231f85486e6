"""Activation functions, and what does nothing at inference."""

from __future__ import annotations

from math import pi, sqrt
from typing import Final

from archc_onnx.draft import Operand
from archc_onnx.line import At, Line, Lines
from archc_onnx.ops.single import clip, fixed, node


def same(at: At) -> Operand:
    """The input itself."""
    return at["x"]


def prelu(at: At) -> Operand:
    x, slope = at["x"], at.weight("weight")
    if x.type.rank == 0:  # one slope would make an axis
        slope = at.reshape(slope, (), "slope")
    elif at.op.num > 1 and x.type.rank > 2:  # a slope for each of axis 1
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
    """The values without what lies within the threshold; moved by it where `bias`."""

    def line(at: At) -> Operand:
        by = at.op.threshold
        return at.add("Shrink", at["x"], lambd=by, bias=by if bias else 0.0)

    return line


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
}
