"""Scaled dot-product attention, by PyTorch's fused kernels."""

from __future__ import annotations

from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use


def attention(use: Use) -> Expr:
    """Causal attention aligns to the last key here, to the first in PyTorch.

    That is the same for as many queries as keys.
    """
    mask: Expr | None = use.expr("mask") if use.given("mask") else None
    queries, keys = use.type("q").dims[-2], use.type("k").dims[-2]
    causal = bool(use.op.values["causal"]) and queries != 1  # a lone query sees all keys
    if causal and (mask is not None or queries != keys):
        mask = causal_mask(use, mask)
        causal = False
    elif mask is not None and len(use.type("mask").dims) < 2:  # its kernels want queries and keys
        mask = use.write("torch.atleast_2d({mask})", mask=mask)
    rate = use.attribute("dropout")
    return use.write(
        "F.scaled_dot_product_attention({q}, {k}, {v}, attn_mask={mask|None}, "
        "dropout_p={rate|0.0}, is_causal={causal|False}, scale={scale|None})",
        mask=mask,
        causal=causal,
        rate=0.0 if rate == 0.0 else use.write("{dropout} if self.training else 0.0"),
    )


def causal_mask(use: Use, mask: Expr | None) -> Expr:
    """Where a query may attend to a key, together with what the mask says."""
    queries, keys = use.type("q").dims[-2], use.type("k").dims[-2]
    causal = use.write(
        "torch.ones({queries}, {keys}, dtype=torch.bool, device={device}).tril({diagonal|0})",
        queries=use.size(queries),
        keys=use.size(keys),
        diagonal=0 if keys == queries else use.size(keys - queries),
        device=use.device(),
    )
    if mask is None:
        return causal
    if use.type("mask").dtype == "bool":
        return use.write("{mask} & {causal}", mask=mask, causal=causal)
    return use.write('{mask}.masked_fill(~{causal}, float("-inf"))', mask=mask, causal=causal)


LINES = {"attention": Line(attention)}
