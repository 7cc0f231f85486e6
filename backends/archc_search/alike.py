"""Whether a child computes what its parent did, looked at before it is trained."""

from __future__ import annotations

from collections.abc import Mapping

import archc_torch
from archc.arrays import Array
from archc.ir.program import Program
from archc.sample import bindings, inputs
from archc_ort.verify import difference


def gap(
    parent: Program, old: Mapping[str, Array], child: Program, new: Mapping[str, Array]
) -> float | None:
    """The largest difference of outputs, over the largest magnitude of the parent's.

    Both are evaluated on the same random inputs. None where their inputs or outputs differ.
    """
    definition, other = parent.model, child.model
    if (definition.input_types(), definition.output_types()) != (
        other.input_types(),
        other.output_types(),
    ):
        return None
    feeds = inputs(definition, bindings(definition, 1)[0])
    expected = archc_torch.evaluate(archc_torch.module(parent, old), feeds)
    found = archc_torch.evaluate(archc_torch.module(child, new), feeds)
    return max(difference(value, found[name]) for name, value in expected.items())
