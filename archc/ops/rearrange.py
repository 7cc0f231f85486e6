"""Axes by name: split, permuted and merged."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Text
from archc.ops.list_kinds import NamedSizes
from archc.ops.pattern import Pattern, Plan, parse
from archc.ops.site import Site
from archc.ops.sizes import whole

if TYPE_CHECKING:
    from archc.arrays import Array


class Rearrange(Op):
    """The axes split, reordered and merged as a pattern says: `n (h p) c -> n h (p c)`.

    The notation of einops.rearrange (Rogozhnikov, 2022): parentheses hold the factors of an axis,
    the last one varying fastest, `1` is an axis of size 1, `...` any axes. All factors but one need
    a size, given beside the pattern: `{pattern: "n (h p) -> n h p", p: 2}`.
    """

    keeps_zero = True
    rest = "sizes"
    pattern = attr(Text(), doc="the axes before and after `->`", main=True)
    sizes = attr(NamedSizes(), (), "sizes of axes by name, written beside the pattern")
    examples = (
        example('rearrange: "n c h w -> n h w c"', x="[N, 3, H, W]"),
        example(
            'rearrange: {pattern: "n (h p) (w q) c -> n h w (q p c)", p: 2, q: 3}',
            x="[N, 4, 6, T]",
        ),
        example('rearrange: {pattern: "n 1 (c d) -> c n 1 d 1", d: 2}', x="[N, 1, 6]"),
        example('rearrange: {pattern: "... (h d) -> h ... d", h: 2}', x="[N, T, 4]"),
    )

    @cached_property
    def parsed(self) -> Pattern:
        """The pattern taken apart. Raises TypingError E309."""
        return parse(self.pattern)

    def plan(self, x: TensorType) -> Plan:
        """The rearrangement of a value of this type: reshape, permute, reshape."""
        return self.parsed.plan(x, dict(self.sizes))

    def infer(self, at: Site) -> TensorType:
        return at["x"].with_dims(self.plan(at["x"]).merged)

    def evaluate(self, *arrays: Array) -> Array | None:
        (x,) = arrays
        plan = self.plan(TensorType("bool", x.shape))
        split, merged = whole(plan.split), whole(plan.merged)
        if split is None or merged is None:
            return None
        return x.reshape(split).transpose(plan.order).reshape(merged)
