"""All ops by name: archc's own, and those that packages offer under `archc.ops`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType

from archc.ops.base import Op

MODULES = (
    "linear", "conv", "pool", "adaptive", "norm", "embedding", "recurrent", "cell", "attention",
    "dropout", "activation", "softmax", "arithmetic", "elementwise", "compare", "product", "reduce",
    "shape", "rearrange", "select", "split", "assemble", "resize", "source", "loss",
    "cross_entropy", "draw", "gradient",
)  # fmt: skip


@cache
def ops() -> dict[str, type[Op]]:
    """Every op's class by its name in specs; a package's op never replaces one of archc's own."""
    found: dict[str, type[Op]] = {}
    for name in MODULES:
        found.update((op.name, op) for op in declared(import_module(f"archc.ops.{name}")))
    for module in _offered():
        for op in declared(module):
            found.setdefault(op.name, op)
    return found


def declared(module: ModuleType) -> Iterator[type[Op]]:
    """The concrete ops that a module declares, in its order."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Op) and is_concrete(value, module):
            yield value


def is_concrete(op: type[Op], module: ModuleType) -> bool:
    """Whether the module itself declares the op, with a typing rule, and means it to be used."""
    own = op.__module__ == module.__name__ and not op.__name__.startswith("_")
    return own and op.infer is not Op.infer


def _offered() -> Iterator[ModuleType]:
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group="archc.ops"), key=lambda point: point.name):
        module = point.load()
        if isinstance(module, ModuleType):
            yield module
