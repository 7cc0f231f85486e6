"""Ops that draw while training and pass their input through at inference."""

from __future__ import annotations

from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Float
from archc.ops.site import Site


class _Random(Op):
    keeps_zero = True
    random = True
    training = True

    def infer(self, at: Site) -> TensorType:
        return at.floating()


class Dropout(_Random):
    """While training, each value is 0 with probability `rate`, the others are divided by 1 - rate.

    Srivastava et al., 2014, scaled while training as in torch.nn.Dropout. Shapes: x and y `[…]`.
    """

    rate = attr(Float(0, 1), 0.5, "the probability of 0", main=True)
    examples = (example("dropout: 0.2", x="[N, 3, T]"), example("dropout", x="[N, 3]"))


class DropPath(_Random):
    """While training, each item of the batch is 0 with probability `rate`, or divided by 1 - rate.

    Huang et al., Deep networks with stochastic depth, 2016, as torchvision.ops.stochastic_depth
    with mode `row`. Shapes: x and y `[N, …]`.
    """

    rate = attr(Float(0, 1), 0.0, "the probability of 0", main=True)
    examples = (example("drop_path: 0.1", x="[N, 3, T]"), example("drop_path", x="[N, 3]"))

    def infer(self, at: Site) -> TensorType:
        at.least_rank("x", 1)
        return at.floating()
