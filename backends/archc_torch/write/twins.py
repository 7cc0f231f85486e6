"""The instances of a class side by side: what stands at the same place in all of their sketches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from archc_torch.sketch import Assign, For, If, Leaf, Sketch, Stmt, leaves

if TYPE_CHECKING:
    from archc.ir.types import TensorType


class Twins:
    """What a leaf or a statement of the first sketch gives, in all of them."""

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        modules = zip(*(leaves(sketch.modules) for sketch in sketches), strict=True)
        self._leaves = {id(twins[0]): twins for twins in modules}
        bodies = zip(*(_assigned(sketch.body) for sketch in sketches), strict=True)
        self._assigned = {id(twins[0]): twins for twins in bodies}

    def leaf(self, leaf: Leaf) -> list[TensorType]:
        """The type that each instance's module gives; none of a tensor."""
        return [twin.types[0] for twin in self._leaves[id(leaf)] if twin.types]

    def values(self, statement: Assign) -> list[list[TensorType | None]]:
        """For each value of the statement, its type by instance, None where that leaves it out."""
        every: list[list[TensorType | None]] = [
            [None if twin.absent else type for type in twin.types]
            for twin in self._assigned.get(id(statement), ())
        ]
        return [list(types) for types in zip(*every, strict=True)]


def _assigned(statements: list[Stmt]) -> Iterator[Assign]:
    for statement in statements:
        if isinstance(statement, Assign):
            yield statement
        elif isinstance(statement, For | If):
            yield from _assigned(statement.body)
