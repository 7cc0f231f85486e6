"""Where a shape comes from, for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.elaborate.context import StepError
from archc.elaborate.references import Given
from archc.elaborate.scope import Frame, Tensor
from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, InputNode, OpNode
from archc.ops.site import TypingError
from archc.spec import slips
from archc.spec.ast import Step
from archc.spec.data import Mapping, Scalar

if TYPE_CHECKING:
    from archc.elaborate.inputs import Inputs
    from archc.place import Place


def typing_error(
    error: TypingError,
    frame: Frame,
    step: Step,
    places: dict[str, Place],
    bound: dict[str, list[Given]],
    inputs: Inputs,
) -> StepError:
    """An op's complaint where it belongs, with the origin of every shape involved.

    `places` are those of the attributes.
    """
    place = step.head_place
    if error.about in places:
        place = places[error.about]
    elif error.about in bound and error.about in inputs.named:
        place = bound[error.about][0].place
    given = [part for parts in bound.values() for part in parts]
    notes = [*error.notes, *origins(given), *frame.builder.trace]
    help = error.help or slips.listed(str(step.head), [one.what for one in inputs.positional])
    return StepError.of(error.code, error.message, place, label=error.label, help=help, notes=notes)


def origins(given: list[Given]) -> list[str]:
    """A line for each input: its shape, and the step that gave it that shape."""
    rows = [(part.text, part.what) for part in given if isinstance(part.what, Tensor)]
    if not rows:
        return []
    wide = max(len(text) for text, _ in rows)
    shapes = [tensor.type.shape_text for _, tensor in rows]
    wider = max(map(len, shapes))
    return [
        f"{text:<{wide}}  {shape:<{wider}}  {origin(tensor.builder.graph, tensor.value)}"
        for (text, tensor), shape in zip(rows, shapes, strict=True)
    ]


def origin(graph: Graph, value: Value) -> str:
    """Where a value got its shape: back through the ops that keep their input's type."""
    node = graph.node(value.node)
    while isinstance(node, OpNode) and node.op.inputs:
        first = next(iter(graph.present(value.node)), None)
        if first is None or graph.type(first) != node.types[value.port]:
            break
        value = first
        node = graph.node(value.node)
    if isinstance(node, InputNode):
        return f"from the input {node.name}"
    what = (
        node.op.name
        if isinstance(node, OpNode)
        else node.definition.source
        if isinstance(node, CallNode)
        else ""
    )
    where = f" at {node.place}" if node.place else ""
    return f"from {what}{where}{_main_text(node.step)}"


def _main_text(step: Step | None) -> str:
    """The attribute that most likely made the shape, as it was written."""
    data = step.value if step else None
    if isinstance(data, Mapping):
        entry = next(
            (
                data.entries[key]
                for key in ("out", "dim", "hidden", "shape", "size")
                if key in data.entries
            ),
            None,
        )
        if entry is not None and isinstance(entry.value, Scalar):
            return f" ({entry.key.value}: {entry.value.value})"
    if isinstance(data, Scalar) and data.value is not None:
        return f" ({data.value})"
    return ""
