"""References.

`step`, `step.output`, `scope.step`, `name.3`, `name.*`, an input's name, or a weight's.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from archc.elaborate.context import StepError, Unroll
from archc.elaborate.scope import Frame, Group, Item, Poison, Poisoned, Reference, Tensor, item_of
from archc.errors import did_you_mean
from archc.ir.nodes import CallNode, OpNode, WeightRef
from archc.ir.program import Definition, is_learnable
from archc.ir.types import TensorType
from archc.place import Place
from archc.records import record
from archc.spec.ast import Step
from archc.spec.data import Data, Scalar
from archc.spec.values import ABSENT, Argument

if TYPE_CHECKING:
    from archc.elaborate.builder import Builder
    from archc.elaborate.elaborator import Elaborator

Literal = int | float | bool | Argument


@record
class Given:
    """What was written as an input: a reference or a number, with its text and place."""

    what: Reference | Literal
    text: str
    place: Place
    starred: bool = False
    spread: bool = False  # it reads `prev`, which changes from copy to copy
    key: Place | None = None  # where its name stands, if it is given by name


def resolve(e: Elaborator, data: Data, frame: Frame) -> Given:
    """The input that the data names. Raises StepError, Poisoned."""
    place = data.place
    if not isinstance(data, Scalar):
        raise StepError.of("E202", "an input is a reference or a number", place)
    value: Any = e.evaluator.value(data, frame)
    if isinstance(value, bool | int | float | Argument):
        return Given(value, str(data.value), place)
    if isinstance(value, Tensor | Poison) or value is None:
        if value is None:
            raise StepError.of("E202", "an input is a reference or a number, found nothing", place)
        return Given(value, str(data.value), place, spread=reads_prev(data))
    if not isinstance(value, str):
        raise StepError.of(
            "E202", f"an input is a reference or a number, found {type(value).__name__}", place
        )
    starred = "*" in value
    reference = follow(e, value, place, frame)
    return Given(reference, value, place, starred, reads_prev(data))


def reads_prev(data: Data) -> bool:
    if not isinstance(data, Scalar):
        return False
    if data.formula is not None:
        return "prev" in getattr(data.formula, "names", ())
    return isinstance(data.value, str) and data.value.split(".")[0] == "prev"


def follow(e: Elaborator, text: str, place: Place, frame: Frame) -> Reference:
    """The value that a reference's text means."""
    head, *rest = text.split(".")
    item = frame.prev if head == "prev" else frame.scope.find(head)
    if item is not None:
        item.used = True
        if item.poisoned or item.first is ABSENT:
            return item.first  # whatever is asked of it
        found = descend(item, rest)
        if found is not None:
            return found
    weight = weight_reference(e, text, place, frame)
    if weight is not None:
        ref, type, builder = weight
        return builder.read(ref, type, place)
    if "*" in text and head in frame.space.file.models:
        return weights_like(e, text, head, place, frame)
    if item is None:
        raise unknown(text, head, place, frame)
    known = [*item.outputs, *(item.inside.items if item.inside else ())]
    raise StepError.of(
        "E210",
        f"'{head}' has nothing called '{'.'.join(rest)}'",
        place,
        help=did_you_mean(rest[-1], known),
        notes=frame.builder.trace,
    )


def descend(item: Item, segments: list[str]) -> Reference | None:
    """What the segments name below an item; None if nothing.

    Raises Unroll for copies of a counted repeat.
    """
    if not segments:
        item.used = True
        return item.first
    segment, *rest = segments
    if item.counted is not None:
        assert isinstance(item.counted, Step)
        if segment not in item.outputs or item.counted.body is not None:
            raise Unroll(item.counted)
    if segment == "*":
        if item.copies is not None:
            parts = [descend(copy, rest) for copy in item.copies]
        elif isinstance(item.first, Group) and not rest:
            return item.first
        else:
            return None
        if any(part is None for part in parts):
            return None
        return Group(tuple(part for part in parts if part is not None))
    if segment.isdigit():
        index = int(segment)
        if item.copies is not None and index < len(item.copies):
            return descend(item.copies[index], rest)
        if isinstance(item.first, Group) and index < len(item.first) and not rest:
            return item.first.items[index]
    if item.inside is not None and segment in item.inside.items:
        return descend(item.inside.items[segment], rest)  # a step may be called as the output is
    if segment in item.outputs:
        reference = item.outputs[segment]
        return reference if not rest else descend(item_of(reference), rest)
    return None


