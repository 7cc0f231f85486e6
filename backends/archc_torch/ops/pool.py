"""Pooling with a window, to a size, and to one value a channel."""

from __future__ import annotations

from typing import Any

from archc.ops.window import Pads
from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.ops.conv import padded
from archc_torch.use import Use

MAX = "stride={stride|None}, padding={padding|0}, dilation={dilation|1}, ceil_mode={ceil|False}"
AVERAGE = (
    "stride={stride|None}, padding={padding|0}, ceil_mode={ceil|False}, "
    "count_include_pad={count_padding|True}"
)


def stride(use: Use) -> object:
    """The step, where it is not the window's size anyway."""
    own = use.op.values["stride"]
    return None if own in (None, use.op.values["kernel"]) else use.per_axis(own)


def max_pool(axes: int) -> Line:
    def padding(use: Use) -> tuple[object, Pads]:
        """What the pooling pads itself, and what is padded before: uneven sides, or too much."""
        op: Any = use.op  # one of several poolings, which all tell their padding so
        pads: Pads = op.pads(use.type("x"))
        sizes = tuple(before for before, _ in pads)
        if all(
            isinstance(b, int) and b == a and 2 * b <= k
            for (b, a), k in zip(pads, op.kernel, strict=True)
        ):
            same = use.op.values["padding"] == "same"
            return use.per_axis(sizes) if same else use.attribute("padding"), ()
        return 0, pads

    def call(use: Use) -> Expr:
        inside, pads = padding(use)
        x = padded(use, pads, ', value=float("-inf")')
        return use.write(
            f"F.max_pool{axes}d({{x}}, {{kernel}}, {MAX})", x=x, stride=stride(use), padding=inside
        )

    def module(use: Use) -> Expr | None:
        inside, pads = padding(use)
        if pads:
            return None
        return use.write(
            f"nn.MaxPool{axes}d({{kernel}}, {MAX})", stride=stride(use), padding=inside
        )

    return Line(call, module)


def avg_pool(axes: int) -> Line:
    return Line(
        lambda use: use.write(
            f"F.avg_pool{axes}d({{x}}, {{kernel}}, {AVERAGE})", stride=stride(use)
        ),
        lambda use: use.write(f"nn.AvgPool{axes}d({{kernel}}, {AVERAGE})", stride=stride(use)),
    )


def over_space(method: str, module: str) -> Line:
    def call(use: Use) -> Expr:
        return use.write(
            f"{{x}}.{method}(dim={{axes}})", axes=use.axes(range(2, use.type("x").rank))
        )

    def writer(use: Use) -> Expr | None:
        axes = use.type("x").rank - 2
        return (
            use.write(f"nn.Sequential(nn.{module}{axes}d(1), nn.Flatten())") if axes <= 3 else None
        )

    return Line(call, writer)


LINES = {
    **{f"max_pool{axes}d": max_pool(axes) for axes in (1, 2, 3)},
    **{f"avg_pool{axes}d": avg_pool(axes) for axes in (1, 2, 3)},
    **{
        f"adaptive_{kind}_pool{axes}d": Line(
            f"F.adaptive_{kind}_pool{axes}d({{x}}, {{size}})",
            f"nn.Adaptive{kind.title()}Pool{axes}d({{size}})",
        )
        for kind in ("avg", "max")
        for axes in (1, 2, 3)
    },
    "global_avg_pool": over_space("mean", "AdaptiveAvgPool"),
    "global_max_pool": over_space("amax", "AdaptiveMaxPool"),
}
