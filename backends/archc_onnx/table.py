"""The table of lines: archc's own, and those that packages offer.

A package offers lines as a module with `LINES`, ops' names to lines, under the entry point group
`archc_onnx.ops`. They never replace archc's own.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from archc.errors import ArchcError, UnsupportedError
from archc.ir.nodes import OpNode
from archc_onnx.line import Line

MODULES = (
    "activation", "arithmetic", "product", "attention", "conv", "pool", "norm", "recurrent",
    "reduce", "shape", "select", "source", "resize",
)  # fmt: skip


@cache
def lines() -> dict[str, Line]:
    """Every line by its op's name."""
    found: dict[str, Line] = {}
    for name in MODULES:
        found.update(import_module(f"archc_onnx.ops.{name}").LINES)
    for module in _offered():
        for name, line in module.LINES.items():
            found.setdefault(name, line)
    return found


def supports(op: str) -> bool:
    """Whether an op has a line; others are taken apart, where they can be."""
    return op in lines()


def unsupported(node: OpNode) -> ArchcError:
    """E601: an op without a line that cannot be taken apart, and which backends have it."""
    name = node.op.name
    others = _supporters(name)
    notes = [f"in {node.path}"]
    notes += [f"supported by: {', '.join(others)}"] if others else []
    return UnsupportedError.of(
        "E601",
        f"the op '{name}' has no form in ONNX for {', '.join(map(str, node.types))}",
        node.place,
        notes=notes,
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
