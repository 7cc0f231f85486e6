"""Steps to typed nodes: the walk through a template's steps and their modifiers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archc.elaborate import repeats
from archc.elaborate.apply import Inputs, apply
from archc.elaborate.builder import Builder
from archc.elaborate.calls import Fed, call, define
from archc.elaborate.context import Context, StepError, TooMany
from archc.elaborate.evaluate import Evaluator
from archc.elaborate.params import Setting, bind, choose, key_of
from archc.elaborate.references import Given, resolve
from archc.elaborate.scans import body_call, scan
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
from archc.errors import Diagnostic, did_you_mean
from archc.ir.dims import Dim, symbol
from archc.ir.program import Definition
from archc.ir.types import DTYPES, DType, TensorType
from archc.ops.registry import ops
from archc.place import Place
from archc.spec.ast import File, InputDeclaration, Step, Template, formula_names
from archc.spec.formula import ABSENT, Formula
from archc.spec.load import lookup, visible
from archc.spec.parse import NAME, Parser
from archc.spec.reader import Data, Mapping, Scalar, Sequence, plain

Feed = dict[int | str, Reference]


class Elaborator:
    """Walks steps and adds nodes; one for each elaboration."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.evaluator = Evaluator(context)

    # -- steps -------------------------------------------------------------------------------------------

    def steps(self, steps: tuple[Step, ...], frame: Frame) -> Item:
        """Elaborates steps in order; the last one's item is the value."""
        for step in steps:
            frame = frame.with_prev(self.step(step, frame))
        return frame.prev

    def step(self, step: Step, frame: Frame) -> Item:
        """One step with all its modifiers. What is wrong is reported and leaves a poisoned item."""
        try:
            item = self._step(step, frame)
        except StepError as error:
            self.context.report(seen_from_outside(error.diagnostic, frame))
            item = self._poisoned(step, frame)
        except Poisoned:
            item = self._poisoned(step, frame)
        return item

    def _poisoned(self, step: Step, frame: Frame) -> Item:
        item = Item({"y": POISON})
        if isinstance(step.name, Scalar) and not isinstance(step.name.formula, Formula):
            frame.scope.home.items.setdefault(str(step.name.value), item)
            item.used = True
        return item

    def _step(self, step: Step, frame: Frame) -> Item:
        if step.broken:
            raise Poisoned
        self.context.spend_step(step.place)
        if step.repeat is not None and step.scan is None:
            item = repeats.repeat(self, frame, step)
            if formula_names(step.name) and isinstance(step.repeat, Mapping):
                if formula_names(step.name) & {str(key) for key in step.repeat.entries}:
                    return item  # every copy is registered under a name of its own
            name = self.segment(frame, step)
        else:
            name = self.segment(frame, step)
            item = self.once(frame, step, name, {})
        if name is not None:
            self.register(frame, step, name, item)
        return item

    def once(self, frame: Frame, step: Step, segment: str | None, fed: Feed, counted: bool = False) -> Item:
        """One copy of a step. `fed` replaces inputs by position or name; `counted` wants it as a call."""
        if step.when is not None:
            if formula_names(step.when):
                frame.scope.home.shaky = True
            if not self.evaluator.condition(step.when, frame):
                return self.passed_through(frame, step, fed)
        if step.scan is not None:
            return scan(self, frame, step, self.position(frame, step, segment), fed)
        if step.body is not None:
            if counted:
                return body_call(self, frame, step, self.position(frame, step, segment), fed)
            return self._do(frame, step, step.body, segment, fed)
        return self._head(frame, step, segment, fed)

    def _do(self, frame: Frame, step: Step, body: tuple[Step, ...], segment: str | None, fed: Feed) -> Item:
        scope = self.enter_scope(frame, step, segment)
        prev = frame.prev
        for k, (name, given) in enumerate(self.do_inputs(frame, step, fed)):
            item = item_of(self._reference(given, frame))
            item.used = True
            if k == 0:
                prev = item
            if name is not None:
                scope.items[name] = item
        frozen = frame.frozen or (step.freeze is not None and self.evaluator.condition(step.freeze, frame))
        last = self.steps(body, replace(frame, scope=scope, prev=prev, frozen=frozen))
        if scope.grouping:
            return Item(dict(last.outputs), last.inside, last.copies, last.counted, last.node, last.builder, last.path)
        return Item({"y": last.first}, inside=scope, builder=frame.builder, path=scope.path)

    def enter_scope(self, frame: Frame, step: Step, segment: str | None) -> Scope:
        """A named `do` has a scope of its own; an unnamed one only groups."""
        if segment is None:
            return Scope(frame.scope.path, frame.scope, grouping=True)
        frame.scope.home.count += 1
        return Scope(frame.scope.join(segment), frame.scope)

    def _head(self, frame: Frame, step: Step, segment: str | None, fed: Feed) -> Item:
        name, chosen, space = self.head(frame, step)
        if isinstance(name, StepList):
            return self._inserted(frame, step, name, segment, fed)
        template = lookup(space.file, name)
        op = ops().get(name)
        if template is None and op is None:
            known = [*ops(), *visible(space.file)]
            raise StepError.of("E204", f"no op or block '{name[:60]}'", step.head_place, help=did_you_mean(name, known))
        first = template.inputs[:1] if template is not None else op.inputs[:1] if op is not None else ()
        inputs = self.inputs(frame, step, fed, bool(first), first[0].name if first else "")
        path = self.position(frame, step, segment)
        if template is not None:
            inner = frame if space is frame.space else replace(frame, space=space)
            return call(self, inner, step, template, chosen, inputs, path)
        assert op is not None
        return apply(self, frame, step, op, chosen, inputs, path)

    def _inserted(self, frame: Frame, step: Step, list: StepList, segment: str | None, fed: Feed) -> Item:
        if step.value is not None:
            raise StepError.of("E219", "a list of steps takes no attributes", step.value.place)
        inner = replace(frame, bindings=list.bindings, space=list.space)
        return self._do(inner, replace_inputs(step), list.steps, segment, fed)

    # -- parts of a step ---------------------------------------------------------------------------------

    def head(self, frame: Frame, step: Step) -> tuple[str | StepList, dict[str, Any], Space]:
        """The op or block a step names or chooses, the attributes of that choice, and where it is looked up."""
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
        known = [*ops(), *visible(frame.space.file)]
        shown = value if isinstance(value, str) else type(value).__name__
        raise StepError.of(
            "E204", f"'={step.head.text}' gives no op or block: '{shown}'", step.head_place,
            help=did_you_mean(str(shown), known),
        )  # fmt: skip

    def segment(self, frame: Frame, step: Step) -> str | None:
        """The step's own name; None without one."""
        if step.name is None:
            return None
        value = self.evaluator.value(step.name, frame)
        if isinstance(value, bool) or not isinstance(value, str | int) or not NAME.match(str(value)):
            raise StepError.of(
                "E212", f"'{str(value)[:60]}' is not a name", step.name.place, help="a name holds letters, digits and _"
            )
        return str(value)

    def position(self, frame: Frame, step: Step, segment: str | None) -> str:
        """The step's dotted path; one without a name goes by its position in its scope."""
        home = frame.scope.home
        own = segment if segment is not None else str(home.count)
        home.count += 1
        return home.join(own)

    def inputs(self, frame: Frame, step: Step, fed: Feed, takes_any: bool, first: str) -> Inputs:
        """What the step is given; without `in` and a list, `prev`."""
        data = step.value if isinstance(step.value, Sequence) else step.inputs
        if isinstance(step.value, Sequence) and step.inputs is not None:
            raise StepError.of("E307", "inputs are written twice: as the op's list and as 'in'", step.inputs.place)
        positional: list[Given] = []
        named: dict[str, Given] = {}
        place = data.place if data is not None else step.head_place
        if isinstance(data, Mapping):
            named = {name: given for name, given in self._by_name(frame, data, fed, first)}
        elif isinstance(data, Sequence):
            positional = [self._given(frame, item, fed.get(0) if k == 0 else None) for k, item in enumerate(data.items)]
        elif data is not None:
            positional = [self._given(frame, data, fed.get(0))]
        if takes_any and not positional and first not in named and not isinstance(data, Sequence):
            what = fed.get(first, fed.get(0, frame.prev.first))
            frame.prev.used = True
            named[first] = Given(what, "prev", step.head_place, spread=False)
        for name, reference in fed.items():
            if isinstance(name, str) and name in named:
                named[name] = replace(named[name], what=reference)
        if named and positional:
            return Inputs(positional, named, place)
        return Inputs(positional, named, place)

    def _by_name(self, frame: Frame, data: Mapping, fed: Feed, first: str) -> list[tuple[str, Given]]:
        result: list[tuple[str, Given]] = []
        for key, entry in data.entries.items():
            name, value = str(key), entry.value
            replaced = fed.get(name, fed.get(0) if name == first else None)
            if isinstance(value, Scalar) and value.value is None:
                value = Scalar(name, entry.key.place)  # `{memory}`: the value of that name
            result.append((name, replace(self._given(frame, value, replaced), key=entry.key.place)))
        return result

    def _given(self, frame: Frame, data: Data, replaced: Reference | None) -> Given:
        if replaced is not None:
            return Given(replaced, "prev", data.place)
        return resolve(self, data, frame)

    def do_inputs(self, frame: Frame, step: Step, fed: Feed) -> list[tuple[str | None, Given]]:
        """What a `do` is given: by name from a mapping; `prev` without any."""
        data = step.inputs
        if isinstance(data, Mapping):
            first = str(next(iter(data.entries), ""))
            return [(name, given) for name, given in self._by_name(frame, data, fed, first)]
        if isinstance(data, Sequence):
            return [
                (None, self._given(frame, item, fed.get(0) if k == 0 else None)) for k, item in enumerate(data.items)
            ]
        if data is not None:
            return [(None, self._given(frame, data, fed.get(0)))]
        frame.prev.used = True
        return [(None, Given(fed.get(0, frame.prev.first), "prev", step.place))]

    def _reference(self, given: Given, frame: Frame) -> Reference:
        from archc.elaborate.calls import reference_of

        return reference_of(given, frame)

    def input_names(self, frame: Frame, step: Step) -> list[str]:
        """The names of the inputs of what the step calls."""
        if step.body is not None:
            return [str(key) for key in step.inputs.entries] if isinstance(step.inputs, Mapping) else []
        name, _, space = self.head(frame, step)
        if isinstance(name, StepList):
            return []
        template = lookup(space.file, name)
        if template is not None:
            return [declaration.name for declaration in template.inputs]
        return [port.name for port in ops()[name].inputs] if name in ops() else []

    def other_inputs(self, frame: Frame, step: Step) -> list[Given]:
        """The inputs but the first, as a copy of a repeat reads them anew."""
        data = step.value if isinstance(step.value, Sequence) else step.inputs
        if isinstance(data, Mapping):
            values = [
                entry.value if not (isinstance(entry.value, Scalar) and entry.value.value is None) else entry.key
                for entry in data.entries.values()
            ]
        else:
            values = list(data.items) if isinstance(data, Sequence) else []
        return [resolve(self, value, frame) for value in values[1:]]

    def passed_through(self, frame: Frame, step: Step, fed: Feed | None = None) -> Item:
        """A step that is left out: its first input under its name, or nothing if it takes none."""
        takes = step.inputs is not None or isinstance(step.value, Sequence)
        if not takes and step.body is None:
            name, _, space = self.head(frame, step)
            template = lookup(space.file, name) if isinstance(name, str) else None
            op = ops().get(name) if isinstance(name, str) else None
            if (template is not None and not template.inputs) or (template is None and op and not op.inputs):
                return item_of(ABSENT)
        data = step.value if isinstance(step.value, Sequence) else step.inputs
        first: Data | None = data
        if isinstance(data, Sequence):
            first = data.items[0] if data.items else None
        elif isinstance(data, Mapping):
            entry = next(iter(data.entries.values()), None)
            first = entry and (entry.value if getattr(entry.value, "value", "") is not None else entry.key)
        if fed:
            return item_of(next(iter(fed.values())))
        if first is None:
            frame.prev.used = True
            return item_of(frame.prev.first)
        what = resolve(self, first, frame).what
        if isinstance(what, Tensor | Group | Poison) or what is ABSENT:
            return item_of(what)  # type: ignore[arg-type]
        return item_of(ABSENT)

    def register(self, frame: Frame, step: Step, name: str, item: Item) -> None:
        """Makes the item known under its name. Raises StepError E211 if the name is taken."""
        home = frame.scope.home
        place = step.name.place if step.name is not None else step.place
        if name in home.items and name in home.places:
            help = "names in one scope differ; a repeated 'do' gets a scope of its own with a name"
            raise StepError.of("E211", f"the name '{name}' is taken", place, help=help,
                               notes=(f"first at {home.places[name]}",))  # fmt: skip
        home.items[name] = item
        home.places[name] = place

    # -- files, templates, defaults ----------------------------------------------------------------------

    def space_of(self, template: Template, space: Space) -> Space:
        """The template's file with its parameters at their defaults, or as they are if it is the same file."""
        if template.file is space.file:
            return space
        key = id(template.file)
        if key not in self.context.spaces:
            self.context.spaces[key] = self.file_space(template.file, {}, template.place)
        return self.context.spaces[key]

    def file_space(self, file: File, settings: dict[str, Setting], place: Place) -> Space:
        """A file with its parameters set."""
        own = Space(file, {}, id(file))
        frame = Frame(Builder(self.context), own, {}, Scope(""), Item({}))

        def default(data: Data, earlier: dict[str, Any]) -> Any:
            return self.evaluator.value(data, frame.with_bindings(earlier))

        bound = bind(file.parameters, settings, own, default, place, file.name)
        return Space(file, bound, (id(file), key_of(bound)))

    def parse_steps(self, data: Sequence, file: File) -> tuple[Step, ...]:
        """Steps given as an argument, parsed and checked once."""
        if id(data) not in self.context.steps:
            from archc.spec.load import Loader

            parser = Parser(file.source, file.path)
            parsed = parser.steps(data)
            loader = Loader()
            for step in parsed:
                loader._check_step(step, file)
            for finding in [*parser.findings, *loader.findings]:
                self.context.report(finding)
            self.context.steps[id(data)] = parsed
        return self.context.steps[id(data)]

    def defaults(self, space: Space, op: str) -> dict[str, Any]:
        """The defaults for an op: those of the block's file, and over them those of the spec itself."""
        result: dict[str, Any] = {}
        root = self.context.spaces["root"]
        for one in [space, root] if space is not root else [root]:
            data = one.file.defaults.get(op)
            if data is None:
                continue
            key = f"{one.key}:{op}"
            if key not in self.context.defaults:
                frame = Frame(Builder(self.context), one, one.bindings, Scope(""), Item({}))
                self.context.defaults[key] = self.evaluator.value(data, frame)
            result.update(self.context.defaults[key])
        return result

    def declared_types(self, declaration: InputDeclaration, frame: Frame, count: int | None) -> list[TensorType]:
        """The declared type of an input, or of each part of a list input."""
        rows: list[dict[str, Any]] = [{}]
        if declaration.repeat is not None:
            rows, _ = repeats.copies(self, declaration.repeat, frame)
        return [self._declared_type(declaration, frame.with_bindings(row)) for row in rows]

    def _declared_type(self, declaration: InputDeclaration, frame: Frame) -> TensorType:
        dtype = plain(declaration.dtype) if declaration.dtype is not None else "float32"
        if dtype not in DTYPES:
            raise Poisoned
        dims = []
        for item in declaration.shape.items if declaration.shape else ():
            known = {**frame.builder.symbols}
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.formula is None:
                dims.append(self._symbol(item, frame))
                continue
            names = formula_names(item) - frame.bindings.keys() - known.keys()
            frame.builder.symbols.update({name: symbol(name) for name in names if self._is_symbol(frame, name)})
            value = self.evaluator.value(item, frame)
            frame.builder.symbols.clear()
            frame.builder.symbols.update(known)
            if isinstance(value, bool) or not isinstance(value, int | Dim) or (isinstance(value, int) and value < 0):
                help = f"write int({value:g})" if isinstance(value, float) else ""
                raise StepError.of("E207", f"a size is a whole number, found {value!r}", item.place, help=help)
            dims.append(value)
        result: DType = dtype
        return TensorType(result, tuple(dims))

    def _is_symbol(self, frame: Frame, name: str) -> bool:
        """Whether a formula's unknown name is a bare symbol of one of the declared shapes."""
        return name in frame.builder.declared_symbols

    def _symbol(self, item: Scalar, frame: Frame) -> Dim:
        name = str(item.value)
        if not name.isidentifier() or len(name) > 60:
            raise StepError.of("E312", f"'{name[:60]}' cannot name a dimension", item.place)
        if name in frame.bindings:
            self.context.report(
                Diagnostic("W902", f"the dimension '{name}' has a parameter's name", item.place,
                           help=f"was ={name} meant?", severity="warning")
            )  # fmt: skip
        return symbol(name)

    # -- models ------------------------------------------------------------------------------------------

    def standalone(self, space: Space, name: str, place: Place) -> Definition | None:
        """A model with its inputs as declared."""
        key = (space.key, name)
        if key not in self.context.models:
            template = space.file.models[name]
            self.context.models[key] = self.define_model(template, space, place)
        return self.context.models[key]

    def define_model(self, template: Template, space: Space, place: Place) -> Definition | None:
        """The model's definition for its declared input types."""
        outer = Builder(self.context, declared_symbols=declared_symbols(template))
        frame = Frame(outer, space, dict(space.bindings), Scope(""), Item({}))
        fed: list[Fed] = []
        for declaration in template.inputs:
            try:
                if declaration.shape is None:
                    raise StepError.of(
                        "E203", f"the input '{declaration.name}' needs a shape", declaration.place,
                        help=f"{declaration.name}: [N, 3, 224, 224]",
                    )  # fmt: skip
                types = self.declared_types(declaration, frame, None)
            except StepError as error:
                self.context.report(error.diagnostic)
                return None
            except Poisoned:
                return None
            tensors = [outer.input(declaration.name, type, declaration.place) for type in types]
            reference: Reference = tensors[0] if declaration.repeat is None else Group(tuple(tensors))
            if declaration.optional:
                reference = ABSENT
            fed.append(Fed(declaration, reference, None))
        try:
            definition, _ = define(self, template, space, {}, fed, False, template.place, ())
        except StepError as error:
            self.context.report(error.diagnostic)
            return None
        except TooMany as error:
            self.context.report(
                Diagnostic("E225", "the spec elaborates to more steps than any network has", error.place)
            )
            return None
        return definition

    # -- warnings ----------------------------------------------------------------------------------------

    def warn_unused(self, scope: Scope, kept: set[int]) -> None:
        """W901: a named value that nothing uses; `kept` are the nodes that outputs need."""
        for name, item in scope.items.items():
            if item.inside is not None and item.inside is not scope:
                self.warn_unused(item.inside, kept)
            place, builder = scope.places.get(name), item.builder
            if item.used or place is None or item.node is None or builder is None or item.node in kept:
                continue
            if item.node in builder.graph and not builder.graph.users(item.node):
                self.context.report(
                    Diagnostic("W901", f"nothing uses '{name}'", place, severity="warning",
                               help="remove the step, or refer to it by its name")
                )  # fmt: skip


def seen_from_outside(diagnostic: Diagnostic, frame: Frame) -> Diagnostic:
    """A finding inside a block of the prelude, told at the step that uses the block."""
    outside, place = frame.builder.used_at, diagnostic.place
    if outside is None or place is None:
        return diagnostic
    return replace(diagnostic, place=outside, label="", notes=(*diagnostic.notes, f"found at {place}"))


def replace_inputs(step: Step) -> Step:
    """The step as the `do` that inserted steps make."""
    return Step(step.place, None, step.head_place, step.data, inputs=step.inputs, freeze=step.freeze)


def declared_symbols(template: Template) -> frozenset[str]:
    """The bare names in the declared shapes."""
    found = set()
    for declaration in template.inputs:
        for item in declaration.shape.items if declaration.shape else ():
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.formula is None:
                found.add(item.value)
    return frozenset(found)
