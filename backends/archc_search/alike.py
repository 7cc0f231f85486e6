"""A child's first weights, and whether it computes with them what its parent did."""

from __future__ import annotations

from collections.abc import Mapping

import archc_torch
from archc.arrays import Array, difference
from archc.ir.program import Program
from archc.sample import bindings, feasible, inputs, sizes_of
from archc.search.deepen import passing
from archc.search.inherit import inherited

SIZES = 8  # that are tried
ALIKE = 1e-5  # of the largest magnitude: so far two outputs may be apart and be the same


def heir(
    parent: Program, old: Mapping[str, Array], child: Program, seed: int = 0
) -> tuple[dict[str, Array], float | None]:
    """The child's weights by full name, from its parent's, and the gap between the two.

    Layers that the parent has not begin as the spec says, unless only others keep the function.
    """
    weights = inherited(child, parent, old, seed)
    found, new = gap(parent, old, child, weights), weights.keys() - old.keys()
    if found is None or found <= ALIKE or not new:
        return weights, found
    tried = [(found, weights)]
    for beside in (True, False):
        others = passing(child, weights, new, beside)
        other = gap(parent, old, child, others)
        assert other is not None
        tried.append((other, others))
        if other <= ALIKE:
            break
    distance, nearest = min(tried, key=lambda one: one[0])
    return nearest, distance


def gap(
    parent: Program, old: Mapping[str, Array], child: Program, new: Mapping[str, Array]
) -> float | None:
    """The largest difference of outputs, over the largest magnitude of the parent's.

    Both are evaluated on the same random inputs. None where their inputs or outputs differ, or no
    small inputs are large enough for both.
    """
    definition, other = parent.model, child.model
    if (definition.input_types(), definition.output_types()) != (
        other.input_types(),
        other.output_types(),
    ):
        return None
    own = list(sizes_of(other))
    sizes = next((one for one in bindings(definition, SIZES) if feasible(own, one)), None)
    if sizes is None:
        return None
    feeds = inputs(definition, sizes)
    expected = archc_torch.evaluate(archc_torch.module(parent, old), feeds)
    found = archc_torch.evaluate(archc_torch.module(child, new), feeds)
    return max(difference(value, found[name]) for name, value in expected.items())
