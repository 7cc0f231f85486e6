"""Losses: what training makes small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.ir.types import FLOATING, TensorType
from archc.ops.attributes import attr
from archc.ops.base import Input, Op, example
from archc.ops.kinds import Float, Text
from archc.ops.site import Site, TypingError

if TYPE_CHECKING:
    from archc.ops.build import Build, Term

REDUCTIONS = ("mean", "sum", "none", "sum_per_item")


class Loss(Op):
    """A loss of single values, and how they become one number: their mean unless told otherwise."""

    reduction = attr(
        Text(REDUCTIONS),
        "mean",
        "of all values; `sum_per_item` sums within an item of the batch and takes their mean",
    )

    def reduced(self, x: TensorType) -> TensorType:
        """The type of the values' reduction."""
        return x if self.reduction == "none" else x.with_dims(())

    def reduce(self, build: Build, values: Term) -> Term:
        if self.reduction == "none":
            return values
        if self.reduction == "sum_per_item":
            if values.type.rank > 1:
                values = build.op("sum", values, axes=list(range(1, values.type.rank)))
            return build.op("mean", values)
        return build.op(self.reduction, values)


class _Distance(Loss):
    """A loss between values and what they should be, position by position."""

    inputs = (Input("x"), Input("target"))

    def infer(self, at: Site) -> TensorType:
        at.matching("x", "target")
        x, target = at.floating("x"), at["target"]
        if target.rank and x.dims != target.dims:
            raise TypingError(
                "E301", f"{self.name}: the values and the target differ in shape", about="inputs",
                label="both have the same shape, or the target is a number",
            )  # fmt: skip
        return self.reduced(x)

    def each(self, build: Build, x: Term, target: Term) -> Term:
        """The loss of every position."""
        raise TypeError(f"the loss {self.name} has no formula")

    def expand(self, build: Build, *terms: Term) -> Term:
        return self.reduce(build, self.each(build, *terms))


class Mse(_Distance):
    """`(x - target)²`, the squared error. Shapes: x and target `[…]`, or target a number."""

    examples = (
        example("mse", x="[N, 3]", target="[N, 3]"),
        example("mse: {reduction: sum_per_item}", x="[N, 3, 2]", target="[N, 3, 2]"),
        example("mse: {reduction: none}", x="[N, 3]", target="[]"),
    )

    def each(self, build: Build, x: Term, target: Term) -> Term:
        return build.op("square", build.op("sub", x, target))


class L1(_Distance):
    """`|x - target|`, the absolute error.

    The loss of cycles and identities, too: what came back, and what it was (Zhu et al., 2017).
    Shapes: x and target `[…]`, or target a number.
    """

    name = "l1"
    examples = (
        example("l1", x="[N, 3]", target="[N, 3]"),
        example("l1: {reduction: sum}", x="[N, 3]", target="[N, 3]"),
    )

    def each(self, build: Build, x: Term, target: Term) -> Term:
        return build.op("abs", build.op("sub", x, target))


class Huber(_Distance):
    """`d²/2` where `d = |x - target|` is at most delta, else `delta·(d - delta/2)` (Huber, 1964).

    Shapes: x and target `[…]`, or target a number.
    """

    delta = attr(Float(0), 1.0, "where the square becomes a line", main=True)
    examples = (
        example("huber", x="[N, 3]", target="[N, 3]"),
        example("huber: 0.5", x="[N, 3]", target="[N, 3]"),
        example("huber: {reduction: sum_per_item}", x="[N, 3]", target="[]"),
    )

    def each(self, build: Build, x: Term, target: Term) -> Term:
        distance = build.op("abs", build.op("sub", x, target))
        near = build.op("minimum", distance, self.delta)
        square = build.op("mul", build.op("square", near), 0.5)
        return build.op("add", square, build.op("mul", build.op("sub", distance, near), self.delta))


