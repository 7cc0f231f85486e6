"""Sketches to classes: definitions whose code agrees but for numbers become one, with these as arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from archc.ir.dims import Dim
from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc.spec.ast import Template
from archc.spec.values import Argument
from archc.spec.data import Scalar
from archc_torch import layout, names
from archc_torch.code import Axis, Build, Hole, Numbers, Part, Raw
from archc_torch import provenance
from archc_torch.explain import ABSENT, Row, constant, meaning, same
from archc_torch.library import Key, Library
from archc_torch.lines import table
from archc_torch.sketch import Branch, Gap, If, Leaf, Sketch, Stmt, leaves

if TYPE_CHECKING:
    from archc_torch.emit import Outputs

AXES = {1: "C", 2: "NC", 3: "NTC", 4: "NCHW", 5: "NCDHW"}  # what axes are called where the spec does not say


@dataclass(eq=False, slots=True)
class Arg:
    """A constructor's argument, and its value for each instance."""

    name: str
    row: Row
    default: object = ...
    key: str = ""  # what it is called in the spec

    @property
    def annotation(self) -> str:
        kinds = {type(value) for value in self.row}
        for kind in (bool, int, float, str):
            if kinds == {kind}:
                return kind.__name__
        if all(isinstance(value, Raw) for value in self.row):
            return "nn.Module"
        return "object" if kinds - {int, tuple} else "int | tuple[int, ...]"


