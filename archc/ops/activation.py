"""Activation functions of single values, those of torch.nn under the same names and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archc.init import Init
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import example
from archc.ops.kinds import Bool, Float, Int, Text
from archc.ops.pointwise import Pointwise
from archc.ops.site import Site, TypingError

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ops.build import Build, Term


class Identity(Pointwise):
    """`y = x`, of any type; the activation or edge that does nothing."""

    keeps_zero = True
    examples = (example("identity", x="[N, 3]"), example("identity", x="bool[N]"))

    def infer(self, at: Site) -> TensorType:
        return at["x"]

    def evaluate(self, *arrays: Array) -> Array:
        return arrays[0]


class Relu(Pointwise):
    """`y = max(x, 0)` (Nair and Hinton, 2010). Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("relu", x="[N, 3, T]"),)


class Relu6(Pointwise):
    """`y = min(max(x, 0), 6)` (Krizhevsky, 2010). Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("relu6", x="[N, 3] -9..9"),)


class LeakyRelu(Pointwise):
    """`y = x` where x > 0, else `slope·x` (Maas, Hannun and Ng, 2013). Shapes: x and y `[…]`."""

    keeps_zero = True
    slope = attr(Float(), 0.01, "factor of negative values", main=True)
    examples = (example("leaky_relu: 0.2", x="[N, 3]"), example("leaky_relu", x="[N, 3]"))


class Prelu(Pointwise):
    """`y = x` where x > 0, else `weight·x` (He et al., 2015), as torch.nn.PReLU.

    Shapes: x and y `[…]`, weight `[num]`, 0.25 at first: one slope for all, or one for each channel
    (axis 1).
    """

    keeps_zero = True
    weights = ("weight",)
    num = attr(Int(1), 1, "how many slopes: 1, or the number of channels", main=True)
    examples = (example("prelu", x="[N, 3, T]"), example("prelu: 3", x="[N, 3, H, W]"))

    def infer(self, at: Site) -> TensorType:
        x = at.floating()
        if self.num > 1:
            at.least_rank("x", 2)
            if x.dims[1] != self.num:
                raise TypingError(
                    "E304", f"prelu has {self.num} slopes for {x.dims[1]} channels", about="num",
                    help="write prelu: =prev.channels",
                )  # fmt: skip
        at.weight("weight", (self.num,), Init("constant", (0.25,)), x.dtype)
        return x


class Elu(Pointwise):
    """`y = x` where x > 0, else `alpha·(exp(x) - 1)` (Clevert et al., 2016). Shapes: x, y `[…]`."""

    keeps_zero = True
    alpha = attr(Float(), 1.0, "the limit for negative values is -alpha", main=True)
    examples = (example("elu", x="[N, 3]"), example("elu: 0.5", x="[N, 3]"))


class Selu(Pointwise):
    """`y = scale·(max(0, x) + min(0, alpha·(exp(x) - 1)))` (Klambauer et al., 2017).

    alpha = 1.6732632423543772, scale = 1.0507009873554805. Shapes: x and y `[…]`.
    """

    keeps_zero = True
    examples = (example("selu", x="[N, 3]"),)


class Celu(Pointwise):
    """`y = max(0, x) + min(0, alpha·(exp(x/alpha) - 1))` (Barron, 2017). Shapes: x and y `[…]`."""

    alpha = attr(Float(), 1.0, "the limit for negative values is -alpha", main=True)
    examples = (example("celu", x="[N, 3]"), example("celu: 0.5", x="[N, 3]"))


class Gelu(Pointwise):
    """`y = x·Φ(x)`, Φ the normal distribution (Hendrycks and Gimpel, 2016). Shapes: x, y `[…]`.

    `tanh` stands for `0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`, as GPT-2 has it.
    """

    keeps_zero = True
    approximate = attr(Text(("none", "tanh")), "none", "exact, or by tanh", main=True)
    examples = (example("gelu", x="[N, T, 3]"), example("gelu: tanh", x="[N, 3]"))


class Sigmoid(Pointwise):
    """`y = 1 / (1 + exp(-x))`. Shapes: x and y `[…]`."""

    examples = (example("sigmoid", x="[N, 3]"),)


class HardSigmoid(Pointwise):
    """`y = min(max(x/6 + 1/2, 0), 1)`, as torch.nn.Hardsigmoid; ONNX's default slope is 1/5.

    Shapes: x and y `[…]`.
    """

    examples = (example("hard_sigmoid", x="[N, 3] -5..5"),)


class Silu(Pointwise):
    """`y = x·sigmoid(x)` (Elfwing, Uchibe and Doya, 2017). Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("silu", x="[N, 3]"),)