class BinaryCrossEntropyWithLogits(_Distance):
    """`log(1 + exp(x)) - target·x`: the cross-entropy of a target from 0 to 1 with sigmoid(x).

    As torch.nn.BCEWithLogitsLoss, and written so that no exponential overflows:
    `max(x, 0) - target·x + log(1 + exp(-|x|))`. Shapes: x and target `[…]`, or target a number.
    """

    examples = (
        example("binary_cross_entropy_with_logits", x="[N, 3]", target="[N, 3] 0..1"),
        example(
            "binary_cross_entropy_with_logits: {reduction: sum_per_item}",
            x="[N, 3, 2]",
            target="[N, 3, 2] 0..1",
        ),
    )

    def each(self, build: Build, x: Term, target: Term) -> Term:
        linear = build.op("sub", build.op("relu", x), build.op("mul", x, target))
        rest = build.op("softplus", build.op("neg", build.op("abs", x)))
        return build.op("add", linear, rest)


class BinaryCrossEntropy(_Distance):
    """`-target·log(x) - (1 - target)·log(1 - x)` of probabilities, each logarithm at least -100.

    As torch.nn.BCELoss. Shapes: x and target `[…]`, or target a number.
    """

    examples = (
        example("binary_cross_entropy", x="[N, 3] 0.05..0.95", target="[N, 3] 0..1"),
        example("binary_cross_entropy: {reduction: sum}", x="[N] 0.05..0.95", target="[] 0..1"),
    )

    def each(self, build: Build, x: Term, target: Term) -> Term:
        yes = build.op("maximum", build.op("log", x), -100.0)
        no = build.op("maximum", build.op("log", build.op("sub", 1.0, x)), -100.0)
        first = build.op("mul", target, yes)
        second = build.op("mul", build.op("sub", 1.0, target), no)
        return build.op("neg", build.op("add", first, second))


class GaussianKl(Loss):
    """KL divergence of normal distributions from others, by default the standard normal one.

    With `log_var` the logarithm of the variance σ², each number's divergence is
    `½·(σ₁²/σ₂² + (μ₁ - μ₂)²/σ₂² - log(σ₁²/σ₂²) - 1)`, for the standard one
    `½·(σ² + μ² - log σ² - 1)`; summed within an item (Kingma and Welling, 2014, appendix B).
    Shapes: mean, log_var and those of the others `[N, …]`.
    """

    inputs = (
        Input("mean"), Input("log_var"), Input("mean2", optional=True),
        Input("log_var2", optional=True),
    )  # fmt: skip
    reduction = attr(Text(REDUCTIONS), "sum_per_item", "as of every loss")
    examples = (
        example("gaussian_kl", mean="[N, 4]", log_var="[N, 4]"),
        example("gaussian_kl", mean="[N, 4]", log_var="[N, 4]", mean2="[N, 4]", log_var2="[N, 4]"),
        example("gaussian_kl: {reduction: none}", mean="[N, 4]", log_var="[N, 4]"),
    )

    def infer(self, at: Site) -> TensorType:
        at.matching("mean", "log_var", "mean2", "log_var2")
        mean = at.floating("mean")
        if (at.optional("mean2") is None) != (at.optional("log_var2") is None):
            raise TypingError("E307", "gaussian_kl takes both of mean2 and log_var2, or neither")
        given = [at.optional(name) for name in ("log_var", "mean2", "log_var2")]
        if any(one is not None and one.dims != mean.dims for one in given):
            raise TypingError(
                "E301", "gaussian_kl: the shapes differ", about="inputs", label="all have one shape"
            )
        return self.reduced(mean)

    def expand(self, build: Build, *terms: Term) -> Term:
        mean, log_var = terms[0], terms[1]
        if len(terms) > 2:
            mean, other = build.op("sub", mean, terms[2]), terms[3]
            log_var = build.op("sub", log_var, other)
            inverse = build.op("exp", build.op("mul", other, -0.5))  # of the deviation
            square = build.op("square", build.op("mul", mean, inverse))
        else:
            square = build.op("square", mean)
        spread = build.op("add", build.op("exp", log_var), square)
        twice = build.op("sub", build.op("sub", spread, log_var), 1.0)
        return self.reduce(build, build.op("mul", twice, 0.5))


