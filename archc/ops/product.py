"""Matrix products and sums of products."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from archc.ir.dims import Size
from archc.ir.types import FLOATING, TensorType, product
from archc.ops.attributes import attr
from archc.ops.base import Input, Op, example
from archc.ops.kinds import Text
from archc.ops.pointwise import call
from archc.ops.site import Site, TypingError
from archc.ops.sizes import broadcast

if TYPE_CHECKING:
    from archc.arrays import Array


class Matmul(Op):
    """`y = a b`, the matrix product of the last two axes, as numpy.matmul.

    Shapes: a `[…, n, k]`, b `[…, k, m]`, y `[…, n, m]`; leading axes broadcast. An operand of rank
    1 is a row on the left or a column on the right, and its axis is left away from the result.
    """

    inputs = (Input("a"), Input("b"))
    examples = (
        example("matmul", a="[N, 2, T, 4]", b="[2, 4, S]"),
        example("matmul", a="[N, 3]", b="[3]"),
        example("matmul", a="[3]", b="[N, 3, 2]"),
    )

    def infer(self, at: Site) -> TensorType:
        a, b = at.least_rank("a", 1), at.least_rank("b", 1)
        at.floating("a")
        at.matching("a", "b")
        if a.dims[-1] != b.dims[-2 if b.rank > 1 else -1]:
            raise TypingError(
                "E304", "matmul: the last axis of a and the last but one of b differ", about="b",
                label=f"{a.shape_text} and {b.shape_text}",
            )  # fmt: skip
        if a.rank == 1 or b.rank == 1:
            return a.with_dims((*a.dims[:-1], *b.dims[:-2], *b.dims[-1:][: b.rank - 1]))
        batch = [a.with_dims(a.dims[:-2]), b.with_dims(b.dims[:-2])]
        return a.with_dims((*broadcast(batch, ["a", "b"], "matmul"), a.dims[-2], b.dims[-1]))

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        return outputs[0].elements * at["a"].dims[-1]

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return any(zero)

    def evaluate(self, *arrays: Array) -> Array:
        return call("matmul", *arrays)


_EQUATION = re.compile(r"[a-zA-Z]*(?:,[a-zA-Z]*)*->[a-zA-Z]*")


class Einsum(Op):
    """Products of the operands, summed over the letters that the result does not have.

    `ns,nsd->nd` is a weighted sum of vectors (Einstein's convention, as numpy.einsum). Every letter
    has one size, axes of size 1 do not broadcast, the result is written out, and neither an operand
    nor the result repeats a letter.
    """

    inputs = (Input("inputs", variadic=True),)
    equation = attr(Text(), doc="letters of each operand's axes, `->`, the result's", main=True)
    examples = (
        example('einsum: "ns,nsd->nd"', inputs="[N, S]; [N, S, 3]"),
        example('einsum: "b i h, b j h -> b h i j"', inputs="[N, T, 2]; [N, S, 2]"),
        example('einsum: "nij->nj"', inputs="[N, T, 3]"),
        example('einsum: "ni,ij,nj->n"', inputs="[N, 3]; [3, 4]; [N, 4]"),
    )

    @cached_property
    def compact(self) -> str:
        """The equation without blanks."""
        return "".join(self.equation.split())

    @property
    def operands(self) -> list[str]:
        """The letters of each operand."""
        return self.compact.split("->")[0].split(",")

    @property
    def result(self) -> str:
        return self.compact.split("->")[1]

    def infer(self, at: Site) -> TensorType:
        if not _EQUATION.fullmatch(self.compact):
            self._fail("an equation is letters, commas, and '->' before the result's letters")
        types = at.all("inputs")
        dtype = at.matching("inputs")
        if dtype not in FLOATING:
            raise TypingError(
                "E303", f"einsum takes floating numbers, found {dtype}", about="inputs"
            )
        if len(types) != len(self.operands):
            raise TypingError(
                "E307", f"einsum: {len(self.operands)} operands are named, {len(types)} given",
                about="inputs", label=self.compact,
            )  # fmt: skip
        sizes = self._sizes(types)
        for letters in (*self.operands, self.result):
            if len(set(letters)) != len(letters):
                self._fail(f"'{letters}' repeats a letter")
        for letter in self.result:
            if letter not in sizes:
                self._fail(f"no operand has the result's '{letter}'")
        return TensorType(dtype, tuple(sizes[letter] for letter in self.result))

    def _sizes(self, types: tuple[TensorType, ...]) -> dict[str, Size]:
        sizes: dict[str, Size] = {}
        for letters, type in zip(self.operands, types, strict=True):
            if len(letters) != type.rank:
                raise TypingError(
                    "E302", f"einsum: '{letters}' names {len(letters)} axes of {type.shape_text}",
                    about="inputs", label=self.compact,
                )  # fmt: skip
            for letter, size in zip(letters, type.dims, strict=True):
                if sizes.setdefault(letter, size) != size:
                    raise TypingError(
                        "E304", f"einsum: '{letter}' is both {sizes[letter]} and {size}",
                        about="inputs", label=self.compact,
                    )  # fmt: skip
        return sizes

    def _fail(self, message: str) -> None:
        raise TypingError("E309", f"einsum: {message}", about="equation", label=self.compact)

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        """One operand after another is joined to the product of those before, from the left."""
        sizes = self._sizes(at.all("inputs"))
        first, *rest = self.operands
        held, total = set(first), 0
        count: Size = total
        for done, letters in enumerate(rest, 2):
            held |= set(letters)
            count = count + product(sizes[letter] for letter in sorted(held))
            held &= set(self.result).union(*self.operands[done:])
        return count

    def gives_zero(self, zero: Sequence[bool]) -> bool:
        return any(zero)

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        return np.asarray(np.einsum(self.compact, *arrays))