@dataclass(eq=False)
class Class:
    """A class, or a function if it has neither weights nor state, with the definitions that are its instances."""

    key: Key
    library: Library
    sketches: list[Sketch] = field(default_factory=list)
    name: str = ""
    function: bool = False
    args: list[Arg] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)  # parameters that pass through
    texts: dict[int, str] = field(default_factory=dict)  # what stands for a hole, by the hole's id
    calls: dict[int, list[tuple[Arg, str, object]]] = field(default_factory=dict)  # a Build's arguments, by its id
    conditions: dict[Gap, str] = field(default_factory=dict)  # when an instance has what only some have
    stored: set[str] = field(default_factory=set)  # arguments that forward reads
    outputs: Outputs | None = None  # the named tuple that it gives

    @property
    def sketch(self) -> Sketch:
        """The sketch whose text is written."""
        return self.sketches[0]

    @property
    def source(self) -> str:
        return self.sketch.definition.source

    def place(self, definition: Definition) -> int:
        """Which instance the definition is."""
        wanted = self.library.sketch(definition)
        return next(k for k, sketch in enumerate(self.sketches) if sketch is wanted)

    def rows(self) -> Iterator[tuple[Hole, Row]]:
        """Every hole of the text with its values."""
        for holes in zip(*(sketch.holes() for sketch in self.sketches), strict=True):
            yield holes[0], tuple(ABSENT if hole.absent else hole.value for hole in holes)

    def parts(self) -> Iterator[tuple[Part, ...]]:
        """Every part of the code, of all instances side by side."""
        for codes in zip(*(sketch.codes() for sketch in self.sketches), strict=True):
            yield from zip(*codes, strict=True)

    @cached_property
    def template(self) -> Template | None:
        """The block or model in the spec."""
        return self.library.template(self.sketch.definition)

    @cached_property
    def bound(self) -> dict[str, Row]:
        """The block's own parameters that are numbers or words and differ between instances."""
        rows = {
            name: tuple(sketch.definition.bound.get(name) for sketch in self.sketches)
            for name in self.sketch.definition.bound
        }
        return {name: row for name, row in rows.items() if all(map(plain, row)) and not constant(row)}

    @cached_property
    def facts(self) -> dict[str, Row]:
        """Sizes of the first input that differ between instances: channels, or features."""
        shapes = [tuple(sketch.definition.input_types().values())[:1] for sketch in self.sketches]
        if not all(shapes):
            return {}
        dims = [types[0].dims for types in shapes]
        if len({len(d) for d in dims}) > 1 or len(dims[0]) < 2:
            return {}
        axis, name = (1, "in_channels") if len(dims[0]) > 3 else (-1, "in_features")
        row: Row = tuple(d[axis] for d in dims)
        return {name: row} if all(map(plain, row)) and not constant(row) else {}

    def fact(self, name: str) -> tuple[str, Row] | None:
        """A size that formulas ask for, `x.channels`: by an argument's name, or as a number."""
        head, _, what = name.partition(".")
        axis = {"channels": 1, "features": -1}.get(what)
        every = [sketch.definition.input_types().get(head) for sketch in self.sketches]
        if axis is None or any(type is None or type.rank <= max(axis, 0) for type in every):
            return None
        row: Row = tuple(type.dims[axis] for type in every if type is not None)
        known = next((word for word, other in self.facts.items() if same(row, other)), None)
        if known is not None:
            return known, row
        return (repr(row[0]), row) if constant(row) and isinstance(row[0], int) else None

    # ---- what axes are called

    @cached_property
    def axes(self) -> dict[tuple[str, int], str]:
        """A letter or a symbol for each axis of each input whose size differs or is not known."""
        found: dict[tuple[str, int], str] = {}
        rows: dict[str, Row] = {}
        taken = self.sketch.locals | names.GLOBALS | set(table().helpers) | {arg.name for arg in self.args}
        for (name, axis), row in self.axis_rows.items():
            if constant(row) and isinstance(row[0], int):
                continue
            rank = self.sketch.definition.input_types()[name].rank
            wanted = str(row[0]) if constant(row) and str(row[0]).isidentifier() else _letter(rank, axis)
            wanted = names.safe(wanted, ())
            known = [word for word, other in rows.items() if same(row, other)]
            if wanted in rows and wanted not in known:
                wanted = known[0] if known else names.unique(wanted, {*rows, *taken})
            elif known and wanted not in known and (constant(row) or name != self.sketch.definition.input_names()[0]):
                wanted = known[0]
            elif wanted in taken:
                wanted = names.unique(wanted, {*rows, *taken})
            rows[wanted] = row
            found[name, axis] = wanted
        return found

    @cached_property
    def axis_rows(self) -> dict[tuple[str, int], Row]:
        """The sizes of each axis of each input, over the instances."""
        every = [sketch.definition.input_types() for sketch in self.sketches]
        return {
            (name, axis): tuple(types[name].dims[axis] for types in every)
            for name, first in every[0].items() if len({types[name].rank for types in every}) == 1
            for axis in range(first.rank)
        }  # fmt: skip

    def size_text(self, row: Row, axis: int) -> str:
        """A size as a comment says it, in terms of arguments and of the inputs' sizes; `…` where that fails."""
        if constant(row):
            return str(row[0])
        known = {arg.name: arg.row for arg in self.args}
        for (_, place), word in sorted(self.axes.items(), key=lambda item: item[0][1] != axis):
            known.setdefault(word, self.axis_rows[_, place])
        found = meaning(row, known)
        return found.text if found is not None else "…"

    def type_text(self, types: tuple[TensorType, ...]) -> str:
        """A type as a comment says it: its shape, and its element type if that is not float32."""
        dtype = types[0].dtype
        if len({type.rank for type in types}) > 1:
            return "[…]" if dtype == "float32" else f"{dtype}[…]"
        rows = zip(*(type.dims for type in types), strict=True)
        dims = ", ".join(self.size_text(row, axis) for axis, row in enumerate(rows))
        return f"[{dims}]" if dtype == "float32" else f"{dtype}[{dims}]"


def _letter(rank: int, axis: int) -> str:
    letters = AXES.get(rank)
    return letters[axis] if letters is not None else f"D{axis}"


def plain(value: object) -> bool:
    return isinstance(value, int | float | str | bool) or (
        isinstance(value, tuple) and all(isinstance(item, int) for item in value)
    )