class CosineDistance(Loss):
    """`1 - x·y / (|x|·|y|)` along the last axis, lengths at least 1e-8, as torch's similarity.

    Shapes: x and y `[…, C]`; with `reduction: none` the distances `[…]`.
    """

    inputs = (Input("x"), Input("y"))
    examples = (
        example("cosine_distance", x="[N, 4]", y="[N, 4]"),
        example("cosine_distance: {reduction: none}", x="[N, T, 4]", y="[N, T, 4]"),
    )

    def infer(self, at: Site) -> TensorType:
        at.matching("x", "y")
        x = at.least_rank("x", 1)
        at.floating()
        if x.dims != at["y"].dims:
            raise TypingError(
                "E301", "cosine_distance: the shapes differ", about="inputs",
                label="both have one shape",
            )  # fmt: skip
        return self.reduced(x.with_dims(x.dims[:-1]))

    def expand(self, build: Build, *terms: Term) -> Term:
        x, y = terms
        product = build.op("sum", build.op("mul", x, y), axes=[-1])
        lengths = [build.op("maximum", build.op("norm", one, axes=[-1]), 1e-8) for one in terms]
        cosine = build.op("div", product, build.op("mul", *lengths))
        return self.reduce(build, build.op("sub", 1.0, cosine))


class Adversarial(Loss):
    """What a judge's scores of true or made data cost the one who plays this role.

    Of a score d, before any sigmoid, the judge minimises the first two, on `real` and on `fake`
    data, and the `generator` the last: minimax `softplus(-d)`, `softplus(d)`, `-softplus(d)`;
    non_saturating the same but `softplus(-d)` for the generator (both Goodfellow et al., 2014);
    hinge `relu(1 - d)`, `relu(1 + d)`, `-d` (Lim and Ye, 2017); wasserstein `-d`, `d`, `-d`
    (Arjovsky et al., 2017); least_squares `(d - 1)²`, `d²`, `(d - 1)²` (Mao et al., 2017).
    Shapes: d `[…]`.
    """

    inputs = (Input("d"),)
    kind = attr(
        Text(("minimax", "non_saturating", "hinge", "wasserstein", "least_squares")),
        "non_saturating",
        "the game",
        main=True,
    )
    role = attr(Text(("real", "fake", "generator")), doc="who minimises it, on what")
    examples = (
        *(
            example(f"adversarial: {{kind: {kind}, role: {role}}}", d="[N, 1]")
            for kind in ("minimax", "non_saturating", "hinge", "wasserstein", "least_squares")
            for role in ("real", "fake", "generator")
        ),
        example("adversarial: {role: real, reduction: none}", d="[N, 1]"),
    )

    def infer(self, at: Site) -> TensorType:
        return self.reduced(at.floating("d"))

    def expand(self, build: Build, *terms: Term) -> Term:
        return self.reduce(build, self._each(build, terms[0]))

    def _each(self, build: Build, d: Term) -> Term:
        fake = self.role == "fake"
        signed = d if fake else build.op("neg", d)
        match self.kind:
            case "wasserstein":
                return signed
            case "hinge":
                if self.role == "generator":
                    return signed
                return build.op("relu", build.op("add", signed, 1.0))
            case "least_squares":
                return build.op("square", d if fake else build.op("sub", d, 1.0))
            case "minimax" if self.role == "generator":
                return build.op("neg", build.op("softplus", d))
        return build.op("softplus", signed)


class Penalty(Op):
    """The sum of all values' squares (l2) or magnitudes (l1): a penalty on weights, or on a code.

    A pattern names the trained weights of a model: `{penalty: l1, in: "net.*.weight"}`. As a term
    of a loss with the weight c, l2 pulls the weights as `weight_decay: =2*c` of plain SGD does
    (ridge, Hoerl and Kennard, 1970), and l1 makes many of them 0 (lasso, Tibshirani, 1996).
    Shapes: each value `[…]`, y `[]`.
    """

    inputs = (Input("inputs", variadic=True),)
    commutative = True
    kind = attr(Text(("l2", "l1")), "l2", "squares or magnitudes", main=True)
    examples = (
        example("penalty", inputs="[3, 4]; [5]"),
        example("penalty: l1", inputs="[N, 4]"),
    )

    def infer(self, at: Site) -> TensorType:
        at.matching("inputs")
        for value in at.all("inputs"):
            if value.dtype not in FLOATING:
                raise TypingError(
                    "E303", f"penalty: its values are floating, found {value}", about="inputs"
                )
        return at.all("inputs")[0].with_dims(())

    def expand(self, build: Build, *terms: Term) -> Term:
        name = "square" if self.kind == "l2" else "abs"
        sums = [build.op("sum", build.op(name, one)) for one in terms]
        return sums[0] if len(sums) == 1 else build.op("add", *sums)