class Swish(Pointwise):
    """`y = x·sigmoid(beta·x)` (Ramachandran, Zoph and Le, 2017).

    Shapes: x and y `[…]`, beta, where it is learned, a weight `[]` that starts at the attribute.
    """

    keeps_zero = True
    weights = ("beta",)
    # A number with a say in a weight's initial value is part of what the op is: it is `shaping`.
    beta = attr(Float(shaping=True), 1.0, "factor within the sigmoid", main=True)
    learned = attr(Bool(), False, "train beta")
    examples = (
        example("swish", x="[N, 3]"),
        example("swish: 1.5", x="[N, 3]"),
        example("swish: {learned: true}", x="[N, 3]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.floating()
        if self.learned:
            at.weight("beta", (), Init("constant", (self.beta,)), x.dtype)
        return x

    def expand(self, build: Build, *terms: Term) -> Term:
        (x,) = terms
        beta = build.weight("beta") if self.learned else self.beta
        return build.op("mul", x, build.op("sigmoid", build.op("mul", x, beta)))


class HardSwish(Pointwise):
    """`y = x·min(max(x + 3, 0), 6)/6` (Howard et al., 2019). Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("hard_swish", x="[N, 3] -5..5"),)


class Mish(Pointwise):
    """`y = x·tanh(log(1 + exp(x)))` (Misra, 2019). Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("mish", x="[N, 3]"),)


class Tanh(Pointwise):
    """`y = tanh(x)`. Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("tanh", x="[N, 3]"),)


class HardTanh(Pointwise):
    """`y = min(max(x, min), max)`, as torch.nn.Hardtanh. Shapes: x and y `[…]`."""

    min = attr(Float(), -1.0, "the least value")
    max = attr(Float(), 1.0, "the greatest value")
    examples = (
        example("hard_tanh", x="[N, 3] -2..2"),
        example("hard_tanh: {min: -0.5, max: 2.0}", x="[N, 3] -3..3"),
    )

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return self.min <= 0 <= self.max and all(zero)

    def expand(self, build: Build, *terms: Term) -> Term:
        return build.op("clamp", terms[0], min=self.min, max=self.max)


class Softplus(Pointwise):
    """`y = log(1 + exp(beta·x)) / beta`, and x itself where `beta·x > threshold`.

    As torch.nn.Softplus. Shapes: x and y `[…]`.
    """

    beta = attr(Float(), 1.0, "sharpness")
    threshold = attr(Float(), 20.0, "where the linear part begins, times 1/beta")
    examples = (
        example("softplus", x="[N, 3]"),
        example("softplus: {beta: 2.0, threshold: 1.0}", x="[N, 3]"),
    )


class Softsign(Pointwise):
    """`y = x / (1 + |x|)`. Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("softsign", x="[N, 3]"),)


class Softshrink(Pointwise):
    """`y = x - sign(x)·threshold` where |x| > threshold, else 0, as torch.nn.Softshrink.

    Shapes: x and y `[…]`.
    """

    keeps_zero = True
    threshold = attr(
        Float(0), 0.5, "what values are moved towards 0 by (PyTorch's lambd)", main=True
    )
    examples = (
        example("softshrink", x="[N, 3] -2..2"),
        example("softshrink: 1.0", x="[N, 3] -2..2"),
    )


class Hardshrink(Pointwise):
    """`y = x` where |x| > threshold, else 0, as torch.nn.Hardshrink. Shapes: x and y `[…]`."""

    keeps_zero = True
    threshold = attr(Float(0), 0.5, "what values must exceed (PyTorch's lambd)", main=True)
    examples = (
        example("hardshrink", x="[N, 3] -2..2"),
        example("hardshrink: 1.0", x="[N, 3] -2..2"),
    )


class Tanhshrink(Pointwise):
    """`y = x - tanh(x)`. Shapes: x and y `[…]`."""

    keeps_zero = True
    examples = (example("tanhshrink", x="[N, 3]"),)

    def expand(self, build: Build, *terms: Term) -> Term:
        return build.op("sub", terms[0], build.op("tanh", terms[0]))


class Threshold(Pointwise):
    """`y = x` where x > threshold, else `value`, as torch.nn.Threshold. Shapes: x and y `[…]`."""

    threshold = attr(Float(), doc="what values must exceed", main=True)
    value = attr(Float(), 0.0, "what the others become")
    examples = (
        example("threshold: 0.2", x="[N, 3]"),
        example("threshold: {threshold: -0.5, value: 3.0}", x="[N, 3]"),
    )

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return all(zero) and (self.value == 0 or self.threshold < 0)

    def expand(self, build: Build, *terms: Term) -> Term:
        (x,) = terms
        return build.op("where", build.op("greater", x, self.threshold), x, self.value)


class LogSigmoid(Pointwise):
    """`y = log(1 / (1 + exp(-x)))`. Shapes: x and y `[…]`."""

    examples = (example("log_sigmoid", x="[N, 3]"),)

    def expand(self, build: Build, *terms: Term) -> Term:
        return build.op("neg", build.op("softplus", build.op("neg", terms[0])))
