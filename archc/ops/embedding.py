"""Numbers to vectors: embeddings, one-hot vectors and sinusoidal positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.init import Init
from archc.ir.dims import Size
from archc.ir.types import FLOATING, INTEGRAL, DType, TensorType
from archc.ops.attributes import attr
from archc.ops.base import Op, example
from archc.ops.kinds import Float, Int, Optional, TypeName
from archc.ops.site import Site, TypingError
from archc.ops.sizes import divide

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc.ops.build import Build, Term

INDICES: frozenset[DType] = frozenset({"int32", "int64"})


class Embedding(Op):
    """`y = weight[x]`: a learned vector for each number from 0 to num - 1, as torch.nn.Embedding.

    Shapes: x `[…]` of int32 or int64, weight `[num, dim]`, y `[…, dim]`. The weight starts normal
    with deviation 1. The row `padding` is not trained: it gets no gradient.
    """

    weights = ("weight",)
    num = attr(Optional(Int(1)), None, "how many vectors; may be left to a weight that is fed")
    dim = attr(Optional(Int(1)), None, "their length; may be left to a weight that is fed")
    padding = attr(Optional(Int()), None, "the row that is not trained; negative from the end")
    examples = (
        example("embedding: {num: 10, dim: 4}", x="int64[N, T] 0..9"),
        example("embedding: {num: 5, dim: 3, padding: 0}", x="int32[N] 0..4"),
        example("embedding", x="int64[N, 2] 0..6", weight="[7, 3]"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.dtype("x", INDICES)
        num, dim = self._size(at, "num", self.num, 0), self._size(at, "dim", self.dim, 1)
        row = self.padding
        if row is not None and isinstance(num, int) and not -num <= row < num:
            raise TypingError("E305", f"embedding has no row {row}: num is {num}", about="padding")
        fed = at.fed.get("weight")
        dtype = "float32" if fed is None else fed.dtype
        weight = at.weight("weight", (num, dim), Init("normal", (1.0,)), dtype)
        return TensorType(weight.dtype, (*x.dims, dim))

    def _size(self, at: Site, name: str, given: int | None, axis: int) -> Size:
        if given is not None:
            return given
        fed = at.fed.get("weight")
        if fed is None:
            help = "write embedding: {num: 1000, dim: 64}"
            raise TypingError("E208", f"embedding needs '{name}'", help=help)
        if fed.rank != 2:
            raise TypingError("E310", "an embedding's weight is [num, dim]", about="weight")
        return fed.dims[axis]


class OneHot(Op):
    """1 where the last axis's position is x and 0 elsewhere, as torch.nn.functional.one_hot.

    Shapes: x `[…]` of int32 or int64, y `[…, num]`, int64 unless `dtype` says otherwise.
    """

    num = attr(Int(1), doc="how many classes", main=True)
    dtype = attr(TypeName(), "int64", "the result's element type")
    examples = (
        example("one_hot: 5", x="int64[N, T] 0..4"),
        example("one_hot: {num: 3, dtype: float32}", x="int32[4] 0..2"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.dtype("x", INDICES)
        return TensorType(self.dtype, (*x.dims, self.num))

    def expand(self, build: Build, *terms: Term) -> Term:
        x = build.op("unsqueeze", terms[0], axes=[-1])
        places: Term = build.op("range", length=self.num)
        if places.type.dtype != x.type.dtype:
            places = build.op("cast", places, to=x.type.dtype)
        return build.op("cast", build.op("equal", x, places), to=self.dtype)

    def evaluate(self, *arrays: Array) -> Array | None:
        import numpy as np

        if self.dtype == "bfloat16":
            return None
        result: Array = arrays[0][..., None] == np.arange(self.num)
        return result.astype(self.dtype)


class Sinusoid(Op):
    """`y[…, 2i] = sin(x / base^(2i/dim))`, `y[…, 2i + 1] = cos(x / base^(2i/dim))`.

    Vaswani et al., Attention is all you need, 2017. Shapes: x `[…]`, positions of any numeric type;
    y `[…, dim]`, of x's element type where that is floating and else float32.
    """

    dim = attr(Int(2), doc="the vectors' length, an even number", main=True)
    base = attr(Float(1), 10000.0, "the longest wavelength is base · 2π")
    examples = (
        example("sinusoid: 6", x="int64[T] 0..20"),
        example("sinusoid: {dim: 4, base: 100.0}", x="[N, T] 0..20"),
    )

    def infer(self, at: Site) -> TensorType:
        x = at.dtype("x", FLOATING | INTEGRAL)
        divide(self.dim, 2, "sinusoid: dim by 2, sine and cosine", "dim")
        return TensorType(x.dtype if x.dtype in FLOATING else "float32", (*x.dims, self.dim))

    def frequencies(self) -> tuple[float, ...]:
        """1 / base^(2i/dim) for each pair of sine and cosine."""
        return tuple(self.base ** (-2 * i / self.dim) for i in range(self.dim // 2))

    def expand(self, build: Build, *terms: Term) -> Term:
        x = terms[0]
        if x.type.dtype not in FLOATING:
            x = build.op("cast", x, to="float32")
        rates = build.op("constant", value=self.frequencies(), dtype=x.type.dtype)
        angles = build.op("mul", build.op("unsqueeze", x, axes=[-1]), rates)
        pairs = build.op("stack", build.op("sin", angles), build.op("cos", angles), axis=-1)
        return build.op("flatten", pairs, start=-2)

    def evaluate(self, *arrays: Array) -> Array:
        import numpy as np

        x = arrays[0]
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype("float32")
        angles = x[..., None].astype("float64") * np.array(self.frequencies())
        pairs = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
        return pairs.reshape(*x.shape, self.dim).astype(dtype)
