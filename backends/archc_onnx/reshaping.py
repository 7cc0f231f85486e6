"""How a Reshape's sizes are said so that as few as possible are computed while the file runs."""

from __future__ import annotations

from archc.ir.dims import Size


def shortened(old: tuple[Size, ...], new: tuple[Size, ...]) -> list[Size]:
    """The new sizes as ONNX's Reshape may say them: 0 keeps an axis, one -1 is the rest."""
    kept = [
        0 if not isinstance(size, int) and axis < len(old) and old[axis] == size else size
        for axis, size in enumerate(new)
    ]
    open_axes = [axis for axis, size in enumerate(kept) if not isinstance(size, int)]
    if open_axes:  # the longest is the one that takes the most to compute
        longest = max(open_axes, key=lambda axis: len(str(kept[axis])))
        kept[longest] = -1
    return kept


def ones_moved(old: tuple[Size, ...], new: tuple[Size, ...]) -> tuple[str, list[int]] | None:
    """Squeeze or Unsqueeze with its axes, where only leading axes of size 1 go or come."""
    more = len(new) - len(old)
    for op_type, long, short in (("Unsqueeze", new, old), ("Squeeze", old, new)):
        axes: list[int] = []
        for axis, size in enumerate(long):
            place = axis - len(axes)
            if size == 1 and len(axes) < abs(more) and (place >= len(short) or short[place] != 1):
                axes.append(axis)
        left = tuple(size for axis, size in enumerate(long) if axis not in axes)
        if axes and left == short:
            return op_type, axes
    return None
