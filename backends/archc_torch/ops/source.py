"""Values that come from no input, and the moving average."""

from __future__ import annotations

from archc.ops.source import Range
from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use


def arange(use: Use) -> Expr:
    assert isinstance(use.op, Range)
    start, step, length = use.op.start, use.op.step, use.op.length
    stop = use.size(start + step * length)
    if step != 1:
        return use.write(
            "torch.arange({start}, {stop}, {step}, device={device})",
            start=use.size(start),
            stop=stop,
            device=use.device(),
        )
    if start != 0:
        return use.write(
            "torch.arange({start}, {stop}, device={device})",
            start=use.size(start),
            stop=stop,
            device=use.device(),
        )
    return use.write("torch.arange({stop}, device={device})", stop=stop, device=use.device())


def filled(use: Use, value: object) -> Expr:
    settings = "dtype={to|None}, device={device}"
    to = None if use.outs[0].dtype == "float32" else use.dtype(use.outs[0])
    shape, device = use.sizes(use.outs[0].dims), use.device()
    if value in (0, 1) and use.outs[0].rank:
        name = "ones" if value else "zeros"
        return use.write(f"torch.{name}({{shape*}}, {settings})", shape=shape, to=to, device=device)
    return use.write(
        f"torch.full([{{shape*}}], {{number}}, {settings})",
        shape=use.sizes(use.outs[0].dims),
        number=use.hole(value, "value", "value"),
        to=use.dtype(use.outs[0]),
        device=device,
    )


LINES = {
    "range": Line(arange),
    "full": Line(lambda use: filled(use, use.op.values["value"])),
    "zeros": Line(lambda use: filled(use, 0)),
    "ones": Line(lambda use: filled(use, 1)),
    "constant": Line("{value}"),
    "weight": Line("{weight}"),
    "moving_average": Line(
        None,
        lambda use: use.write(
            "MovingAverage({shape*}, rate={rate})", shape=use.sizes(use.outs[0].dims)
        ),
    ),
}

HELPERS = {
    "MovingAverage": '''
class MovingAverage(nn.Module):
    """Moves a buffer towards the mean of each batch while training. [N, …] → […]"""

    def __init__(self, *shape: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer("average", torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.average.lerp_(x.detach().mean(dim=0), self.rate)
        return self.average.clone()
''',
}
