"""Values put together, repeated, moved, surrounded and resampled."""

from __future__ import annotations

from archc.ops.assemble import Pad
from archc.ops.site import Site
from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use

MODULES = {
    "constant": "ConstantPad",
    "reflect": "ReflectionPad",
    "replicate": "ReplicationPad",
    "circular": "CircularPad",
}


def concat(use: Use) -> Expr:
    inputs = use.exprs("inputs")
    return inputs[0] if len(inputs) == 1 else use.write("torch.cat([{inputs*}], dim={axis})")


def pads(use: Use) -> list[int]:
    """(before, after) of each axis, the last one first, as far as PyTorch wants to know."""
    assert isinstance(use.op, Pad)
    rank = use.type("x").rank
    each = use.op.each(Site(use.op, {"x": use.type("x")}), rank)
    least = min(each) if use.op.mode == "constant" else 2
    return [size for axis in reversed(range(least, rank)) for size in each.get(axis, (0, 0))]


def pad(use: Use) -> Expr:
    return use.write(
        "F.pad({x}, ({sizes*}), mode={mode|'constant'}, value={fill|0.0})",
        sizes=use.numbers(pads(use)),
        fill=fill(use),
    )


def fill(use: Use) -> object:
    """What is added, as a number of the values' kind."""
    value = use.attribute("value")
    return (
        value if not isinstance(value, float) or "float" in use.outs[0].dtype else int(value) or 0.0
    )


def pad_module(use: Use) -> Expr | None:
    """The modules pad all spatial axes, one to three of them."""
    sizes, axes = pads(use), use.type("x").rank - 2
    if not 1 <= axes <= 3 or len(sizes) != 2 * axes:
        return None
    mode = use.op.values["mode"]
    size: object = sizes[0] if len(set(sizes)) == 1 else tuple(sizes)
    if mode == "constant":
        return use.write(f"nn.ConstantPad{axes}d({{size}}, {{value}})", size=size)
    return use.write(f"nn.{MODULES[mode]}{axes}d({{size}})", size=size)


def roll(use: Use) -> Expr:
    by, axes = use.op.values["by"], use.op.values["axes"]
    return use.write("{x}.roll({by}, {axes})", by=use.tuple(by), axes=use.axes(axes))


def resize(use: Use) -> Expr:
    """Factors or sizes, whichever were given: the positions between the pixels depend on it."""
    sizes = use.outs[0].dims[2:]
    scale = use.op.values["scale"]
    corners = True if use.op.values["align_corners"] else None
    mode = use.op.values["mode"]
    how: dict[str, object]
    if scale is not None:
        each = factors(scale)
        how = {"scale_factor": use.hole(each, "scale", "scale"), "size": None}
    else:
        how = {"size": use.spatial(sizes), "scale_factor": None}
    return use.write(
        "F.interpolate({x}, size={size|None}, scale_factor={scale_factor|None}, "
        "mode={mode|'nearest'}, align_corners={corners|None})",
        mode=mode,
        corners=corners,
        **how,
    )


def factors(scale: tuple[float, ...]) -> object:
    """One factor as a number, whole ones without a point."""
    plain = tuple(int(factor) if factor == int(factor) else factor for factor in scale)
    return plain[0] if len(set(plain)) == 1 else plain


def upsample_module(use: Use) -> Expr | None:
    scale = use.op.values["scale"]
    if scale is None:
        return None
    return use.write(
        "nn.Upsample(scale_factor={scale}, mode={mode|'nearest'}, align_corners={corners|None})",
        scale=use.hole(factors(scale), "scale", "scale"),
        corners=True if use.op.values["align_corners"] else None,
    )


LINES = {
    "concat": Line(concat),
    "stack": Line("torch.stack([{inputs*}], dim={axis|0})"),
    "pad": Line(pad, pad_module),
    "tile": Line(
        lambda use: use.write("{x}.repeat({by*})", by=use.numbers(use.op.values["repeats"]))
    ),
    "roll": Line(roll),
    "flip": Line(
        lambda use: use.write("{x}.flip({axes*})", axes=use.numbers(use.op.values["axes"]))
    ),
    "resize": Line(resize, upsample_module),
    "pixel_shuffle": Line("F.pixel_shuffle({x}, {factor})", "nn.PixelShuffle({factor})"),
    "pixel_unshuffle": Line("F.pixel_unshuffle({x}, {factor})", "nn.PixelUnshuffle({factor})"),
}
