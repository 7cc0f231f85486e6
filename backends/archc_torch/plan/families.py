"""Definitions of one block of which some leave steps out, and that may share a class all the same.

Each is brought to the form of the largest. A step that is left out is a phantom there: it has the
largest one's form and no values. So one class serves them all, with conditions where the spec says
`when`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from archc.ir.program import Definition
from archc_torch.plan.alignment import Variant, aligned
from archc_torch.sketch import Branch, Leaf, Sketch
from archc_torch.tree import in_order


class Family(NamedTuple):
    """Definitions that may share a class, the largest first."""

    variants: tuple[Variant, ...]

    def gaps(self) -> dict[int, tuple[bool, ...]]:
        """For each node that some variant lacks: which variants have it."""
        every = frozenset().union(*(variant.phantoms for variant in self.variants))
        return {
            id: tuple(id not in variant.phantoms for variant in self.variants)
            for id in sorted(every)
        }


def families(definitions: Iterable[Definition]) -> list[Family]:
    """The definitions in groups of one block; one that fits to no other is a group of its own."""
    groups: dict[tuple[str, str], list[Definition]] = {}
    for definition in definitions:
        groups.setdefault((definition.source, str(definition.place)), []).append(definition)
    found: list[Family] = []
    for group in groups.values():
        rest = sorted(group, key=lambda definition: -len(definition.graph))  # stable
        while rest:
            largest = rest[0]
            made = [(definition, aligned(largest, definition)) for definition in rest]
            fitting = tuple(variant for _, variant in made if variant is not None)
            rest = [definition for definition, variant in made if variant is None]
            if not fitting:  # it does not even fit to itself: its nodes have no steps
                fitting = (Variant(largest, largest, frozenset(), {}),)
                rest = rest[1:]
            found.append(Family(fitting))
    return found


def fits(variant: Variant, sketch: Sketch) -> bool:
    """Whether a variant's modules, without what it leaves out, have its own weights' names."""
    return all(
        path == variant.paths.get(leaf.node)
        for path, leaf in _present(sketch.modules, "")
        if leaf.weighted
    )


def _present(branch: Branch, above: str) -> Iterator[tuple[str, Leaf]]:
    """The leaves that are there, with their paths as PyTorch counts them."""
    count = 0
    for name, child in branch.children.items():
        if child.gap is not None and _missing(child):
            continue
        own = str(count) if branch.chain and in_order(branch) else name
        path = f"{above}.{own}" if above else own
        count += child.count if isinstance(child, Leaf) else 1
        if isinstance(child, Leaf):
            yield path, child
        else:
            yield from _present(child, path)


def _missing(child: Branch | Leaf) -> bool:
    """Whether this instance leaves the child out."""
    return child.absent if isinstance(child, Leaf) else all(map(_missing, child.children.values()))
