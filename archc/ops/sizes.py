"""What typing rules ask of sizes: whether they divide, broadcast, or can be at all."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from archc.init import Init
from archc.ir.dims import Size, lower_bound
from archc.ir.types import TensorType
from archc.ops.site import TypingError


def same(a: Size, b: Size) -> bool:
    """Whether two sizes are equal, exactly and for every value of their symbols."""
    return a == b


def divide(size: Size, by: Size, what: str, about: str) -> Size:
    """`size / by`, which must come out even. Raises TypingError E306."""
    if by == 1:
        return size
    rest = 1 if by == 0 else size % by
    if rest != 0 and not isinstance(rest, int):
        raise TypingError(
            "E306",
            f"{what}: {size} is not known to be divisible by {by}",
            about=about,
            help=f"declare the size as a multiple, such as ={by}*n",
        )
    if rest != 0:
        raise TypingError("E306", f"{what}: {size} is not divisible by {by}", about=about)
    return size // by


def around(fan: Size) -> Init:
    """Uniform in ±1/√fan, where PyTorch's layers begin unless said otherwise."""
    bound = 1 / sqrt(fan) if isinstance(fan, int) and fan > 0 else 0.0
    return Init("uniform", (-bound, bound))


def whole(sizes: Sequence[Size]) -> list[int] | None:
    """The sizes where all of them are numbers."""
    found = [size for size in sizes if isinstance(size, int)]
    return found if len(found) == len(sizes) else None


def impossible(size: Size) -> bool:
    """Whether the size is below 0 for every value of its symbols."""
    if isinstance(size, int):
        return size < 0
    most = lower_bound(-size)
    return most is not None and most > 0


def broadcast(types: Sequence[TensorType], names: Sequence[str], op: str) -> tuple[Size, ...]:
    """The common shape of values that broadcast as in NumPy. Raises TypingError E301."""
    shapes = [t.dims for t in types]
    if shapes and shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    rank = max(map(len, shapes), default=0)
    result: list[Size] = []
    for axis in range(-rank, 0):
        wide = [size for dims in shapes if len(dims) >= -axis and (size := dims[axis]) != 1]
        if any(size != wide[0] for size in wide[1:]):
            raise TypingError(
                "E301", f"{op}: shapes do not match", label="inputs must broadcast", about="inputs"
            )
        result.append(wide[0] if wide else 1)
    return tuple(result)
