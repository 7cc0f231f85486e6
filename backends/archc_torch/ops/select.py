"""Parts of a value."""

from __future__ import annotations

from archc_torch.code import Code, Expr
from archc_torch.lines import Line
from archc_torch.use import Use


def before(use: Use) -> str:
    """What stands before the index of the op's axis: `:, :, `, or `..., ` for the last of many."""
    rank = use.type("x").rank
    axis = use.op.values["axis"] % rank
    return "..., " if axis == rank - 1 and rank > 2 else ":, " * axis


def sliced(use: Use) -> Expr:
    start, stop, step = (use.op.values[name] for name in ("start", "stop", "step"))
    code: Code = () if start == 0 else use.size(start).code
    code = (*code, ":", *(() if stop is None else use.size(stop).code))
    if step != 1:
        code = (*code, ":", *use.write("{step}").code)
    return use.write(f"{{x}}[{before(use)}{{range}}]", range=Expr(code))


def gather(use: Use) -> Expr:
    at = use.op.values["at"]
    if at is None:
        return use.write(f"{{x}}[{before(use)}{{index}}]")
    if isinstance(at, int):
        return use.write(f"{{x}}[{before(use)}{{at}}]")
    return use.write(f"{{x}}[{before(use)}[{{at*}}]]", at=use.numbers(at))


def split(use: Use) -> Expr:
    sizes = use.op.values["sizes"]
    if len(use.outs) == 1:
        return use.write("{x}")
    if sizes is None:
        return use.write("{x}.chunk({count}, dim={axis})", count=len(use.outs))
    axis = use.op.values["axis"]
    return use.write(
        "{x}.split([{sizes*}], dim={axis})", sizes=use.sizes([out.dims[axis] for out in use.outs])
    )


def unstack(use: Use) -> Expr:
    lone = len(use.outs) == 1
    return use.write("{x}.squeeze({axis})" if lone else "{x}.unbind({axis|0})")


LINES = {
    "slice": Line(sliced),
    "gather": Line(gather),
    "split": Line(split),
    "unstack": Line(unstack),
    "center_crop": Line("center_crop({x}, {like})"),
    "tril": Line("{x}.tril({diagonal|0})"),
    "triu": Line("{x}.triu({diagonal|0})"),
}

HELPERS = {
    "center_crop": '''
def center_crop(x: Tensor, like: Tensor) -> Tensor:
    """The middle of x, as large as `like` along the spatial axes. [N, C, H, W] → [N, C, h, w]"""
    for axis in range(2, x.ndim):
        size = like.shape[axis]
        x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
    return x
''',
}
