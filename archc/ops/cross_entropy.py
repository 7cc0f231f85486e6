"""The cross-entropy of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.ir.types import FLOATING, TensorType
from archc.ops.attributes import attr
from archc.ops.base import Input, example
from archc.ops.embedding import INDICES
from archc.ops.kinds import Float, Int, Optional
from archc.ops.loss import Loss
from archc.ops.site import Site, TypingError

if TYPE_CHECKING:
    from archc.ops.build import Build, Term


class CrossEntropy(Loss):
    """`-log softmax(x)[target]`: what the true class's logit lacks, as torch.nn.CrossEntropyLoss.

    Shapes: x `[N, C, …]`, target `[N, …]` of class numbers (int32, int64), or `[N, C, …]` of
    probabilities. The classes are axis 1, or the last where the target has the sizes of all others
    (`[N, T, C]` and `[N, T]`). With `smoothing` s the target is mixed with a uniform distribution,
    1 - s to s (Szegedy et al., 2016). Positions whose class is `ignore` count for nothing, and the
    mean is that of the others.
    """

    inputs = (Input("x"), Input("target", matched=False))
    axis = attr(Optional(Int()), None, "the axis of the classes, where the shapes do not tell")
    smoothing = attr(Float(0, 1), 0.0, "the share of the uniform distribution in the target")
    ignore = attr(Optional(Int()), None, "a class number that marks positions without a class")
    examples = (
        example("cross_entropy", x="[N, 5]", target="int64[N] 0..4"),
        example("cross_entropy: {smoothing: 0.1}", x="[N, T, 5]", target="int64[N, T] 0..4"),
        example("cross_entropy: {ignore: 0}", x="[N, T, 5]", target="int64[N, T] 0..4"),
        example("cross_entropy: {reduction: sum}", x="[N, 5, 3, 2]", target="int64[N, 3, 2] 0..4"),
        example("cross_entropy: {reduction: none}", x="[N, 5]", target="[N, 5] 0..1"),
        example(
            "cross_entropy: {reduction: sum_per_item}", x="[N, 3, 5]", target="int32[N, 3] 0..4"
        ),
        example(
            "cross_entropy: {axis: 1, ignore: 2, smoothing: 0.2, reduction: none}",
            x="[N, 4, 4]",
            target="int64[N, 4] 0..3",
        ),
    )

    def infer(self, at: Site) -> TensorType:
        x, target = at.least_rank("x", 2), at["target"]
        at.floating("x")
        axis = self.classes(at, x, target)
        rest = x.dims[:axis] + x.dims[axis + 1 :]
        if target.dtype not in (INDICES if target.rank < x.rank else FLOATING):
            raise TypingError(
                "E303", f"cross_entropy: the target is {target}", about="target",
                label=target.dtype,
                help="class numbers are int32 or int64, probabilities floating",
            )  # fmt: skip
        if target.dims != (rest if target.rank < x.rank else x.dims):
            raise TypingError(
                "E301", "cross_entropy: the target does not fit", about="target",
                label=f"expected {x.with_dims(rest).shape_text} of class numbers or {x.shape_text} "
                "of probabilities",
            )  # fmt: skip
        if target.rank == x.rank and self.ignore is not None:
            raise TypingError(
                "E207", "cross_entropy: 'ignore' is a class number, the target has probabilities",
                about="ignore",
            )  # fmt: skip
        return self.reduced(x.with_dims(rest))

    def classes(self, at: Site, x: TensorType, target: TensorType) -> int:
        """The axis of the classes, counted from 0."""
        return at.axis(self.axis, x.rank) if self.axis is not None else class_axis(x, target)

    def expand(self, build: Build, *terms: Term) -> Term:
        x, target = terms
        axis = class_axis(x.type, target.type) if self.axis is None else self.axis % x.type.rank
        order = [*(k for k in range(x.type.rank) if k != axis), axis]
        if axis != x.type.rank - 1:
            x = build.op("transpose", x, order=order)
        logs = build.op("log_softmax", x)
        kept: Term | None = None
        if target.type.rank == x.type.rank:
            wanted = target
            if axis != x.type.rank - 1:
                wanted = build.op("transpose", target, order=order)
        else:
            if self.ignore is not None:
                kept = build.op("not_equal", target, self.ignore)
                target = build.op("mul", target, build.op("cast", kept, to=target.type.dtype))
            wanted = build.op("one_hot", target, num=x.type.dims[-1], dtype=x.type.dtype)
        loss = build.op("neg", build.op("sum", build.op("mul", wanted, logs), axes=[-1]))
        if self.smoothing:
            spread = build.op("neg", build.op("mean", logs, axes=[-1]))
            loss = build.op("mul", loss, 1 - self.smoothing)
            loss = build.op("add", loss, build.op("mul", spread, self.smoothing))
        if kept is None:
            return self.reduce(build, loss)
        counts = build.op("cast", kept, to=loss.type.dtype)
        loss = build.op("mul", loss, counts)
        if self.reduction == "mean":
            return build.op("div", build.op("sum", loss), build.op("sum", counts))
        return self.reduce(build, loss)


def class_axis(x: TensorType, target: TensorType) -> int:
    """The last axis where the target has the sizes of all others, else axis 1."""
    return x.rank - 1 if target.dims == x.dims[:-1] else 1
