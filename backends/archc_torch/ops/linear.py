"""Affine maps, and vectors for numbers."""

from __future__ import annotations

from archc_torch.code import Expr, Raw
from archc_torch.lines import Line
from archc_torch.use import Use


def linear(use: Use) -> Expr:
    weight = use.weight("weight")
    if use.op.values["layout"] == "in_out":
        weight = use.write("{weight}.T", weight=weight)
    return use.write("F.linear({x}, {weight}, {bias|None})", weight=weight)


def linear_module(use: Use) -> Expr:
    name = "nn.Linear" if use.op.values["layout"] == "out_in" else "InOutLinear"
    return use.write(
        f"{name}({{inner}}, {{out}}, bias={{bias|True}}, dtype={{dtype|None}})",
        inner=use.width(use.type("x").dims[-1], "in_features"),
        out=use.width(use.outs[0].dims[-1], "out_features", "out"),
        bias=use.op.values["bias"],
    )


def embedding_module(use: Use) -> Expr:
    return use.write(
        "nn.Embedding({num}, {dim}, padding_idx={padding|None})",
        num=use.width(use.weights["weight"].type.dims[0], "num_embeddings", "num"),
        dim=use.width(use.outs[0].dims[-1], "embedding_dim", "dim"),
    )


def one_hot(use: Use) -> Expr:
    x = use.expr("x") if use.type("x").dtype == "int64" else use.write("{x}.long()")
    y = use.write("F.one_hot({x}, {num})", x=x)
    return (
        y
        if use.outs[0].dtype == "int64"
        else use.write("{y}.to({to})", y=y, to=use.dtype(use.outs[0]))
    )


def sinusoid(use: Use) -> Expr:
    dtype = None if use.outs[0].dtype == "float32" else Raw(f"torch.{use.outs[0].dtype}")
    return use.write("sinusoid({x}, {dim}, base={base|10000.0}, dtype={to|None})", to=dtype)


LINES = {
    "linear": Line(linear, linear_module),
    "embedding": Line("F.embedding({x}, {weight}, padding_idx={padding|None})", embedding_module),
    "one_hot": Line(one_hot),
    "sinusoid": Line(sinusoid),
}

HELPERS = {
    "InOutLinear": '''
class InOutLinear(nn.Module):
    """An affine map whose weight is stored [in, out]. […, in] → […, out]"""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_features, dtype=dtype)) if bias else None
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(in_features**-0.5), in_features**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.T, self.bias)
''',
    "sinusoid": '''
def sinusoid(
    positions: Tensor, dim: int, base: float = 10000.0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Sines and cosines of dim / 2 wavelengths (Vaswani et al., 2017). […] → […, dim]"""
    steps = torch.arange(0, dim, 2, dtype=torch.float64, device=positions.device)
    angles = positions.to(dtype)[..., None] * (base ** (-steps / dim)).to(dtype)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
''',
}
