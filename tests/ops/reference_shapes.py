"""What ops of shapes and parts compute, said with PyTorch alone: a part of `reference`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Result = Tensor | tuple[Tensor, ...]


def rearrange(a: Any, i: Any, w: Any) -> Tensor:
    """Value by value: where each one stands on the left, and where on the right."""
    left, right = (re.findall(r"\(.*?\)|\S+", side) for side in a.pattern.split("->"))
    rest = [f"rest{axis}" for axis in range(i.x.ndim - len(left) + 1)]
    before, after = (named(side, rest) for side in (left, right))
    sizes = dict(a.sizes)
    for names, size in zip(before, i.x.shape, strict=True):
        unknown = [name for name in names if name not in sizes]
        for name in unknown:
            sizes[name] = size // math.prod(sizes[other] for other in names if other != name)
    y = torch.empty([math.prod(sizes[name] for name in names) for names in after]).to(i.x.dtype)
    for values in product(*(range(size) for size in sizes.values())):
        at = dict(zip(sizes, values, strict=True))
        y[tuple(places(after, at, sizes))] = i.x[tuple(places(before, at, sizes))]
    return y


def named(side: list[str], rest: list[str]) -> list[list[str]]:
    """The names of each axis; `...` is as many axes as are left over."""
    axes: list[list[str]] = []
    for part in side:
        names = [name for name in part.strip("()").split() if name != "1"]
        axes += [[name] for name in rest] if part == "..." else [names]
    return axes


def places(axes: list[list[str]], at: Mapping[str, int], sizes: Mapping[str, int]) -> Iterator[int]:
    for names in axes:
        place = 0
        for name in names:
            place = place * sizes[name] + at[name]
        yield place


def slices(a: Any, i: Any, w: Any) -> Tensor:
    index = [slice(None)] * i.x.ndim
    index[a.axis] = slice(a.start, a.stop, a.step)
    return i.x[tuple(index)]


def gather(a: Any, i: Any, w: Any) -> Tensor:
    axis = a.axis % i.x.ndim
    if isinstance(a.at, int):
        return i.x.select(axis, a.at)
    index = torch.tensor(a.at) if i.index is None else i.index.long()
    index = index % i.x.shape[axis]
    found = i.x.index_select(axis, index.reshape(-1))
    return found.reshape(*i.x.shape[:axis], *index.shape, *i.x.shape[axis + 1 :])


def split(a: Any, i: Any, w: Any) -> Result:
    size = i.x.shape[a.axis]
    if a.sizes is None:
        return i.x.split(size // len(a.into), a.axis)
    rest = size - sum(part for part in a.sizes if part != -1)
    return i.x.split([rest if part == -1 else part for part in a.sizes], a.axis)


def center_crop(a: Any, i: Any, w: Any) -> Tensor:
    x = i.x
    for axis in range(2, x.ndim):
        wanted = i.like.shape[axis]
        x = x.narrow(axis, (x.shape[axis] - wanted) // 2, wanted)
    return x


def pad(a: Any, i: Any, w: Any) -> Tensor:
    axes = list(range(2, i.x.ndim)) if a.axes is None else [axis % i.x.ndim for axis in a.axes]
    if a.pads is None:
        by = a.spatial * len(axes) if len(a.spatial) == 1 else a.spatial
        pads = dict(zip(axes, ((size, size) for size in by), strict=True))
    else:
        pads = dict(zip(axes, a.pads, strict=True))
    first = 0 if a.mode == "constant" else 2
    amounts = [n for axis in range(i.x.ndim - 1, first - 1, -1) for n in pads.get(axis, (0, 0))]
    return F.pad(i.x, amounts, a.mode, a.value if a.mode == "constant" else None)


def unsqueeze(a: Any, i: Any, w: Any) -> Tensor:
    rank = i.x.ndim + len(a.axes)
    x = i.x
    for axis in sorted(axis % rank for axis in a.axes):
        x = x.unsqueeze(axis)
    return x


def resize(a: Any, i: Any, w: Any) -> Tensor:
    axes = i.x.ndim - 2
    size, scale = (
        given * axes if given is not None and len(given) == 1 else given
        for given in (a.size, a.scale)
    )
    corners = None if a.mode == "nearest" else a.align_corners
    return F.interpolate(i.x, size, scale, a.mode, corners)