class Classes:
    """All classes of a library, callees before callers, with names and arguments."""

    def __init__(self, library: Library) -> None:
        self.library = library
        library.sketch(library.main)
        self.by_key: dict[Key, Class] = {}
        for sketch in list(library.order):
            key = library.key_of(sketch)
            self.by_key.setdefault(key, Class(key, library)).sketches.append(sketch)
        self.order: list[Class] = []
        for found in list(self.by_key.values()):
            self._sort(found)
        self._functions()
        self._names()
        for found in self.order:
            _Arguments(self, found).choose()

    def of(self, definition: Definition) -> Class:
        return self.by_key[self.library.key(definition)]

    def _sort(self, found: Class) -> None:
        if found in self.order:
            return
        for part in (parts[0] for parts in found.parts()):
            if isinstance(part, Build | Numbers):
                self._sort(self.of(part.definition))
        if found not in self.order:
            self.order.append(found)

    def _functions(self) -> None:
        """Which classes are functions: those without weights and state that nothing needs as a module."""
        for found in self.order:
            found.function = self.library.pure(found.sketch)
        changed = True
        while changed:
            changed = False
            for outer in self.order:
                for leaf in leaves(outer.sketch.modules):
                    inner = self.of(leaf.callee) if leaf.callee is not None else None
                    if inner is not None and inner.function and leaf in needed_modules(outer.sketch.modules):
                        inner.function = False
                        changed = True
                if outer.function and any(
                    leaf.callee is not None and not self.of(leaf.callee).function
                    for leaf in leaves(outer.sketch.modules)
                ):
                    outer.function = False
                    changed = True

    def _names(self) -> None:
        taken = {*names.GLOBALS, *table().helpers}
        for found in self.order:
            taken |= found.sketch.locals | {name for parameter in found.sketch.parameters for name in [parameter.variable]}
        counts: dict[str, int] = {}
        for found in self.order:
            counts[found.source] = counts.get(found.source, 0) + 1
        for found in self.order:
            word = self.library.program.name if found.sketch.top and not self.library.program.prefixed else found.source
            if found.sketch.definition.kind == "body":
                word = names.singular(word.rstrip("_0123456789") or "step")
            if found.function:
                found.name = names.safe(word, taken)
            else:
                found.name = names.unique(names.camel(word), taken)
                if found.name in ("None", "True", "False"):
                    found.name = names.unique(f"{found.name}Block", taken)
            taken.add(found.name)


def needed_modules(branch: Branch) -> list[Leaf]:
    """The leaves that must be modules: elements of chains and of lists, and what is repeated."""
    found: list[Leaf] = []
    indexed = layout.kind(branch) in ("Sequential", "ModuleList") and not all(
        isinstance(child, Leaf) and child.callee is not None and child.count == 1 for child in branch.children.values()
    )
    for child in branch.children.values():
        if isinstance(child, Branch):
            found += needed_modules(child)
        elif branch.chain or indexed or child.count > 1:
            found.append(child)
    return found


