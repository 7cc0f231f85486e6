"""Steps to typed nodes: the walk through a template's steps and their modifiers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archc.elaborate import repeats
from archc.elaborate.apply import apply
from archc.elaborate.bodies import body_call
from archc.elaborate.called import called
from archc.elaborate.calls import call
from archc.elaborate.context import MAX_LEVELS, Context, StepError
from archc.elaborate.detach import detached
from archc.elaborate.evaluate import Evaluator
from archc.elaborate.feeds import reference_of
from archc.elaborate.inputs import (
    do_inputs,
    first_written,
    inputs_of,
    values_read,
    written_inputs,
)
from archc.elaborate.params import choose
from archc.elaborate.references import resolve
from archc.elaborate.scans import scan
from archc.elaborate.scope import (
    POISON,
    Frame,
    Group,
    Item,
    OpChoice,
    Poison,
    Poisoned,
    Reference,
    Scope,
    Space,
    StepList,
    Tensor,
    item_of,
)
from archc.errors import Diagnostic
from archc.ir.dims import SizeError
from archc.ir.nodes import OpNode
from archc.spec.ast import Step, Template, formula_names
from archc.spec.data import Scalar
from archc.spec.formula import Formula
from archc.spec.load import meant
from archc.spec.parse import NAME
from archc.spec.values import ABSENT, Absent

Feed = dict[int | str, Reference]


class Elaborator:
    """Walks steps and adds nodes; one for each elaboration."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.evaluator = Evaluator(context)

    def steps(self, steps: tuple[Step, ...], frame: Frame) -> Item:
        """Elaborates steps in order; the last one's item is the value."""
        self.context.level += 1
        try:
            if self.context.level > MAX_LEVELS and steps:
                what = f"blocks and 'do's are nested more than {MAX_LEVELS} deep"
                raise StepError.of("E220", what, steps[0].place)
            for step in steps:
                frame = frame.with_prev(self.step(step, frame))
            return frame.prev
        finally:
            self.context.level -= 1

    def step(self, step: Step, frame: Frame) -> Item:
        """One step with all its modifiers. What is wrong is reported and leaves a poisoned item."""
        try:
            return self._step(step, frame)
        except StepError as error:
            self.context.report(seen_from_outside(error.diagnostic, frame))
        except SizeError as error:
            found = replace(error.diagnostics[0], place=step.place, notes=frame.builder.trace)
            self.context.report(seen_from_outside(found, frame))
        except Poisoned:
            pass
        return self._poisoned(step, frame)

    def _poisoned(self, step: Step, frame: Frame) -> Item:
        item = Item({"y": POISON})
        if isinstance(step.name, Scalar) and not isinstance(step.name.formula, Formula):
            frame.scope.home.items.setdefault(str(step.name.value), item)
            item.used = True
        elif step.name is None:
            for inner in step.body or ():  # what is named in it is named out here
                self._poisoned(inner, frame)
        return item

    def _step(self, step: Step, frame: Frame) -> Item:
        if step.broken:
            raise Poisoned
        self.context.spend_step(step.place)
        if step.repeat is not None:
            item = repeats.repeat(self, frame, step)
            if repeats.named_one_by_one(step):
                return item  # every copy is registered under a name of its own
            name = self.segment(frame, step)
            if step.listed:
                item = Item({"y": Group(tuple(one.first for one in item.copies or ()))})
        else:
            name = None if step.name is None else self.segment(frame, step)
            item = self.once(frame, step, name, {})
        if step.detach is not None and self.evaluator.condition(step.detach, frame):
            item = detached(frame, step, item)
        if name is not None:
            self.register(frame, step, name, item)
        return item

    def once(
        self, frame: Frame, step: Step, segment: str | None, fed: Feed, counted: bool = False
    ) -> Item:
        """One copy of a step. `fed` replaces inputs by position or name.

        `counted` wants it as a call.
        """
        if step.when is not None and not self.is_there(frame, step):
            item = self.passed_through(frame, step, fed)
        elif step.scan is not None:
            item = scan(self, frame, step, self.position(frame, step, segment), fed)
        elif step.body is None:
            item = self._head(frame, step, segment, fed)
        elif counted:
            item = body_call(self, frame, step, self.position(frame, step, segment), fed)
        else:
            item = self._do(frame, step, step.body, segment, fed)
        if self.context.watch is not None:
            self.context.watch(self, step, frame, fed, item)
        return item

    def is_there(self, frame: Frame, step: Step) -> bool:
        """What the step's `when` says; one with a formula may be otherwise in another variant."""
        assert step.when is not None
        if formula_names(step.when):
            frame.scope.home.shaky = True
        return self.evaluator.condition(step.when, frame)

    def _do(
        self, frame: Frame, step: Step, body: tuple[Step, ...], segment: str | None, fed: Feed
    ) -> Item:
        scope = self.enter_scope(frame, step, segment)
        prev = frame.prev
        for k, (name, given) in enumerate(do_inputs(self, frame, step, fed)):
            item = item_of(reference_of(given, frame))
            item.used = True
            if k == 0:
                prev = item
            if name is not None:
                scope.items[name] = item
        frozen = self.evaluator.frozen(step, frame)
        last = self.steps(body, frame.inside(scope, prev, frozen))
        if scope.grouping:
            return Item(
                dict(last.outputs),
                last.inside,
                last.copies,
                last.counted,
                last.node,
                last.builder,
                last.path,
            )
        return Item({"y": last.first}, inside=scope, builder=frame.builder, path=scope.path)

    def enter_scope(self, frame: Frame, step: Step, segment: str | None) -> Scope:
        """A named `do` has a scope of its own; an unnamed one only groups."""
        if segment is None:
            return self.context.noted(Scope(frame.scope.path, frame.scope, grouping=True))
        return self.context.noted(Scope(self.position(frame, step, segment), frame.scope))

    def _head(self, frame: Frame, step: Step, segment: str | None, fed: Feed) -> Item:
        name, chosen, space = self.head(frame, step)
        if not isinstance(name, str):
            return self._inserted(frame, step, name, segment, fed)
        found = called(space.file, name)
        if found is None:
            raise StepError.of(
                "E204",
                f"no op or block '{name[:60]}'",
                step.head_place,
                help=meant(space.file, name),
            )
        if isinstance(found.what, Template):
            inputs = inputs_of(self, frame, step, fed, found.inputs)
            path = self.position(frame, step, segment)
            inner = frame if space is frame.space else replace(frame, space=space)
            return call(self, inner, step, found.what, chosen, inputs, path)
        read = values_read(frame, step) if found.inputs and not fed else None
        given = inputs_of(self, frame, step, fed, found.inputs) if read is None else read
        path = self.position(frame, step, segment)
        item = apply(self, frame, step, found.what, chosen, given, path)
        if segment is None or not frame.scope.home.has_names:  # else nothing is new in it
            self.note_weights(step, item, frame.scope.home, named=segment is not None)
        return item

    def _inserted(
        self, frame: Frame, step: Step, list: StepList, segment: str | None, fed: Feed
    ) -> Item:
        if step.value is not None:
            raise StepError.of("E219", "a list of steps takes no attributes", step.value.place)
        inner = replace(frame, bindings=list.bindings, space=list.space)
        return self._do(inner, replace_inputs(step), list.steps, segment, fed)

    def head(self, frame: Frame, step: Step) -> tuple[str | StepList, dict[str, Any], Space]:
        """What a step names or chooses, with the choice's attributes and where it is looked up."""
        if isinstance(step.head, str):
            return step.head, {}, frame.space
        assert isinstance(step.head, Formula)
        value = self.evaluator.formula(step.head, step.head_place, frame)
        if isinstance(value, StepList):
            return value, {}, frame.space
        choice = choose(value, frame.space)
        if isinstance(choice, OpChoice):
            return str(choice), choice.attributes, choice.space
        if isinstance(value, Poison):
            raise Poisoned
        shown = value if isinstance(value, str) else f"{value!r:.60}"
        if isinstance(value, dict) and len(value) == 1:
            (shown,) = map(str, value)
        if isinstance(value, list):
            raise StepError.of(
                "E204",
                f"'={step.head.text}' gives a list, not an op or steps",
                step.head_place,
                help="a parameter that takes steps is declared by the type name: body: steps",
            )
        raise StepError.of(
            "E204",
            f"'={step.head.text}' gives no op or block: '{shown}'",
            step.head_place,
            help=meant(frame.space.file, shown),
        )

    def segment(self, frame: Frame, step: Step) -> str | None:
        """The step's own name; None without one."""
        if step.name is None:
            return None
        if isinstance(step.name, Scalar) and step.name.formula is None:
            return str(step.name.value)  # looked at when it was parsed
        value = self.evaluator.value(step.name, frame)
        if (
            isinstance(value, bool)
            or not isinstance(value, str | int)
            or not NAME.match(str(value))
        ):
            raise StepError.of(
                "E212",
                f"'{str(value)[:60]}' is not a name",
                step.name.place,
                help="a name holds letters, digits and _",
            )
        return str(value)

    def position(self, frame: Frame, step: Step, segment: str | None) -> str:
        """The step's dotted path; one without a name goes by its position in its scope."""
        home = frame.scope.home
        own = segment if segment is not None else str(home.count)
        home.count += 1
        if own in home.segments and own.isdigit():
            what = f"'{own}' is the name of a step and the position of another"
            notes, help = (
                (f"first at {home.segments[own]}",),
                f"a name that is no number: step{own}",
            )
            raise StepError.of("E211", what, step.place, notes=notes, help=help)
        home.segments[own] = step.place
        return f"{home.path}.{own}" if home.path else own

    def passed_through(self, frame: Frame, step: Step, fed: Feed | None = None) -> Item:
        """A step that is left out: its first input under its name, or nothing if it takes none."""
        if not written_inputs(step) and step.body is None:
            name, _, space = self.head(frame, step)
            if isinstance(name, str):
                found = called(space.file, name)
                if found is not None and not found.inputs:
                    return item_of(ABSENT)
        written, name = first_written(self, frame, step)
        if fed:
            return item_of(fed[name] if name in fed else fed[0])
        if written is None:
            frame.prev.used = True
            return item_of(frame.prev.first)
        what = resolve(self, written, frame).what
        return item_of(what if isinstance(what, Tensor | Group | Poison | Absent) else ABSENT)

    def register(self, frame: Frame, step: Step, name: str, item: Item) -> None:
        """Makes the item known under its name. Raises StepError E211 if the name is taken."""
        home = frame.scope.home
        place = step.name.place if step.name is not None else step.place
        if name in home.items and name in home.places:
            help = "names in one scope differ; a repeated 'do' gets a scope of its own with a name"
            raise StepError.of(
                "E211",
                f"the name '{name}' is taken",
                place,
                help=help,
                notes=(f"first at {home.places[name]}",),
            )
        home.items[name] = item
        home.places[name] = place

    def note_weights(self, step: Step, item: Item, home: Scope, *, named: bool) -> None:
        """Keeps where weights are named, and where they go by a position that may change."""
        if item.builder is None or item.node is None:
            return
        node = item.builder.graph.node(item.node)
        if isinstance(node, OpNode) and node.weights:
            if named:
                home.has_names = True
            elif home.shaky and home.positional is None:
                home.positional = step.head_place

    def warn_position(self, scope: Scope) -> None:
        """W903: names beside a position that changes with the parameters."""
        if scope.positional is not None and scope.has_names:
            self.context.report(
                Diagnostic(
                    "W903",
                    "weights here go by their position, which changes with the parameters",
                    scope.positional,
                    help="give the step a name, so that checkpoints keep fitting",
                    severity="warning",
                )
            )

    def warn_unused(self, scope: Scope, kept: set[int]) -> None:
        """W901: a named value that nothing uses; `kept` are the nodes that outputs need."""
        self.warn_position(scope)
        for name, item in scope.items.items():
            if item.inside is not None and item.inside is not scope:
                self.warn_unused(item.inside, kept)
            place, builder = scope.places.get(name), item.builder
            if (
                item.used
                or place is None
                or item.node is None
                or builder is None
                or item.node in kept
            ):
                continue
            if item.node in builder.graph and not builder.graph.users(item.node):
                self.context.report(
                    Diagnostic(
                        "W901",
                        f"nothing uses '{name}'",
                        place,
                        severity="warning",
                        help="remove the step, or refer to it by its name",
                    )
                )


def seen_from_outside(diagnostic: Diagnostic, frame: Frame) -> Diagnostic:
    """A finding inside a block of the prelude, told at the step that uses the block."""
    builder, place = frame.builder, diagnostic.place
    if builder.used_at is None or place is None:
        return diagnostic
    name, *used = builder.used_as or ("",)
    return replace(
        diagnostic,
        message=f"{name}: {diagnostic.message}" if name else diagnostic.message,
        place=builder.used_at,
        label="",
        notes=(*used, *diagnostic.notes, f"found at {place}"),
    )


def replace_inputs(step: Step) -> Step:
    """The step as the `do` that inserted steps make."""
    return Step(
        step.place, None, step.head_place, step.data, inputs=step.inputs, freeze=step.freeze
    )
