"""Weights that are computed from other weights: what passes leave in place of those they merge.

A rule works on whole arrays in float64; the result is rounded to the weight's element type.
`s` below is `scale / √(var + eps)` of a batch normalisation, one for each output channel, where a
scale that is not there is 1 and a bias or a mean that is not there is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from archc import arrays
from archc.arrays import Array
from archc.ir.nodes import Weight
from archc.ir.program import Arguments, Program, WeightEntry
from archc.ir.types import DType
from archc.spec.values import Argument
from archc.weights import Entry

Numbers = Mapping[str, float]
Sources = Mapping[str, Array]


def scaled(sources: Sources, numbers: Numbers) -> Array:
    """`weight · s` along the axis `axis`, which holds the output channels.

    With `groups`, the axis holds those of one group, and axis 0 the inputs of one group after the
    other: a transposed convolution's weight, `[in, out/groups, …]`.
    """
    weight, s = sources["weight"], _scale(sources, numbers)
    axis, groups = int(numbers["axis"]), int(numbers.get("groups", 1))
    shape = [1] * weight.ndim
    if groups == 1:
        shape[axis] = -1
        result: Array = weight * s.reshape(shape)
        return result
    shape[axis] = len(s) // groups
    split = weight.reshape(groups, -1, *weight.shape[1:])
    return (split * s.reshape(groups, *shape)).reshape(weight.shape)


def shifted(sources: Sources, numbers: Numbers) -> Array:
    """`shift + (bias - mean) · s`"""
    bias = sources.get("bias", 0.0) - sources["mean"]
    result: Array = sources.get("shift", 0.0) + bias * _scale(sources, numbers)
    return result


def _scale(sources: Sources, numbers: Numbers) -> Array:
    result: Array = sources.get("scale", 1.0) / np.sqrt(sources["var"] + numbers["eps"])
    return result


RULES: dict[str, Callable[[Sources, Numbers], Array]] = {"scaled": scaled, "shifted": shifted}


def derived(weight: Weight, sources: Mapping[str, Array], arguments: Arguments) -> Array:
    """The weight's values, of its element type (bfloat16 as bits).

    `sources` are the arrays it is derived from by their roles, held as `archc.arrays` holds them.
    ValueError if a value does not fit its type.
    """
    derive = weight.derive
    assert derive is not None
    wide = {
        role: arrays.cast(sources[role], source.type.dtype, "float64")
        for role, source in derive.sources
    }
    numbers = {
        name: arguments[value.name] if isinstance(value, Argument) else value
        for name, value in derive.values
    }
    return arrays.cast(RULES[derive.rule](wide, numbers), "float64", weight.type.dtype)


def sources(entry: WeightEntry) -> Iterator[tuple[str, str, Weight]]:
    """Role, full name and weight of each weight that an entry's weight is derived from."""
    derive = entry.weight.derive
    if derive is not None:
        prefix = entry.name.removesuffix(entry.weight.path)
        for role, source in derive.sources:
            yield role, prefix + source.path, source


def with_derived(program: Program, stored: Mapping[str, Entry]) -> dict[str, Entry]:
    """The weights of a program with derived ones by full name, ties under their owners' names.

    `stored` holds the weights of the program that it was made from, and stays open as long as the
    result is read: a derived weight is computed when it is asked for, and not kept.
    """
    result: dict[str, Entry] = {}
    for entry in program.weights():
        if entry.owner is None:
            given = list(sources(entry))
            result[entry.name] = _entry(entry, given, stored) if given else stored[entry.name]
    return result


def _entry(
    entry: WeightEntry, given: list[tuple[str, str, Weight]], stored: Mapping[str, Entry]
) -> Entry:
    def load() -> Array:
        read = {role: stored[name].array() for role, name, _ in given}
        return derived(entry.weight, read, entry.arguments)

    dtype: DType = entry.type.dtype
    return Entry(entry.name, dtype, tuple(d for d in entry.type.dims if isinstance(d, int)), load)
