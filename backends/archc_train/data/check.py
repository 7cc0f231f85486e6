"""What is wrong between the data and the networks, found before the first step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from archc.errors import Diagnostic, InputError
from archc.ir.program import Program
from archc.ir.types import TensorType
from archc.place import Place
from archc.spec.data import Mapping
from archc.train import Graphs, Training
from archc.train.graphs import unused
from archc_train.data.join import Joined, Renamed
from archc_train.data.meaning import Choosing, choices
from archc_train.data.part import DataSet, Fields, Part
from archc_train.data.raw import spoken
from archc_train.data.split import LABEL
from archc_train.data.text import Windows

CHUNK = 1 << 16  # items that are looked at together


def check(program: Program, training: Training, graphs: Graphs, data: DataSet) -> list[Diagnostic]:
    """The warnings: columns of files that nothing takes.

    Raises InputError E807 with all errors: a batch larger than the set, numbers that choose among
    classes or rows that there are not, and fields that the spec names and nothing takes.
    """
    found = [
        *batches(program, training, data),
        *ranges(graphs, data),
        *idle(program, training, graphs, data),
    ]
    errors = [one for one in found if one.severity == "error"]
    if errors:
        raise InputError(errors)
    return found


def entry_place(program: Program, training: Training, key: str) -> Place:
    """Where a key of the section stands, or the section."""
    section = program.file.section("train") if program.file is not None else None
    if isinstance(section, Mapping) and key in section.entries:
        return section.entries[key].value.place
    return training.place


def batches(program: Program, training: Training, data: DataSet) -> Iterator[Diagnostic]:
    if "train" not in data.parts:
        return
    sources = data.train.parts if isinstance(data.train, Joined) else {data.name: data.train}
    name, items = min(((name, len(part)) for name, part in sources.items()), key=lambda one: one[1])
    if training.batch > items:
        yield Diagnostic(
            "E807",
            f"a batch of {training.batch} is larger than the training part",
            entry_place(program, training, "batch"),
            notes=(f"{name} has {items} items to train on",),
            help=f"batch: {items}",
        )


def idle(
    program: Program, training: Training, graphs: Graphs, data: DataSet
) -> Iterator[Diagnostic]:
    """Fields that no update takes, if somebody meant them to be used.

    Those are the ones that the spec names, and columns of files, which one warning tells; classes a
    set has by its nature.
    """
    place = entry_place(program, training, "data")
    measured = {name for metric in training.metrics for name in metric.inputs}
    alone = [name for name in unused(data.types, graphs) if name not in measured]
    for name in alone:
        if name in data.asked:
            yield Diagnostic(
                "E807",
                f"nothing takes the field '{name}' of {data.name}",
                place,
                help="a network's input, a loss or a metric of that name would; or leave it out",
            )
    spare = data.columns - {LABEL} - (data.types.keys() - alone) - data.asked
    if spare:
        names = ", ".join(f"'{name}'" for name in sorted(spare)[:8]) + ", …" * (len(spare) > 8)
        yield Diagnostic(
            "E807",
            f"nothing takes the column{'s' if len(spare) > 1 else ''} {names} of {data.name}",
            place,
            help="a network's input of that name would, or a field that is made of it",
            severity="warning",
        )


def ranges(graphs: Graphs, data: DataSet) -> Iterator[Diagnostic]:
    for one in choices(graphs):
        if one.field not in data.types or data.types[one.field].dtype != "int64":
            continue
        for part, items in data.parts.items():
            wrong = outside(items, one)
            if wrong is not None:
                item, number = wrong
                yield Diagnostic(
                    "E807",
                    f"{one.field} {number} is out of range: there are {one.count} {one.what}",
                    one.place,
                    notes=(f"item {item} of {spoken(part)} of {data.name} has it",),
                    help=advice(one, number, data),
                )
                break


def advice(one: Choosing, number: int, data: DataSet) -> str:
    """What may help."""
    if number < 0:
        return f"numbers begin at 0; cross_entropy: {{ignore: {number}}} leaves such items out"
    words = data.facts.get("vocabulary")  # in a language model the classes, too
    known = words if one.what == "rows" else data.facts.get("labels", words)
    if isinstance(known, list) and number < len(known):
        return f"{data.name} has {len(known)} in all: make it as many {one.what}"
    return f"numbers begin at 0: the greatest is {one.count - 1}"


def outside(part: Part, one: Choosing) -> tuple[int, int] | None:
    """The first item with a number that is out of range, and that number."""
    for first, per_item, values in column(part, one.field):
        wrong = (values < 0) | (values >= one.count)
        if one.ignore is not None:
            wrong &= values != one.ignore
        if bool(wrong.any()):
            places = wrong.nonzero()[0]
            return first + int(places[0]) // per_item, int(values[tuple(places)])
    return None


def column(part: Part, name: str) -> Iterator[tuple[int, int, Tensor]]:
    """A field's values, `[rows, …]` at a time, without making the other fields.

    With each the number of its first item, and how many rows an item has.
    """
    match part:
        case Renamed(part=inner, names=names):
            yield from column(inner, next((old for old, new in names.items() if new == name), name))
        case Joined(parts=parts):
            own = next(one for one in parts.values() if name in one.batch(torch.arange(1)))
            yield from column(own, name)
        case Windows(numbers=numbers, length=length):
            yield 0, length, numbers
        case Fields(fields=fields):
            for items in torch.split(torch.arange(len(part)), CHUNK):
                yield int(items[0]), 1, fields[name][items]
        case _:
            for items in torch.split(torch.arange(len(part)), CHUNK):
                yield int(items[0]), 1, part.batch(items)[name]


def fitting(program: Program, training: Training, data: DataSet) -> None:
    """Raises InputError E807 for fields of another shape than the input of their name.

    Where the section is the short form; in the long form the graphs' own types tell.
    """
    found = list(misfits(program, training, data))
    if found:
        raise InputError(found)


def misfits(program: Program, training: Training, data: DataSet) -> Iterator[Diagnostic]:
    if not training.updates or not training.updates[0].short:
        return
    (model,) = training.updates[0].models
    for name, wanted in program.models[model].input_types().items():
        found = data.types.get(name)
        if found is None or fits(found, wanted):
            continue
        yield Diagnostic(
            "E807",
            f"the field '{name}' of {data.name} does not fit the input of {model}",
            entry_place(program, training, "data"),
            notes=(f"the input is {wanted}", f"the field is  {found}"),
            help=remedy(data.name, found, wanted),
        )


def fits(found: TensorType, wanted: TensorType) -> bool:
    if found.dtype != wanted.dtype or found.rank != wanted.rank:
        return False
    sizes = zip(found.dims, wanted.dims, strict=True)
    return all(a == b for a, b in sizes if isinstance(a, int) and isinstance(b, int))


def remedy(name: str, found: TensorType, wanted: TensorType) -> str:
    """What brings an image to another size or other colours."""
    if found.rank != 4 or wanted.rank != 4 or found.dtype != wanted.dtype:
        return ""
    (_, channels, *size), (_, colours, *room) = found.dims, wanted.dims
    options: dict[str, Any] = {}
    if channels != colours and colours in (1, 3):
        options["colours"] = "grey" if colours == 1 else "RGB"
    if size != room:
        more = [
            b - a
            for a, b in zip(size, room, strict=True)
            if isinstance(a, int) and isinstance(b, int)
        ]
        even = len(more) == 2 and more[0] == more[1] and more[0] > 0 and more[0] % 2 == 0
        options |= {"pad": more[0] // 2} if even else {"size": room}
    return f"data: {{{name}: {{" + ", ".join(f"{k}: {v}" for k, v in options.items()) + "}}"
