"""The table of lines: archc's own, and those that packages offer.

A package offers lines as a module with `LINES`, ops' names to lines, under the entry point group
`archc_onnx.ops`; it may have `DECLINES`, too. They never replace archc's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType

from archc.errors import Diagnostic
from archc.ir.nodes import OpNode
from archc.ops.base import Op
from archc.passes.expand import Expand
from archc_onnx.line import Line

MODULES = (
    "activation", "arithmetic", "product", "attention", "conv", "pool", "norm", "recurrent",
    "reduce", "shape", "select", "source", "resize",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """All lines there are, and the uses of their ops that they decline."""

    lines: Mapping[str, Line]
    declines: Mapping[str, Callable[[Op], bool]]

    def has(self, op: Op) -> bool:
        """Whether there is a line for the op with these attributes."""
        declines = self.declines.get(op.name)
        return op.name in self.lines and not (declines is not None and declines(op))


@cache
def table() -> Table:
    """The table, read once."""
    lines: dict[str, Line] = {}
    declines: dict[str, Callable[[Op], bool]] = {}
    own = [import_module(f"archc_onnx.ops.{name}") for name in MODULES]
    for module in [*own, *_offered()]:
        new = {name: line for name, line in module.LINES.items() if name not in lines}
        lines.update(new)
        offered = getattr(module, "DECLINES", {})
        declines.update((name, test) for name, test in offered.items() if name in new)
    return Table(lines, declines)


@dataclass(frozen=True)
class TakeApart(Expand):
    """Takes apart every op without a line, and every use of one that its line declines."""

    supported: frozenset[str] = frozenset()

    def lacks(self, op: Op) -> bool:
        return type(op).expand is not Op.expand and not table().has(op)


def supports(op: str) -> bool:
    """Whether an op has a line; others are taken apart, where they can be."""
    return op in table().lines


def unsupported(node: OpNode) -> Diagnostic:
    """E601: an op without a line that cannot be taken apart, and which backends have it."""
    name = node.op.name
    others = _supporters(name)
    notes = [f"in {node.path}"]
    notes += [f"supported by: {', '.join(others)}"] if others else []
    return Diagnostic(
        "E601",
        f"the op '{name}' has no form in ONNX for {', '.join(map(str, node.types))}",
        node.place,
        notes=tuple(notes),
        help="a package can bring a line for it (entry point group archc_onnx.ops), or the op "
        "itself an 'expand'",
    )


def _supporters(name: str) -> list[str]:
    """The other installed backends that say they support the op."""
    from importlib.metadata import entry_points

    found = []
    for point in sorted(entry_points(group="archc.backends"), key=lambda point: point.name):
        if point.value == "archc_onnx":
            continue
        try:
            backend = point.load()
        except ImportError:
            continue
        asks = getattr(backend, "supports", None)
        if callable(asks) and asks(name):
            found.append(point.name)
    return found


def _offered() -> list[ModuleType]:
    from importlib.metadata import entry_points

    points = sorted(entry_points(group="archc_onnx.ops"), key=lambda point: point.name)
    return [module for point in points if isinstance(module := point.load(), ModuleType)]
