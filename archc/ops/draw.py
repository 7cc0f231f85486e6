"""Random values, which only the updates of a training draw: a model is fed its noise."""

from __future__ import annotations

from archc.init import Init
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Float, Int
from archc.ops.list_kinds import Sizes
from archc.ops.site import Site, TypingError


class _Drawn(Op):
    inputs = ()
    training_only = True
    shape = attr(Sizes(1), doc="the sizes")

    def infer(self, at: Site) -> TensorType:
        return TensorType("float32", self.shape)


class Normal(_Drawn):
    """Independent normal numbers. Shapes: y `shape`."""

    mean = attr(Float(), 0.0, "the mean")
    deviation = attr(Float(0), 1.0, "the standard deviation")
    examples = (
        example("normal: {shape: [N, 3]}"),
        example("normal: {shape: [2], mean: 1.0, deviation: 0.5}"),
    )


class Uniform(_Drawn):
    """Independent numbers, each equally likely anywhere in `[low, high)`. Shapes: y `shape`."""

    low = attr(Float(), 0.0, "the least number")
    high = attr(Float(), 1.0, "what all numbers are below")
    examples = (
        example("uniform: {shape: [N, 1, 1, 1]}"),
        example("uniform: {shape: [2], low: -1.0, high: 2.0}"),
    )


class Bernoulli(_Drawn):
    """1 with a probability, else 0, independently. Shapes: y `shape`."""

    probability = attr(Float(0, 1), 0.5, "the probability of 1")
    examples = (
        example("bernoulli: {shape: [N, 3]}"),
        example("bernoulli: {shape: [4], probability: 0.1}"),
    )


class Integers(_Drawn):
    """Independent whole numbers, all of `low` to `high` equally likely. Shapes: y int64 `shape`."""

    low = attr(Int(), 0, "the least number")
    high = attr(Int(), 1, "the largest number")
    examples = (
        example("integers: {shape: [N], high: 9}"),
        example("integers: {shape: [2], low: -1, high: 1}"),
    )

    def infer(self, at: Site) -> TensorType:
        if self.high < self.low:
            raise TypingError("E207", "integers: 'high' is below 'low'", about="high")
        return TensorType("int64", self.shape)


class ImagePool(Op):
    """The batch with some of its pictures replaced by earlier ones, which a pool of `size` keeps.

    The judge of a generator sees what was made before, too, and does not forget it (Shrivastava et
    al., 2017, section 2.3). Until the pool is full its pictures are those of the batch, which it
    keeps; then each picture of the batch goes through, or, half of the time, changes places with
    one of the pool. Only while training: else, every picture goes through. Shapes: x and y
    `[N, …]`, the sizes after the first known; the pool is part of checkpoints, and no model's.
    """

    training_only = True
    training = True
    weights = ("pictures", "count")
    size = attr(Int(1), 50, "how many pictures it keeps", main=True)
    examples = (
        example("image_pool", x="[N, 3, 2, 2]"),
        example("image_pool: 2", x="[N, 3]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 1)
        at.floating()
        at.weight("pictures", (self.size, *x.dims[1:]), Init("zeros"), x.dtype, buffer=True)
        at.weight("count", (), Init("zeros"), "int64", buffer=True)
        return x
