"""Affine maps of the last axis."""

from __future__ import annotations

from collections.abc import Sequence

from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Bool, Int, Optional, Text
from archc.ops.site import Site, TypingError
from archc.ops.sizes import around


class Linear(Op):
    """`y = x Wᵀ + b` on the last axis; W and b start uniform in ±1/√in, as torch.nn.Linear.

    Shapes: x `[…, in]`, weight `[out, in]` (`[in, out]` with `layout: in_out`), bias `[out]`, y
    `[…, out]`.
    """

    weights = ("weight", "bias")
    out = attr(
        Optional(Int(1)), None, "output features; may be left to a weight that is fed", main=True
    )
    bias = attr(Bool(), True, "add a learned bias")
    layout = attr(Text(("out_in", "in_out")), "out_in", "how checkpoints store the weight")
    examples = (
        example("linear: 5", x="[N, 4]"),
        example("linear: {out: 3, bias: false}", x="[N, T, 4]"),
        example("linear: {out: 6, layout: in_out}", x="[2, 4]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.least_rank("x", 1)
        at.floating()
        features, out = x.dims[-1], self._out(at)
        init, dims = around(features), (out, features)
        at.weight("weight", dims[::-1] if self.layout == "in_out" else dims, init, x.dtype)
        if self.bias:
            at.weight("bias", (out,), init, x.dtype)
        return x.with_dims((*x.dims[:-1], out))

    def _out(self, at: Site) -> Size:
        if self.out is not None:
            return self.out
        fed = at.fed.get("weight")
        if fed is None or fed.rank != 2:
            raise TypingError(
                "E208", "linear needs 'out', the number of output features", help="write linear: 10"
            )
        return fed.dims[1 if self.layout == "in_out" else 0]

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return all(zero) and not self.bias

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        return outputs[0].elements * at["x"].dims[-1]
