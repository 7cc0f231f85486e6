"""Scaled dot-product attention."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from archc.ir.dims import Size
from archc.ir.types import TensorType
from archc.ops.attributes import attr
from archc.ops.base import Input, Op, example
from archc.ops.kinds import Bool, Float, Optional
from archc.ops.site import Site, TypingError
from archc.ops.sizes import broadcast, impossible

if TYPE_CHECKING:
    from archc.ops.build import Build, Term


class Attention(Op):
    """`y = softmax(scale · q kᵀ + mask) v` over the last two axes (Vaswani et al., 2017).

    Shapes: q `[…, Tq, D]`, k `[…, Tk, D]`, v `[…, Tk, E]` with equal leading axes (batch, heads); y
    `[…, Tq, E]`. mask broadcasts to `[…, Tq, Tk]`: boolean, true where a query attends to a key, or
    of q's type and added to the scores. `causal` aligns to the last key: query i attends to key j
    where `j - (Tk - Tq) <= i`, so that one new query sees all keys of a cache (PyTorch's is_causal
    aligns to the first key; the two agree where Tq is Tk). A query that a boolean mask lets
    attend to no key gives zeros, as in torch.nn.functional.scaled_dot_product_attention. What is
    added is finite: minus infinity for all keys of a query has no softmax in ONNX.
    """

    training = True  # dropout of the weights
    inputs = (Input("q"), Input("k"), Input("v"), Input("mask", optional=True, matched=False))
    causal = attr(Bool(), False, "no query attends to later keys")
    scale = attr(Optional(Float()), None, "factor of the scores; 1/√D if left out")
    dropout = attr(Float(0, 1), 0.0, "the share of attention weights dropped while training")
    examples = (
        example("attention", q="[N, 2, T, 4]", k="[N, 2, S, 4]", v="[N, 2, S, 3]"),
        example(
            "attention: {causal: true}", q="[N, T, 4]", k="[N, T, 4]", v="[N, T, 4]",
            mask="bool[N, 1, T]",
        ),
        example("attention: {causal: true, scale: 0.5}", q="[2, 3]", k="[5, 3]", v="[5, 3]"),
        example(
            "attention: {dropout: 0.1}", q="[N, 2, 3, 4]", k="[N, 2, 3, 4]", v="[N, 2, 3, 4]",
            mask="[2, 3, 3]",
        ),
    )  # fmt: skip

    def infer(self, at: Site) -> TensorType:
        q, k, v = (at.least_rank(name, 2) for name in ("q", "k", "v"))
        at.floating("q")
        at.matching("q", "k", "v")
        for name, other in (("k", k), ("v", v)):
            if other.dims[:-2] != q.dims[:-2]:
                raise TypingError(
                    "E301", f"attention: the leading axes of q and {name} differ", about=name,
                    label=f"found {other.shape_text}", notes=(f"q is {q.shape_text}",),
                )  # fmt: skip
        if q.dims[-1] != k.dims[-1]:
            self._differ("k", "q and k have vectors of different lengths", q, k)
        if k.dims[-2] != v.dims[-2]:
            self._differ("v", "k and v have different numbers of positions", k, v)
        if self.scale is None and not isinstance(q.dims[-1], int):
            raise TypingError(
                "E208", "attention needs 'scale' where the vectors' length is symbolic"
            )
        if self.causal and impossible(k.dims[-2] - q.dims[-2]):
            raise TypingError(
                "E305", f"attention: of {q.dims[-2]} queries the first come before all "
                f"{k.dims[-2]} keys", about="causal",
            )  # fmt: skip
        self._check_mask(at, q, k)
        return q.with_dims((*q.dims[:-1], v.dims[-1]))

    def _differ(self, about: str, message: str, a: TensorType, b: TensorType) -> None:
        raise TypingError(
            "E304", f"attention: {message}", about=about,
            label=f"{a.shape_text} and {b.shape_text}",
        )  # fmt: skip

    def _check_mask(self, at: Site, q: TensorType, k: TensorType) -> None:
        mask = at.optional("mask")
        if mask is None:
            return
        if mask.dtype not in ("bool", q.dtype):
            raise TypingError(
                "E303", f"attention's mask is bool or {q.dtype}, found {mask}", about="mask"
            )
        if mask.rank == 0:
            what = f"attention's mask has an axis of keys at least, found {mask}"
            raise TypingError("E302", what, about="mask")
        scores = q.with_dims((*q.dims[:-1], k.dims[-2]))
        try:
            fits = broadcast([scores, mask], ["q", "mask"], "attention") == scores.dims
        except TypingError:
            fits = False
        if not fits:
            raise TypingError(
                "E301", f"attention: the mask does not broadcast to {scores.shape_text}",
                about="mask", label=f"found {mask.shape_text}",
            )  # fmt: skip

    def macs(self, at: Site, outputs: tuple[TensorType, ...]) -> Size:
        q, v = at["q"], at["v"]
        return q.elements * v.dims[-2] + outputs[0].elements * v.dims[-2]

    def scale_of(self, q: TensorType) -> float:
        """The factor of the scores."""
        if self.scale is not None:
            return self.scale
        assert isinstance(q.dims[-1], int)
        return 1 / sqrt(q.dims[-1])

    def expand(self, build: Build, *terms: Term) -> Term:
        """Products, a softmax, and zeros where a query may not attend, before it and after it."""
        q, k, v = terms[:3]
        mask = terms[3] if len(terms) > 3 else None
        scaled = build.op("mul", q, self.scale_of(q.type))
        scores = build.op("matmul", scaled, build.op("transpose", k))
        allowed = self.allowed(build, q, k) if self.causal else None
        boolean = mask is not None and mask.type.dtype == "bool"
        if mask is not None and boolean:
            allowed = mask if allowed is None else build.op("logical_and", allowed, mask)
        elif mask is not None:
            scores = build.op("add", scores, mask)
        if allowed is not None:
            scores = build.op("where", allowed, scores, LOWEST[q.type.dtype])
        weights = build.op("softmax", scores, axis=-1)
        if boolean:  # else each query attends to some key
            weights = build.op("where", allowed, weights, 0.0)
        if self.dropout:
            weights = build.op("dropout", weights, rate=self.dropout)
        return build.op("matmul", weights, v)

    def allowed(self, build: Build, q: Term, k: Term) -> Term:
        """Which query may attend to which key by `causal` alone, boolean `[Tq, Tk]`."""
        queries, keys = q.type.dims[-2], k.type.dims[-2]
        last = build.op("range", start=keys - queries, length=queries)
        return build.op(
            "less_equal", build.op("range", length=keys), build.op("unsqueeze", last, axes=[-1])
        )


# Scores that no other score comes near; finite, so that no row of them has an undefined softmax.
LOWEST = {"float16": -6.0e4, "bfloat16": -3.0e38, "float32": -3.0e38, "float64": -3.0e38}
