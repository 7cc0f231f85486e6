"""`repeat`: a chain of copies. Equal copies become one counted node."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.elaborate.context import MAX_REPEAT, StepError
from archc.elaborate.inputs import input_names, other_inputs, written_inputs
from archc.elaborate.references import resolve
from archc.elaborate.scope import Frame, Item, Poisoned, Tensor
from archc.ir.dims import Dim
from archc.ir.nodes import CallNode, Copies
from archc.place import Place
from archc.spec.ast import Step, formula_names
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.formula import Formula
from archc.spec.values import ABSENT

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator


def copies(e: Elaborator, data: Data, frame: Frame) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """The loop variables' values copy by copy, and their names. Raises StepError E222, E226."""
    if not isinstance(data, Mapping):
        count = series(e.evaluator.value(data, frame), data.place)
        return [{} for _ in count], frozenset()
    columns: dict[str, list[Any] | range] = {}
    for key, entry in data.entries.items():
        name = str(key)
        if not name.isidentifier():
            raise StepError.of("E212", f"'{name}' cannot name a loop variable", entry.key.place)
        columns[name] = series(e.evaluator.value(entry.value, frame), entry.value.place)
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise StepError.of(
            "E226", f"loop variables side by side have one length: {shown}", data.place
        )
    rows = range(next(iter(lengths.values()), 0))
    return [{name: column[k] for name, column in columns.items()} for k in rows], frozenset(columns)


def differ(
    e: Elaborator,
    frame: Frame,
    step: Step,
    rows: list[dict[str, Any]],
    variables: frozenset[str],
) -> bool:
    """Whether the copies may differ: a formula uses a loop variable.

    One that names an input is harmless where every copy's is absent, as those of a list that is
    not given: `past: ="past." + str(i)`.
    """
    if not step.names & variables:
        return False
    written = [data for data in written_inputs(step) if formula_names(data) & variables]
    others = [
        data
        for key, entry in (step.data.entries.items() if isinstance(step.data, Mapping) else ())
        for data in ((entry.key,) if key in ("in", "repeat") else (entry.key, entry.value))
    ]
    if not written or any(formula_names(data) & variables for data in others):
        return True
    try:
        return any(
            resolve(e, data, frame.with_bindings(row)).what is not ABSENT
            for data in written
            if not names_absent(data, frame)
            for row in rows
        )
    except (StepError, Poisoned):  # about a copy that is not there yet, or reported with its copy
        return True


def names_absent(data: Data, frame: Frame) -> bool:
    """Whether it is `="past." + str(i)`, and `past` is absent, with all its parts."""
    formula = data.formula if isinstance(data, Scalar) else None
    match formula.tree if isinstance(formula, Formula) else None:
        case ast.BinOp(
            left=ast.Constant(value=str(text)),
            op=ast.Add(),
            right=ast.Call(func=ast.Name(id="str"), args=[ast.Name()]),
        ):
            head, dot, rest = text.partition(".")
            item = frame.scope.find(head) if dot and not rest else None
            if item is not None and not item.poisoned and item.first is ABSENT:
                item.used = True
                return True
    return False


def series(value: Any, place: Place) -> list[Any] | range:
    """A count as 0, 1, …; a list as it is."""
    if isinstance(value, list):
        return value
    if isinstance(value, Dim):
        raise StepError.of(
            "E217",
            f"the count {value} depends on symbolic dimensions",
            place,
            help="a repeat is unrolled while reading; 'scan' walks along an axis at run time",
        )
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise StepError.of("E222", f"a repeat is a count or a list, found {value!r}", place)
    if value > MAX_REPEAT:
        raise StepError.of("E222", f"a repeat of {value:,} is beyond {MAX_REPEAT:,}", place)
    return range(value)


