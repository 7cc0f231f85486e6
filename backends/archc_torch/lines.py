"""How ops are written in PyTorch: one line each, in `archc_torch.ops` by family.

A module of lines has a table `LINES`, an op's name to its `Line`, and may have `HELPERS`, a
function's or a class's name to its source, which a file that uses it begins with. Packages offer
such modules under the entry point group `archc_torch.ops`; they never replace a line that is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from archc_torch.code import Expr

if TYPE_CHECKING:
    from archc_torch.use import Use

MODULES = (
    "activation",
    "arithmetic",
    "compare",
    "conv",
    "pool",
    "norm",
    "linear",
    "recurrent",
    "attention",
    "reduce",
    "shape",
    "select",
    "assemble",
    "source",
    "train",
)

Writer = str | Callable[["Use"], Expr | str | None]


@dataclass(frozen=True, slots=True)
class Line:
    """How one op is written. A writer that gives None has no such form for that use."""

    # An expression on tensors; weights are operands in it under their names.
    call: Writer | None = None
    # The constructor of a torch.nn module that keeps the op's weights under their names, or stands
    # for the op in an nn.Sequential.
    module: Writer | None = None
    # How that module is called if not on `x` alone, and how several outputs of it are unpacked.
    applied: Writer | None = None
    targets: str = ""


def chained(sign: str) -> Line:
    """An operator between all operands."""

    def call(use: Use) -> Expr:
        from archc_torch.use import chain

        return chain(use.exprs("inputs"), sign)

    return Line(call)


class Table(NamedTuple):
    """All lines and helpers there are."""

    lines: Mapping[str, Line]
    helpers: Mapping[str, str]

    @property
    def supported(self) -> frozenset[str]:
        """The ops that need not be taken apart."""
        return frozenset(self.lines)


@cache
def table() -> Table:
    """The lines of this package and those that others offer."""
    lines: dict[str, Line] = {}
    helpers: dict[str, str] = {}
    own = [import_module(f"archc_torch.ops.{name}") for name in MODULES]
    for module in [*own, *_offered()]:
        for name, line in module.LINES.items():
            lines.setdefault(name, line)
        for name, source in getattr(module, "HELPERS", {}).items():
            helpers.setdefault(name, source)
    return Table(lines, helpers)


def _offered() -> list[ModuleType]:
    from importlib.metadata import entry_points

    points = sorted(entry_points(group="archc_torch.ops"), key=lambda point: point.name)
    return [module for point in points if isinstance(module := point.load(), ModuleType)]
