"""Other shapes for the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archc.ir.dims import Size
from archc.ops.rearrange import Rearrange
from archc.ops.shape import Reshape, Transpose
from archc_torch.code import Expr, joined
from archc_torch.lines import Line
from archc_torch.use import Use


def reshape(use: Use) -> Expr:
    assert isinstance(use.op, Reshape)
    return reshaped(use, use.expr("x"), use.op.shape)


def reshaped(use: Use, x: Expr, sizes: Sequence[Size]) -> Expr:
    """The value under a shape; PyTorch works out the one size that is not known, if it is one."""
    if not sizes:
        return use.write("{x}.reshape(())", x=x)
    open_size = sum(not isinstance(size, int) for size in sizes) == 1 and -1 not in sizes
    shape = [-1 if open_size and not isinstance(size, int) else size for size in sizes]
    return use.write("{x}.reshape({sizes*})", x=x, sizes=use.sizes(shape))


def permuted(use: Use, x: Expr, order: Sequence[int]) -> Expr:
    """The axes in another order; two that change places are said so."""
    moved = [axis for axis, source in enumerate(order) if axis != source]
    if not moved:
        return x
    if len(moved) == 2:
        return use.write("{x}.transpose({a}, {b})", x=x, a=moved[0], b=moved[1])
    return use.write("{x}.permute({order*})", x=x, order=use.numbers(order))


def transpose(use: Use) -> Expr:
    assert isinstance(use.op, Transpose)
    return permuted(use, use.expr("x"), use.op.permutation(use.type("x").rank))


def transpose_module(use: Use) -> Expr:
    assert isinstance(use.op, Transpose)
    return use.write("Permute({order*})", order=use.numbers(use.op.permutation(use.type("x").rank)))


def rearrange(use: Use) -> Expr:
    """Axes are split, exchanged and merged, the last ones first: the others keep their places."""
    assert isinstance(use.op, Rearrange)
    plan = use.op.plan(use.type("x"))
    left, right = sides(use)
    sizes = dict(zip([name for group in left for name in group], plan.split, strict=True))
    x = use.expr("x")
    for axis, group in reversed(list(enumerate(left))):
        place = axis if axis < len(left) - 1 else -1
        if not group:
            x = use.write("{x}.squeeze({axis})", x=x, axis=axis)
        elif len(group) > 1:
            inner = joined([expr.code for expr in parts(use, group, sizes)])
            x = use.write(
                "{x}.unflatten({axis}, {sizes})", x=x, axis=place, sizes=Expr(("(", *inner, ")"))
            )
    x = permuted(use, x, plan.order)
    start = len(plan.split)
    for group in reversed(right):
        start -= len(group)
        if len(group) > 1:
            end = start + len(group) - 1
            last = -1 if group is next(g for g in reversed(right) if g) else end
            x = use.write("{x}.flatten({start}, {end|-1})", x=x, start=start, end=last)
    new = [axis for axis, group in enumerate(right) if not group]
    return unsqueezed(use, x, new) if new else x


def sides(use: Use) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The pattern's axes as the names they are made of, `...` written out."""
    assert isinstance(use.op, Rearrange)
    pattern = use.op.parsed
    more = use.type("x").rank - (len(pattern.left) - 1)
    rest = [(f"...{axis}",) for axis in range(more)]
    left, right = (
        [g for axes in side for g in (rest if axes == ("...",) else [axes])]
        for side in (pattern.left, pattern.right)
    )
    return left, right


def parts(use: Use, group: Sequence[str], sizes: Mapping[str, Size]) -> list[Expr]:
    """The sizes of an axis's parts; one that the spec leaves open stays open."""
    assert isinstance(use.op, Rearrange)
    given = dict(use.op.sizes)
    open_names = [name for name in group if name not in given]
    unknown = [name for name in group if not isinstance(sizes[name], int)]
    free = (open_names or unknown)[:1]
    found: list[Expr] = []
    for name in group:
        size = -1 if name in free else sizes[name]
        known = isinstance(size, int) and name in given
        found.append(Expr((use.hole(size, "size", name),)) if known else use.size(size))
    return found


def rearrange_module(use: Use) -> Expr | None:
    """Only a permutation has a module."""
    assert isinstance(use.op, Rearrange)
    plan = use.op.plan(use.type("x"))
    if any(len(group) != 1 for side in sides(use) for group in side):
        return None
    return use.write("Permute({order*})", order=use.numbers(plan.order))


def unsqueezed(use: Use, x: Expr, axes: Sequence[int]) -> Expr:
    """The value with new axes of size 1 at these places of the result."""
    if len(axes) == 1:
        return use.write("{x}.unsqueeze({axis})", x=x, axis=axes[0])
    index = ", ".join("None" if axis in axes else ":" for axis in range(max(axes) + 1))
    return use.write(f"{{x}}[{index}]", x=x)


def expand(use: Use) -> Expr:
    """Sizes that stay are -1."""
    dims, wanted = use.type("x").dims, use.outs[0].dims
    new = len(wanted) - len(dims)
    kept = [axis >= new and dims[axis - new] == size != 1 for axis, size in enumerate(wanted)]
    sizes: list[Size] = [-1 if keep else size for size, keep in zip(wanted, kept, strict=True)]
    return use.write("{x}.expand({sizes*})", sizes=use.sizes(sizes))


def unsqueeze(use: Use) -> Expr:
    rank = use.outs[0].rank
    return unsqueezed(use, use.expr("x"), sorted(axis % rank for axis in use.op.values["axes"]))


LINES = {
    "reshape": Line(reshape),
    "flatten": Line(
        "{x}.flatten({start}, {end|-1})", "nn.Flatten(start_dim={start|1}, end_dim={end|-1})"
    ),
    "transpose": Line(transpose, transpose_module),
    "squeeze": Line(
        lambda use: use.write("{x}.squeeze({axes})", axes=use.axes(use.op.values["axes"]))
    ),
    "unsqueeze": Line(unsqueeze),
    "expand": Line(expand),
    "rearrange": Line(rearrange, rearrange_module),
}

HELPERS = {
    "Permute": '''
class Permute(nn.Module):
    """The axes in another order."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)
''',
}