def weight_reference(
    e: Elaborator, text: str, place: Place, frame: Frame
) -> tuple[WeightRef, TensorType, Builder] | None:
    """The weight called so, its type and the builder it is read in; None if there is none."""
    head, *rest = text.split(".")
    item = frame.scope.find(head)
    if item is not None and item.builder is not None:
        for start in paths(item):
            path = ".".join([start, *rest])
            type = item.builder.find_weight(path)
            if type is not None:
                item.used = True
                return WeightRef(path), type, item.builder
        return None
    if rest and head in frame.space.file.models:
        from archc.elaborate.models import standalone

        definition = standalone(e, frame.space, head, place)
        from archc.elaborate.builder import find_weight

        path = ".".join(rest)
        type = find_weight(definition, path) if definition is not None else None
        return (WeightRef(path, head), type, frame.builder) if type is not None else None
    return None


def weights_like(e: Elaborator, text: str, head: str, place: Place, frame: Frame) -> Group:
    """The trained weights of a model and of those that it calls whose names fit a pattern."""
    from archc.elaborate.models import standalone

    definition = standalone(e, frame.space, head, place)
    if definition is None:
        raise Poisoned
    found = dict(trained(definition, head, ""))
    pattern = text.partition(".")[2]
    names = [(model, path) for model, path in found if fnmatchcase(path, pattern)]
    if not names:
        known = [f"{head}.{path}" for _, path in found]
        what = f"no trained weight of {head} fits '{text[:80]}'"
        raise StepError.of("E313", what, place, help=did_you_mean(text, known))
    reads = (
        frame.builder.read(WeightRef(path, model), found[model, path], place)
        for model, path in names
    )
    return Group(tuple(reads))


def trained(
    definition: Definition, model: str, prefix: str
) -> Iterator[tuple[tuple[str, str], TensorType]]:
    """The trained weights of a definition in a model, as that model and their path in it."""
    for _, node in definition.graph.nodes():
        if isinstance(node, OpNode):
            for weight in node.weights:
                if is_learnable(weight):
                    yield (model, prefix + weight.path), weight.type
        elif isinstance(node, CallNode) and node.model is not None:
            yield from trained(node.definition, node.model, "")
        elif isinstance(node, CallNode):
            for path in (node.copies.path(k) for k in range(node.count)):
                yield from trained(node.definition, model, f"{prefix}{path}." if path else prefix)


def paths(item: Item) -> list[str]:
    """Where an item's weights may be: below its own path, or of copies, below their common one."""
    whole = item.path.rpartition(".")[0]
    copied = item.copies is not None or item.counted is not None
    return [item.path, whole] if copied else [item.path]


def unknown(text: str, head: str, place: Place, frame: Frame) -> StepError:
    later = _written_later(head, frame)
    help = (
        f"'{head}' is a step further down: a name is used after its step"
        if later
        else did_you_mean(head, {*frame.scope.names(), "prev"} - {""})
    )
    return StepError.of(
        "E221" if later else "E210",
        f"nothing is called '{text[:80]}' here",
        place,
        help=help,
        notes=frame.builder.trace,
    )


def _written_later(name: str, frame: Frame) -> bool:
    opened = frame.builder.context.open
    steps = list(opened[-1].steps) if opened else []
    while steps:
        step = steps.pop()
        if isinstance(step.name, Scalar) and str(step.name.value) == name:
            return True
        steps.extend(step.body or ())
    return False
