"""What ops on single values share: one typing rule, and NumPy's function of the same meaning."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

from archc.ir.types import FLOATING, NUMERIC, DType, TensorType
from archc.ops.base import Input, Op
from archc.ops.site import Site, TypingError
from archc.ops.sizes import broadcast

if TYPE_CHECKING:
    from archc.arrays import Array

SIGNED: frozenset[DType] = NUMERIC - {"uint8"}
BOOL: frozenset[DType] = frozenset({"bool"})


class Pointwise(Op):
    """`y = f(x)` value by value; y has x's type."""

    allowed: ClassVar[frozenset[DType]] = FLOATING
    numpy: ClassVar[str | None] = None  # NumPy's name of f

    def infer(self, at: Site) -> TensorType:
        return at.dtype("x", self.allowed)

    def evaluate(self, *arrays: Array) -> Array | None:
        return None if self.numpy is None else call(self.numpy, *arrays)


class Combining(Op):
    """`y = f(…)` of values that broadcast and share their element type."""

    allowed: ClassVar[frozenset[DType]] = NUMERIC
    result: ClassVar[DType | None] = None  # the result's element type; the inputs' if None
    numpy: ClassVar[str] = ""

    def infer(self, at: Site) -> TensorType:
        names = [slot.name for slot in self.inputs]
        types = self._types(at)
        dtype = at.matching(*names)
        if dtype not in self.allowed:
            raise TypingError(
                "E303", f"{self.name} takes {'/'.join(sorted(self.allowed))}, found {dtype}",
                about=names[0], label=dtype, help="convert first with cast",
            )  # fmt: skip
        return TensorType(self.result or dtype, broadcast(types, names, self.name))

    def _types(self, at: Site) -> list[TensorType]:
        return [at[slot.name] for slot in self.inputs]

    def evaluate(self, *arrays: Array) -> Array | None:
        return reduce(lambda a, b: call(self.numpy, a, b), arrays)


class Binary(Combining):
    """Two operands in an order that matters."""

    inputs = (Input("a"), Input("b"))


class Variadic(Combining):
    """One operand or more, in any order; absent ones do not count."""

    inputs = (Input("inputs", variadic=True),)
    commutative = True

    def _types(self, at: Site) -> list[TensorType]:
        return list(at.all("inputs"))


def call(name: str, *arrays: Array) -> Array:
    """NumPy's function of that name, the result an array whatever its rank."""
    import numpy as np

    function: Any = getattr(np, name)
    return np.asarray(function(*arrays))
