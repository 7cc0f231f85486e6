"""What a step is given: by position, by name, or the value above it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from archc.elaborate.called import called
from archc.elaborate.context import StepError
from archc.elaborate.references import Given, resolve, unknown
from archc.elaborate.scope import (
    Frame,
    Poisoned,
    Reference,
    StepList,
    Tensor,
)
from archc.place import Place
from archc.spec.ast import Step
from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator

Feed = dict[int | str, Reference]


@dataclass(slots=True)
class Inputs:
    """What a step is given: by position, by name, and where the first stands."""

    positional: list[Given]
    named: dict[str, Given]
    place: Place


def values_read(frame: Frame, step: Step) -> list[Tensor] | None:
    """What the step reads, where that is values by their names, as nearly always; else None."""
    if step.reads is None:
        step.reads = plain_names(step)
    found: list[Tensor] = []
    for text in step.reads:
        item = frame.prev if text == "prev" else frame.scope.find(text)
        if item is None:
            return None
        item.used = True
        value = item.first
        if not isinstance(value, Tensor):
            return None
        found.append(value)
    return found or None


def plain_names(step: Step) -> tuple[str, ...]:
    """What the step reads where it is written as names without a dot; nothing where it is not."""
    data = step.value if isinstance(step.value, Sequence) else step.inputs
    if data is None:
        return ("prev",)
    if data is step.value and step.inputs is not None:
        return ()
    items = data.items if isinstance(data, Sequence) else [data]
    names = [
        item.value for item in items
        if isinstance(item, Scalar) and isinstance(item.value, str) and item.value.isidentifier()
    ]  # fmt: skip
    return tuple(names) if len(names) == len(items) else ()


def inputs_of(e: Elaborator, frame: Frame, step: Step, fed: Feed, names: list[str]) -> Inputs:
    """What the step is given; without `in` and a list, `prev`.

    `names` are the inputs of what it calls. `fed` replaces some of them, by name, and the first by
    0 as well.
    """
    first = names[0] if names else ""
    data = step.inputs
    if isinstance(step.value, Sequence):
        if data is not None:
            raise StepError.of(
                "E307", "inputs are written twice: as the op's list and as 'in'", data.place
            )
        data = step.value
    positional: list[Given] = []
    named: dict[str, Given] = {}
    place = data.place if data is not None else step.head_place
    if isinstance(data, Mapping):
        named = dict(by_name(e, frame, data, fed, first))
    elif isinstance(data, Sequence):
        positional = [
            given_at(e, frame, item, fed_at(fed, names, k)) for k, item in enumerate(data.items)
        ]
    elif data is not None:
        positional = [given_at(e, frame, data, fed_at(fed, names, 0))]
    if names and not positional and first not in named and not isinstance(data, Sequence):
        frame.prev.used = True
        replaced = fed_at(fed, names, 0)
        what = frame.prev.first if replaced is None else replaced
        named[first] = Given(what, "prev", step.head_place)
    for name, reference in fed.items() if fed else ():
        if isinstance(name, str) and name in named:
            named[name] = replace(named[name], what=reference)
    return Inputs(positional, named, place)


def fed_at(fed: Feed, names: list[str], k: int) -> Reference | None:
    """What replaces the input at a position."""
    if not fed:
        return None
    found = fed.get(names[k]) if k < len(names) else None
    return fed.get(0) if found is None and k == 0 else found


def by_name(
    e: Elaborator, frame: Frame, data: Mapping, fed: Feed, first: str
) -> list[tuple[str, Given]]:
    result: list[tuple[str, Given]] = []
    for key, entry in data.entries.items():
        name, value = str(key), entry.value
        replaced = fed.get(name, fed.get(0) if name == first else None)
        if is_spread(entry):
            result += spread(e, frame, name.removesuffix(".*"), entry.key)
            continue
        if isinstance(value, Scalar) and value.value is None:
            value = Scalar(name, entry.key.place)  # `{memory}`: the value of that name
        result.append((name, replace(given_at(e, frame, value, replaced), key=entry.key.place)))
    return result


def is_spread(entry: Entry) -> bool:
    """`{state.*}` among inputs by name: each of the step's outputs under its own name."""
    empty = isinstance(entry.value, Scalar) and entry.value.value is None
    return empty and str(entry.key.value).endswith(".*")


def spread(e: Elaborator, frame: Frame, name: str, key: Scalar) -> list[tuple[str, Given]]:
    """All outputs of a step, or all that a `rest` stands for, by name."""
    item = frame.prev if name == "prev" else frame.scope.find(name)
    if item is None:
        raise unknown(name, name, key.place, frame)
    if item.poisoned:
        raise Poisoned
    item.used = True
    return [
        (own, Given(reference, f"{name}.{own}", key.place, key=key.place))
        for own, reference in item.outputs.items()
    ]


def given_at(e: Elaborator, frame: Frame, data: Data, replaced: Reference | None) -> Given:
    if replaced is not None:
        return Given(replaced, "prev", data.place)
    return resolve(e, data, frame)


def do_inputs(e: Elaborator, frame: Frame, step: Step, fed: Feed) -> list[tuple[str | None, Given]]:
    """What a `do` is given: by name from a mapping; `prev` without any."""
    data = step.inputs
    if isinstance(data, Mapping):
        first = str(next(iter(data.entries), ""))
        return [(name, given) for name, given in by_name(e, frame, data, fed, first)]
    if isinstance(data, Sequence):
        return [
            (None, given_at(e, frame, item, fed.get(0) if k == 0 else None))
            for k, item in enumerate(data.items)
        ]
    if data is not None:
        return [(None, given_at(e, frame, data, fed.get(0)))]
    frame.prev.used = True
    return [(None, Given(fed.get(0, frame.prev.first), "prev", step.place))]


def input_names(e: Elaborator, frame: Frame, step: Step) -> list[str]:
    """The names of the inputs of what the step calls."""
    if step.body is not None:
        return [str(key) for key in step.inputs.entries] if isinstance(step.inputs, Mapping) else []
    name, _, space = e.head(frame, step)
    found = None if isinstance(name, StepList) else called(space.file, name)
    return [] if found is None else found.inputs


def other_inputs(e: Elaborator, frame: Frame, step: Step) -> list[Given]:
    """The inputs but the first, as a copy of a repeat reads them anew."""
    first, _ = first_written(e, frame, step)
    return [resolve(e, data, frame) for data in written_inputs(step) if data is not first]


def first_written(e: Elaborator, frame: Frame, step: Step) -> tuple[Data | None, str]:
    """What is written for the first input, None where that is `prev`, and the input's name."""
    names = input_names(e, frame, step)
    first = names[0] if names else ""
    data = step.value if isinstance(step.value, Sequence) else step.inputs
    if not isinstance(data, Mapping):
        return next(iter(written_inputs(step)), None), first
    entry = data.entries.get(first)
    if entry is None:
        return None, first
    empty = isinstance(entry.value, Scalar) and entry.value.value is None
    return entry.key if empty else entry.value, first


def written_inputs(step: Step) -> list[Data]:
    """The inputs as they were written, in order; an empty `{memory}` stands for its own name."""
    data = step.value if isinstance(step.value, Sequence) else step.inputs
    match data:
        case Mapping(entries):
            return [
                entry.key
                if isinstance(entry.value, Scalar) and entry.value.value is None
                else entry.value
                for entry in entries.values()
                if not is_spread(entry)
            ]
        case Sequence(items):
            return list(items)
    return [data] if data is not None else []
