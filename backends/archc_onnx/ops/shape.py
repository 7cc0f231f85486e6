"""Other shapes, orders, and values put together."""

from __future__ import annotations

from archc.ir.dims import Size
from archc.ops.site import Site
from archc_onnx.draft import Operand
from archc_onnx.line import At, Lines

_FAR = 2**63 - 1  # behind every end


def reshape(at: At) -> Operand:
    """Another shape; an op without a change is no node."""
    return at.reshape(at["x"], at.type.dims)


def transpose(at: At) -> Operand:
    x = at["x"]
    return at.transpose(x, at.op.permutation(x.type.rank))


def rearrange(at: At) -> Operand:
    """Reshape, transpose, reshape, without those that change nothing."""
    x = at["x"]
    plan = at.op.plan(x.type)
    split = at.reshape(x, plan.split, "split")
    return at.reshape(at.transpose(split, plan.order), plan.merged, "merged")


def expand(at: At) -> Operand:
    x = at["x"]
    if x.type == at.type:
        return x
    return at.add("Expand", x, at.emitter.shape(at.type.dims), to=at.type)


def tile(at: At) -> Operand:
    return at.add("Tile", at["x"], at.emitter.integers(at.op.repeats), to=at.type)


def concat(at: At) -> Operand:
    inputs = at.all("inputs")
    if len(inputs) == 1:
        return inputs[0]
    return at.add("Concat", *inputs, to=at.type, axis=at.op.axis % at.type.rank)


def stack(at: At) -> Operand:
    axis = at.op.axis % at.type.rank
    dims = (*at.type.dims[:axis], 1, *at.type.dims[axis + 1 :])
    parts = [at.reshape(value, dims, "part") for value in at.all("inputs")]
    return parts[0] if len(parts) == 1 else at.add("Concat", *parts, to=at.type, axis=axis)


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}


def pad(at: At) -> Operand:
    x, op = at["x"], at.op
    pads: dict[int, tuple[int, int]] = op.each(Site(op, {"x": x.type}), x.type.rank)
    pads = {axis: amount for axis, amount in pads.items() if amount != (0, 0)}
    if not pads:
        return x
    if op.mode == "circular":  # ONNX has it from opset 19 on
        for axis, (before, after) in pads.items():
            x = _wrapped(at, x, axis, before, after)
        return x
    each = [pads.get(axis, (0, 0)) for axis in range(x.type.rank)]
    amounts = [*(before for before, _ in each), *(after for _, after in each)]
    filler = [at.like(op.value, x)] if op.mode == "constant" and op.value else []
    return at.add("Pad", x, at.emitter.integers(amounts), *filler, to=at.type, mode=_MODES[op.mode])


def _wrapped(at: At, x: Operand, axis: int, before: int, after: int) -> Operand:
    """One axis with the other end's values before and after it."""
    dims = x.type.dims

    def sized(size: Size) -> tuple[Size, ...]:
        return (*dims[:axis], size, *dims[axis + 1 :])

    parts = [x]
    if before:
        parts.insert(0, at.part(x, axis, -before, _FAR, sized(before), hint="end"))
    if after:
        parts.append(at.part(x, axis, 0, after, sized(after), hint="beginning"))
    type = x.type.with_dims(sized(dims[axis] + before + after))
    return at.add("Concat", *parts, to=type, axis=axis)


def flip(at: At) -> Operand:
    """Slices from the last position on, towards one before the first."""
    x, count = at["x"], len(at.op.axes)
    columns = [[-1] * count, [-_FAR] * count, list(at.op.axes), [-1] * count]
    return at.add("Slice", x, *map(at.emitter.integers, columns))


LINES: Lines = {
    "reshape": reshape,
    "flatten": reshape,
    "squeeze": reshape,
    "unsqueeze": reshape,
    "transpose": transpose,
    "rearrange": rearrange,
    "expand": expand,
    "tile": tile,
    "concat": concat,
    "stack": stack,
    "pad": pad,
    "flip": flip,
}
