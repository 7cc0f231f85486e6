"""What can be said about a `train:` section before its data is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from dataclasses import replace
from typing import Any

from archc.errors import Diagnostic, SpecError
from archc.ir.dims import symbol
from archc.ir.program import Program
from archc.ir.types import TensorType
from archc.train.graphs import Fields, Joint
from archc.train.phases import in_phase
from archc.train.reading import examined
from archc.train.section import Training

PICTURES = ("mnist", "fashion_mnist", "idx", "images", "digits", "cifar10")  # fields: image, label


def check(program: Program) -> list[Diagnostic]:
    """Everything that is wrong with the spec's section, if it has one.

    Fields of the data are taken to be what models' inputs of their names are; what names no input
    is not judged, unless the source is known to have no such field.
    """
    if program.file is None or program.file.section("train") is None:
        return []
    training, found = judged(program)
    if training is not None:
        known = {(one.code, one.place, one.message) for one in found}
        later = of_phases(program, training)
        found += [one for one in later if (one.code, one.place, one.message) not in known]
    return sorted(found, key=position)


def of_phases(program: Program, training: Training) -> Iterator[Diagnostic]:
    """What is wrong with the spec in its phases, the parameters of each set."""
    for number, phase in enumerate(training.phases, 1):
        if not phase.set:
            continue
        found: Iterable[Diagnostic]
        try:
            _, found = judged(in_phase(program, phase), phase.lasting)
        except SpecError as error:
            found = error.diagnostics
        about = f"in phase {number}: {phase.place.source.name}:{phase.place.line}"
        yield from (replace(one, notes=(*one.notes, about)) for one in found)


def judged(
    program: Program, change: Map[str, Any] | None = None
) -> tuple[Training | None, list[Diagnostic]]:
    """The section as far as it can be read, and what is wrong with it for these parameters."""
    training, found = examined(program, change)
    if training is None or not training.updates:
        return training, found
    fields, complete = assumed(program, training)
    complete = complete and not any(one.code in ("E202", "E203") for one in found)  # parts left out
    joint = Joint(program, training, fields)
    for update in training.updates:
        if not set(update.models) <= program.models.keys():
            complete = False
            continue
        try:
            joint.add(update)
        except SpecError as error:
            found += [one for one in error.diagnostics if complete or not about_fields(one)]
            complete = False  # a later update may ask for a value of this one
    return training, found


def position(finding: Diagnostic) -> tuple[int, int]:
    place = finding.place
    return (place.line, place.column) if place is not None else (0, 0)


def about_fields(finding: Diagnostic) -> bool:
    """Whether a finding says that a name means nothing, which the data might give a meaning."""
    return finding.code == "E210" and finding.message.startswith("nothing is called")


def assumed(program: Program, training: Training) -> tuple[Fields, bool]:
    """The data's fields as far as they are known, and whether those are all."""
    found: dict[str, TensorType | None] = {}
    for model in program.models.values():
        for name, type in model.input_types().items():
            found[name] = type if found.get(name, type) == type else None
    inputs = {name: type for name, type in found.items() if type is not None}
    renamed = {
        new: inputs[old]
        for options in (training.data.values() if isinstance(training.data, dict) else ())
        for old, new in (options.items() if isinstance(options, dict) else ())
        if isinstance(new, str) and old in inputs
    }
    source = training.data if isinstance(training.data, str) else None
    short = bool(training.updates) and training.updates[0].short
    if source in PICTURES and ("image" in inputs or short):
        unknown = TensorType("float32", tuple(map(symbol, ("N", "C", "H", "W"))))
        image = inputs.get("image", unknown)
        label = inputs.get("label", TensorType("int64", image.dims[:1]))
        return {"image": image, "label": label}, True
    return {**inputs, **renamed}, False