class _Arguments:
    """Chooses what a class's constructor takes, and what then stands for each hole."""

    def __init__(self, classes: Classes, found: Class) -> None:
        self.classes, self.found = classes, found
        self.taken = {names.safe(name, ()) for name in found.sketch.definition.parameters} | {"self"}
        if found.function:
            self.taken |= found.sketch.locals
        self.chosen: dict[str, Row] = {}

    def choose(self) -> None:
        found = self.found
        wanted = [(hole.hint, row) for hole, row in found.rows() if needed(row)]
        wanted += [(arg.name, row) for _, arg, row in self._calls() if needed(row)]
        known = {**found.bound, **found.facts}
        for _, row in wanted:
            direct = meaning(row, known)
            if direct is not None and not direct.compound:
                self._take(direct.names, known)
        for _, row in wanted:
            explained = meaning(row, self.chosen) or meaning(row, known)
            if explained is not None:
                self._take(explained.names, known)
        for hint, row in wanted:
            if meaning(row, self.chosen) is None:
                self.chosen[names.safe(hint or "value", {*self.taken, *self.chosen})] = row
        for gap in dict.fromkeys(gaps(found.sketch)):
            self._condition(gap)
        for name in [*found.facts, *found.bound, *self.chosen]:
            if name in self.chosen and all(arg.key != name for arg in found.args):
                word = names.safe(name, {*self.taken, *(arg.name for arg in found.args)})
                found.args.append(Arg(word, self.chosen[name], self._default(name), name))
        for arg in found.args:
            arg.row = tuple(arg.row[0] if value is ABSENT else value for value in arg.row)
        found.args.sort(key=lambda arg: arg.default is not ...)
        found.passed = [name for name in found.sketch.definition.parameters if self._passes(name)]
        self._fill()

    def _condition(self, gap: Gap) -> None:
        """What tells whether an instance has the steps: the spec's own condition, or an argument."""
        found = self.found
        count = len(found.sketches)
        known = {**found.bound, **found.facts, **self.chosen}

        def resolve(name: str) -> tuple[str, Row] | None:
            own = self.chosen.get(name, found.bound.get(name))
            if own is not None:
                return name, own
            value = found.sketch.definition.bound.get(name)
            if isinstance(value, int | float | str):
                return repr(value), (value,) * count
            return found.fact(name)

        for formula in gap.when:
            made = provenance.translated(formula, resolve, count)
            if made is not None and provenance.agrees(gap.has, provenance.values(made[0], made[1], count)):
                for name in made[1]:
                    self.chosen.setdefault(name, made[1][name])
                found.conditions[gap] = made[0]
                return
        direct = meaning(gap.has, known)
        if direct is not None:
            self._take(direct.names, known)
            found.conditions[gap] = direct.text
            return
        name = names.safe(f"has_{gap.word}" if gap.word else "has", {*self.taken, *self.chosen})
        self.chosen[name] = gap.has
        found.conditions[gap] = name

    def _take(self, picked: tuple[str, ...], known: dict[str, Row]) -> None:
        for name in picked:
            self.chosen.setdefault(name, known[name])

    def _default(self, name: str) -> object:
        """The parameter's default in the spec, where some instance has it."""
        row = self.chosen[name]
        template = self.found.template
        for parameter in template.parameters if template is not None else ():
            data = parameter.default
            if parameter.name == name and parameter.type is None and isinstance(data, Scalar) and data.formula is None:
                if any(type(value) is type(data.value) and value == data.value for value in row):
                    return data.value
        return ...

    def _calls(self) -> Iterator[tuple[Build | Numbers, Arg, Row]]:
        """The arguments of every call of a class, with their values."""
        for parts in self.found.parts():
            first = parts[0]
            if isinstance(first, Build | Numbers):
                callee = self.classes.of(first.definition)
                if isinstance(first, Build) and callee.function:
                    continue
                calls = [part for part in parts if isinstance(part, Build | Numbers)]
                for arg in callee.args:
                    yield first, arg, tuple(
                        ABSENT if part.absent else arg.row[callee.place(part.definition)] for part in calls
                    )
                for name in callee.passed:
                    row: Row = tuple(ABSENT if part.absent else part.arguments[name] for part in calls)
                    yield first, Arg(name, row), row

    def _passes(self, name: str) -> bool:
        """Whether a parameter that passes through is used at all."""
        values = [value for _, row in self.found.rows() for value in row]
        values += [value for _, _, row in self._calls() for value in row]
        return any(isinstance(value, Argument) and value.name == name for value in values)

    def _fill(self) -> None:
        found = self.found
        known = {arg.name: arg.row for arg in found.args}
        for hole, row in found.rows():
            found.texts[id(hole)] = self._text(row, known)
        for part, arg, row in self._calls():
            found.calls.setdefault(id(part), []).append((arg, self._text(row, known), row[0]))

    def _text(self, row: Row, known: dict[str, Row]) -> str:
        """A name or expression in braces, `{4 * planes}`, or empty where the row is one literal."""
        first = row[0]
        if isinstance(first, Argument):
            return f"{{{names.safe(first.name, ())}}}"
        if constant(row):
            return ""
        explained = meaning(row, known)
        assert explained is not None, (self.found.source, row, known)
        return f"{{{explained.text}}}"


def gaps(sketch: Sketch) -> Iterator[Gap]:
    """What only some instances have, in order."""
    yield from _module_gaps(sketch.modules)
    yield from _statement_gaps([*sketch.setup, *sketch.body])


def _module_gaps(branch: Branch) -> Iterator[Gap]:
    for child in branch.children.values():
        if child.gap is not None:
            yield child.gap
        if isinstance(child, Branch):
            yield from _module_gaps(child)


def _statement_gaps(statements: list[Stmt]) -> Iterator[Gap]:
    for statement in statements:
        if isinstance(statement, If):
            yield statement.gap
            yield from _statement_gaps(statement.body)


def needed(row: Row) -> bool:
    """Whether something must be passed for the row: it differs, and is nothing that passes through."""
    return not constant(row) and not any(isinstance(value, Argument) for value in row)


__all__ = ["Arg", "Axis", "Class", "Classes", "Dim"]
