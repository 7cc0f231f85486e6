"""Other shapes for the same values."""

from __future__ import annotations

from collections.abc import Sequence

from archc.ir.dims import Size
from archc.ir.types import product
from archc.ops.rearrange import Rearrange
from archc.ops.shape import Reshape, Transpose
from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use


def reshape(use: Use) -> Expr:
    assert isinstance(use.op, Reshape)
    return reshaped(use, use.expr("x"), use.op.shape)


def reshaped(use: Use, x: Expr, sizes: Sequence[Size]) -> Expr:
    """The value under a shape; PyTorch works out the one size that is not known, if there is but one."""
    if not sizes:
        return use.write("{x}.reshape(())", x=x)
    shape = sizes if -1 in sizes else known(sizes)
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
    """A split, a permutation and a merge, each only where something is split, permuted or merged."""
    assert isinstance(use.op, Rearrange)
    plan = use.op.plan(use.type("x"))
    split = divided(use, use.expr("x"), use.type("x").dims, plan.split)
    return merged(use, permuted(use, split, plan.order), plan.permuted, plan.merged)


def rearrange_module(use: Use) -> Expr | None:
    """Only a permutation has a module."""
    assert isinstance(use.op, Rearrange)
    plan = use.op.plan(use.type("x"))
    if plan.split != use.type("x").dims or plan.merged != plan.permuted:
        return None
    return use.write("Permute({order*})", order=use.numbers(plan.order))


def divided(use: Use, x: Expr, dims: Sequence[Size], split: Sequence[Size]) -> Expr:
    """A value of shape `dims` under the finer shape `split`."""
    groups = aligned(split, dims)
    if groups is None:
        return reshaped(use, x, split)
    changed = [axis for axis, group in enumerate(groups) if len(group) != 1]
    gone = [axis for axis in changed if not groups[axis]]
    if gone == changed:
        return use.write("{x}.squeeze({axes})", x=x, axes=use.axes(gone)) if gone else x
    if gone or (len(changed) > 1 and symbolic(split) < 2):
        return reshaped(use, x, split)
    for axis in reversed(changed):
        place = -1 if axis == len(dims) - 1 else axis
        x = use.write("{x}.unflatten({axis}, {sizes})", x=x, axis=place, sizes=use.tuple(known(groups[axis])))
    return x


def merged(use: Use, x: Expr, dims: Sequence[Size], wanted: Sequence[Size]) -> Expr:
    """A value of shape `dims` under the coarser shape `wanted`."""
    groups = aligned(dims, wanted)
    if groups is None:
        return reshaped(use, x, wanted)
    changed = [axis for axis, group in enumerate(groups) if len(group) != 1]
    new = [axis for axis in changed if not groups[axis]]
    if new == changed:
        return unsqueezed(use, x, new) if new else x
    if new or (len(changed) > 1 and symbolic(wanted) < 2):
        return reshaped(use, x, wanted)
    for axis in reversed(changed):
        start = sum(map(len, groups[:axis]))  # what is before has its axes still
        last = -1 if axis == len(wanted) - 1 else start + len(groups[axis]) - 1
        x = use.write("{x}.flatten({start}, {end|-1})", x=x, start=start, end=last)
    return x


def symbolic(sizes: Sequence[Size]) -> int:
    """How many of the sizes are known only at run time."""
    return sum(not isinstance(size, int) for size in sizes)


def known(sizes: Sequence[Size]) -> list[Size]:
    """The sizes, a single one that is known only at run time as -1."""
    return [size if isinstance(size, int) or symbolic(sizes) > 1 else -1 for size in sizes]


def aligned(fine: Sequence[Size], coarse: Sequence[Size]) -> list[list[Size]] | None:
    """Which of the fine sizes make each coarse one, in order; None where that is not plain."""
    groups: list[list[Size]] = []
    rest = list(fine)
    for size in coarse:
        group = [rest.pop(0)] if rest and rest[0] == size else []
        total = product(group)
        while total != size and rest:
            group.append(rest.pop(0))
            total = product(group)
        if total != size:
            return None
        groups.append(group)
    if rest and groups:
        groups[-1] += rest
    return groups if product(rest) == 1 and (groups or not rest) else None


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
    "flatten": Line("{x}.flatten({start}, {end|-1})", "nn.Flatten(start_dim={start|1}, end_dim={end|-1})"),
    "transpose": Line(transpose, transpose_module),
    "squeeze": Line(lambda use: use.write("{x}.squeeze({axes})", axes=use.axes(use.op.values["axes"]))),
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