def repeat(e: Elaborator, frame: Frame, step: Step) -> Item:
    """Elaborates the copies in a chain; zero copies pass the first input through."""
    assert step.repeat is not None
    rows, variables = copies(e, step.repeat, frame)
    varies = differ(e, frame, step, rows, variables)
    named_by_variable = named_one_by_one(step)
    if not rows:
        none = e.passed_through(frame, step)
        if e.context.watch is not None:
            e.context.watch(e, step, frame, {}, none)
        return none
    if not has_fixed_count(step.repeat):
        frame.scope.home.shaky = True
    made: list[Item] = []
    inputs: dict[int | str, Any] = {}
    for k, row in enumerate(rows):
        if made:
            e.context.spend_step(step.place)
        inner = frame.with_bindings(row)
        if made:
            inner = inner.with_prev(made[-1])
        segment = copy_name(e, inner, step, k, named_by_variable)
        body = not varies and len(rows) > 1 and step.body is not None and segment is not None
        item = e.once(
            inner, step, segment, inputs, counted=body and id(step) not in e.context.unrolled
        )
        made.append(item)
        if named_by_variable:
            e.register(frame, step, segment or "", item)
        if item.poisoned:
            break
        inputs = feedback(e, step, item, inner)
        if not varies and count_rest(
            e, inner, step, item, inputs, len(rows) - k, segment is not None
        ):
            item.counted = step
            frame.scope.home.count += len(rows) - k - 1
            break
    last = made[-1]
    whole = Item(
        dict(last.outputs),
        inside=last.inside,
        copies=None if last.counted else made,
        counted=last.counted,
        node=last.node,
        builder=last.builder,
        path=last.path,
    )
    if len(made) > 1 and last.counted is not None:
        whole.counted = last.counted
    return whole


def has_fixed_count(data: Data) -> bool:
    """Whether a number or a list that is written out tells how many copies there are."""
    columns = (
        [entry.value for entry in data.entries.values()] if isinstance(data, Mapping) else [data]
    )
    return any(
        isinstance(c, Sequence) or isinstance(getattr(c, "value", None), int) for c in columns
    )


def named_one_by_one(step: Step) -> bool:
    """Whether the name uses a loop variable, so that every copy has one of its own."""
    variables = (
        {str(key) for key in step.repeat.entries} if isinstance(step.repeat, Mapping) else set()
    )
    return not variables.isdisjoint(formula_names(step.name))


def copy_name(
    e: Elaborator, frame: Frame, step: Step, k: int, named_by_variable: bool
) -> str | None:
    """The copy's path segment; None where it goes by its position."""
    name = e.segment(frame, step)
    return name if name is None or named_by_variable else f"{name}.{k}"


def feedback(e: Elaborator, step: Step, item: Item, frame: Frame) -> dict[int | str, Any]:
    """What the next copy is fed.

    Outputs named like inputs, and the first output as the first input.
    """
    names = input_names(e, frame, step)
    result: dict[int | str, Any] = {
        name: out for name, out in item.outputs.items() if name in names
    }
    if not names or names[0] not in result:
        result[0] = item.first
    return result


def count_rest(
    e: Elaborator,
    frame: Frame,
    step: Step,
    item: Item,
    inputs: dict[int | str, Any],
    count: int,
    named: bool,
) -> bool:
    """Lets the copy just made stand for itself and all that follow, if they are equal to it."""
    if (
        count < 2
        or id(step) in e.context.unrolled
        or item.node is None
        or item.builder is not frame.builder
    ):
        return False
    node = frame.builder.graph.node(item.node)
    if not isinstance(node, CallNode) or node.model is not None or step.scan is not None:
        return False
    if any(given.spread for given in other_inputs(e, frame, step)):
        return False
    pairs: list[tuple[int, int]] = []
    for key, reference in inputs.items():
        slot = node.slots.index(key) if key in node.slots else 0
        if not isinstance(reference, Tensor) or reference.value.node != item.node or not node.slots:
            return False
        if node.types[reference.value.port] != frame.builder.graph.type(
            frame.builder.graph.present(item.node)[slot]
        ):
            return False
        pairs.append((reference.value.port, slot))
    copies = numbered(node.copies, named)
    if copies is None:
        return False
    frame.builder.graph.set_node(
        item.node, replace(node, count=count, feedback=tuple(pairs), copies=copies)
    )
    return True


def numbered(copies: Copies, named: bool) -> Copies | None:
    """`h.3` as the start of a series of copies."""
    head, _, last = copies.prefix.rpartition(".")
    if not last.isdigit():
        return None
    return Copies(f"{head}." if head else "", int(last))
