"""Steps as definitions of their own, which capture what they see outside: the copies of a `do`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.elaborate.builder import Builder
from archc.elaborate.feeds import reference_of
from archc.elaborate.inputs import do_inputs
from archc.elaborate.scope import (
    Frame,
    Group,
    Item,
    Poison,
    Poisoned,
    Reference,
    Scope,
    Tensor,
    item_of,
)
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, Copies
from archc.ir.program import Definition
from archc.spec.ast import Step

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator, Feed


def child(frame: Frame, path: str) -> Frame:
    """A frame whose steps go into a graph of their own and may capture what they see outside."""
    outer = frame.builder
    inner = Builder(
        outer.context,
        parent=outer,
        uses=outer.uses,
        symbols=dict(outer.symbols),
        model_symbols=outer.model_symbols,
        parameters=outer.parameters,
    )
    scope = outer.context.noted(Scope("", frame.scope))
    return replace(frame, builder=inner, scope=scope)


def body_call(e: Elaborator, frame: Frame, step: Step, path: str, fed: Feed) -> Item:
    """A `do` as a call of a definition made of its steps. Raises StepError, Poisoned."""
    assert step.body is not None
    inner = child(frame, path)
    inner.builder.unrolls = step
    values: list[Value] = []
    prev: Item | None = None
    for k, (name, given) in enumerate(do_inputs(e, frame, step, fed)):
        reference = reference_of(given, frame)
        item = item_of(enter(inner.builder, reference, name or f"x{k or ''}", frame, values, step))
        item.used = True
        prev = prev or item
        if name is not None:
            inner.scope.items[name] = item
    frozen = e.evaluator.frozen(step, frame)
    last = e.steps(step.body, inner.inside(inner.scope, prev or frame.prev, frozen))
    if not isinstance(last.first, Tensor):
        raise Poisoned
    definition = finish(e, inner, step, path, {"y": inner.builder.bring(last.first)})
    node = CallNode(
        path=path,
        types=tuple(definition.output_types().values()),
        slots=definition.input_names(),
        place=step.place,
        step=step,
        definition=definition,
        arguments=own_arguments(frame),
        copies=Copies(path),
        outputs=("y",),
    )
    id = frame.builder.graph.add(node, [*values, *captured(inner.builder, frame)])
    return Item({"y": frame.builder.tensor(id)}, node=id, builder=frame.builder, path=path)


def own_arguments(frame: Frame) -> dict[str, Any]:
    """The enclosing definition's parameters, passed on under their own names.

    Not as they are bound here: steps that a caller gave do not see them.
    """
    return dict(frame.builder.parameters)


def enter(
    builder: Builder, reference: Reference, name: str, frame: Frame, values: list[Value], step: Step
) -> Reference:
    """An input of the inner definition for an outer value.

    `values` gathers what the call is fed.
    """
    if isinstance(reference, Poison):
        raise Poisoned
    if isinstance(reference, Group):
        return Group(
            tuple(
                enter(builder, item, f"{name}.{k}", frame, values, step)
                for k, item in enumerate(reference.items)
            )
        )
    if isinstance(reference, Tensor):
        values.append(frame.builder.bring(reference))
        return builder.input(name, reference.type, step.place)
    return reference


def finish(
    e: Elaborator, inner: Frame, step: Step, path: str, outputs: dict[str, Value]
) -> Definition:
    name = path.replace(".", "_")
    return Definition(
        name=e.context.unique(name),
        kind="body",
        graph=inner.builder.graph,
        place=step.place,
        inputs=tuple(inner.builder.inputs),
        outputs=outputs,
        parameters=tuple(inner.builder.parameters),
        source=name,
        symbol_values=dict(inner.builder.symbols),
    )


def captured(builder: Builder, frame: Frame) -> list[Value]:
    """The outer values that the inner graph captured, as values of the frame's graph."""
    return [frame.builder.bring(tensor) for tensor in builder.captured.values()]
