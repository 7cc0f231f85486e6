"""What can be said about a `train:` section before its data is there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from contextlib import suppress
from dataclasses import replace
from typing import Any

from archc.errors import Diagnostic, SpecError
from archc.ir.dims import symbol
from archc.ir.program import Program
from archc.ir.types import TensorType
from archc.spec.data import Mapping
from archc.train.graphs import Fields, Joint
from archc.train.phases import in_phase
from archc.train.reading import examined
from archc.train.section import Training
from archc.train.sources import Source, doubts, sources, used

UNKNOWN = re.compile(r"nothing is called '([^'.]*)")
TOLD = ("table", "hub")  # sources whose fields are of whatever type the data has


def check(program: Program) -> list[Diagnostic]:
    """Everything that is wrong with the spec's section, if it has one.

    Fields of the data are taken to be what models' inputs of their names are; what names no input
    is not judged, unless the source is known to have no such field.
    """
    if program.file is None or program.file.section("train") is None:
        return []
    training, found = judged(program)
    if training is not None:
        with suppress(SpecError):  # which is among the findings
            found += doubts(named_by(program, training), sources(program))
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
    try:
        fields, names = assumed(program, named_by(program, training))
    except SpecError:
        fields, names = assumed(program, [])
    if any(one.code in ("E202", "E203") for one in found):  # parts are left out
        names = None
    joint = Joint(program, training, fields)
    for update in training.updates:
        if not set(update.models) <= program.models.keys():
            names = None
            continue
        try:
            joint.add(update)
        except SpecError as error:
            new = (one for one in error.diagnostics if not about_fields(one, names))
            found += [one for one in new if one not in found]
            names = None  # a later update may ask for a value of this one
    return training, found


def named_by(program: Program, training: Training) -> list[Source]:
    """The sources that the section names. Raises SpecError."""
    section = program.file.section("train") if program.file is not None else None
    data = section.get("data") if isinstance(section, Mapping) else None
    return used(program, data, training.data)


def position(finding: Diagnostic) -> tuple[int, int]:
    place = finding.place
    return (place.line, place.column) if place is not None else (0, 0)


def about_fields(finding: Diagnostic, names: Collection[str] | None) -> bool:
    """Whether a finding says that a name means nothing, which the data might give a meaning.

    `names` are those of its fields, if they are known.
    """
    said = UNKNOWN.match(finding.message) if finding.code == "E210" else None
    return said is not None and (names is None or said[1] in names)


def assumed(program: Program, found: Sequence[Source]) -> tuple[Fields, frozenset[str] | None]:
    """The data's fields as far as their types are known, and the names of all, if those are.

    Those of inputs' names are what the inputs are. A label is the numbers of classes, but in a
    table, where it may be anything.
    """
    types: dict[str, TensorType | None] = {}
    for model in program.models.values():
        for name, type in model.input_types().items():
            types[name] = type if types.get(name, type) == type else None
    inputs = {name: type for name, type in types.items() if type is not None}
    own = [one.fields() for one in found]
    if not own or None in own:
        return inputs, None
    names = frozenset(name for each in own for name in each or ())
    fields = {name: type for name, type in inputs.items() if name in names}
    if "image" in names and "image" not in types:
        fields["image"] = TensorType("float32", tuple(map(symbol, ("N", "C", "H", "W"))))
    if "label" in names and "label" not in types and all(one.kind not in TOLD for one in found):
        batch = next((type.dims[:1] for type in fields.values() if type.rank), (symbol("N"),))
        fields["label"] = TensorType("int64", batch)
    return fields, names
