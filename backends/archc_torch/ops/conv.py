"""Convolutions and their transposes."""

from __future__ import annotations

from typing import Any

from archc.ir.dims import Size
from archc.ops.window import Pads
from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use

SETTINGS = "stride={stride|1}, padding={padding|0}, dilation={dilation|1}, groups={groups|1}"
TRANSPOSED = (
    "stride={stride|1}, padding={padding|0}, output_padding={output_padding|0}, "
    "dilation={dilation|1}, groups={groups|1}"
)


def padding(use: Use) -> tuple[object, Pads]:
    """What the convolution pads itself, and what is padded before as its sides are not alike."""
    if use.op.values["padding"] != "same":
        return use.attribute("padding"), ()
    op: Any = use.op  # one of several convolutions, which all tell their padding so
    pads: Pads = op.pads(use.type("x"), use.window())
    if all(before == after and isinstance(before, int) for before, after in pads):
        return use.per_axis(tuple(before for before, _ in pads)), ()
    return 0, pads


def padded(use: Use, pads: Pads, value: str = "") -> Expr:
    """The input with so much before and after each spatial axis; F.pad begins with the last one."""
    if not pads:
        return use.expr("x")
    flat: list[Size] = [size for pair in reversed(pads) for size in pair]
    return use.write(f"F.pad({{x}}, ({{pads*}}){value})", pads=use.sizes(flat))


def conv(axes: int) -> Line:
    def values(use: Use) -> dict[str, object]:
        return {
            "inner": use.width(use.type("x").dims[1], "in_channels"),
            "out": use.width(use.outs[0].dims[1], "out_channels", "out"),
            "kernel": use.hole(use.per_axis(use.window()), "kernel_size", "kernel"),
            "bias": use.op.values["bias"],
            "padding": use.hole(padding(use)[0], "padding", "padding"),
        }

    def module(use: Use) -> Expr:
        return use.write(
            f"nn.Conv{axes}d({{inner}}, {{out}}, kernel_size={{kernel}}, {SETTINGS}, "
            "bias={bias|True}, dtype={dtype|None})",
            **values(use),
        )

    def applied(use: Use) -> Expr | None:
        pads = padding(use)[1]
        return use.write("{self}({x})", x=padded(use, pads)) if pads else None

    def call(use: Use) -> Expr:
        inside, pads = padding(use)
        return use.write(
            f"F.conv{axes}d({{x}}, {{weight}}, {{bias|None}}, {SETTINGS})",
            x=padded(use, pads),
            padding=inside,
        )

    return Line(call, module, applied)


def transpose(axes: int) -> Line:
    def module(use: Use) -> Expr:
        return use.write(
            f"nn.ConvTranspose{axes}d({{inner}}, {{out}}, kernel_size={{kernel}}, {TRANSPOSED}, "
            "bias={bias|True}, dtype={dtype|None})",
            inner=use.width(use.type("x").dims[1], "in_channels"),
            out=use.width(use.outs[0].dims[1], "out_channels", "out"),
            kernel=use.hole(use.per_axis(use.window()), "kernel_size", "kernel"),
            bias=use.op.values["bias"],
        )

    return Line(f"F.conv_transpose{axes}d({{x}}, {{weight}}, {{bias|None}}, {TRANSPOSED})", module)


LINES = {
    **{f"conv{axes}d": conv(axes) for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": transpose(axes) for axes in (1, 2, 3)},
}
