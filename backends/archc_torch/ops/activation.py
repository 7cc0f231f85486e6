"""Functions of single values, and along an axis."""

from __future__ import annotations

from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use


def swish(use: Use) -> Expr:
    beta = use.weight("beta") if use.owns("beta") or use.given("beta") else use.attribute("beta")
    if beta == 1.0:
        return use.write("F.silu({x})")
    return use.write("{x} * torch.sigmoid({beta} * {x})", beta=beta)


def swish_module(use: Use) -> Expr | str:
    if use.owns("beta"):
        return "Swish({beta|1.0})"
    return "nn.SiLU()" if use.attribute("beta") == 1.0 else "Swish({beta|1.0}, learned=False)"


def dropped(function: str) -> Line:
    """An op that drops at a rate while training, and is nothing at rate 0."""

    def call(use: Use) -> Expr:
        return (
            use.expr("x")
            if use.attribute("rate") == 0.0
            else use.write(f"{function}({{x}}, {{rate}}, self.training)")
        )

    return Line(call, "nn.Dropout({rate})" if function == "F.dropout" else "DropPath({rate})")


LINES = {
    "identity": Line("{x}", "nn.Identity()"),
    "relu": Line("F.relu({x}, inplace={fresh|False})", "nn.ReLU(inplace={fresh|False})"),
    "relu6": Line("F.relu6({x}, inplace={fresh|False})", "nn.ReLU6(inplace={fresh|False})"),
    "leaky_relu": Line("F.leaky_relu({x}, {slope|0.01})", "nn.LeakyReLU({slope|0.01})"),
    "prelu": Line("F.prelu({x}, {weight})", "nn.PReLU({num|1}, dtype={dtype|None})"),
    "elu": Line("F.elu({x}, {alpha|1.0})", "nn.ELU({alpha|1.0})"),
    "selu": Line("F.selu({x})", "nn.SELU()"),
    "celu": Line("F.celu({x}, {alpha|1.0})", "nn.CELU({alpha|1.0})"),
    "gelu": Line(
        "F.gelu({x}, approximate={approximate|'none'})", "nn.GELU(approximate={approximate|'none'})"
    ),
    "sigmoid": Line("torch.sigmoid({x})", "nn.Sigmoid()"),
    "hard_sigmoid": Line("F.hardsigmoid({x})", "nn.Hardsigmoid()"),
    "silu": Line("F.silu({x})", "nn.SiLU()"),
    "swish": Line(swish, swish_module),
    "hard_swish": Line("F.hardswish({x})", "nn.Hardswish()"),
    "mish": Line("F.mish({x})", "nn.Mish()"),
    "tanh": Line("torch.tanh({x})", "nn.Tanh()"),
    "hard_tanh": Line(
        "F.hardtanh({x}, min_val={min|-1.0}, max_val={max|1.0})",
        "nn.Hardtanh(min_val={min|-1.0}, max_val={max|1.0})",
    ),
    "softplus": Line(
        "F.softplus({x}, beta={beta|1.0}, threshold={threshold|20.0})",
        "nn.Softplus(beta={beta|1.0}, threshold={threshold|20.0})",
    ),
    "softsign": Line("F.softsign({x})", "nn.Softsign()"),
    "softshrink": Line("F.softshrink({x}, {threshold|0.5})", "nn.Softshrink({threshold|0.5})"),
    "hardshrink": Line("F.hardshrink({x}, {threshold|0.5})", "nn.Hardshrink({threshold|0.5})"),
    "tanhshrink": Line("F.tanhshrink({x})", "nn.Tanhshrink()"),
    "threshold": Line(
        "F.threshold({x}, {threshold}, {value})", "nn.Threshold({threshold}, {value})"
    ),
    "log_sigmoid": Line("F.logsigmoid({x})", "nn.LogSigmoid()"),
    "softmax": Line("F.softmax({x}, dim={axis})", "nn.Softmax(dim={axis})"),
    "log_softmax": Line("F.log_softmax({x}, dim={axis})", "nn.LogSoftmax(dim={axis})"),
    "glu": Line("F.glu({x}, dim={axis|-1})", "nn.GLU(dim={axis|-1})"),
    "dropout": dropped("F.dropout"),
    "drop_path": dropped("drop_path"),
}

HELPERS = {
    "drop_path": '''
def drop_path(x: Tensor, rate: float, training: bool) -> Tensor:
    """While training, drops items of the batch at a rate, and divides the others by 1 - rate."""
    if rate == 0.0 or not training:
        return x
    kept = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(1.0 - rate)
    return x * (kept / (1.0 - rate) if rate < 1.0 else kept)
''',
    "DropPath": '''
class DropPath(nn.Module):
    """Stochastic depth (Huang et al., 2016). [N, …] → [N, …]"""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        return drop_path(x, self.rate, self.training)
''',
    "Swish": '''
class Swish(nn.Module):
    """x · sigmoid(beta · x) (Ramachandran, Zoph and Le, 2017). […] → […]"""

    def __init__(self, beta: float = 1.0, learned: bool = True) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(beta)) if learned else beta

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.beta * x)
''',
}
