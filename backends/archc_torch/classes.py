"""Sketches to classes.

Definitions whose code agrees but for numbers become one, with these as arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from archc.ir.dims import Size
from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc.spec.ast import Template
from archc.spec.data import Scalar
from archc.spec.formula import Formula
from archc.spec.values import Argument
from archc_torch import layout, names, provenance
from archc_torch.code import Build, Hole, Numbers, Part, Raw
from archc_torch.explain import ABSENT, Row, constant, meaning, same
from archc_torch.library import Key, Library
from archc_torch.lines import table
from archc_torch.sketch import Branch, Gap, If, Leaf, Sketch, Stmt, leaves

if TYPE_CHECKING:
    from archc_torch.emit import Outputs

# What torch calls numbers of channels, features and rows.
WIDTHS = frozenset(
    [
        "in_channels",
        "out_channels",
        "num_features",
        "num_channels",
        "in_features",
        "out_features",
        "normalized_shape",
        "num_embeddings",
        "embedding_dim",
        "input_size",
        "hidden_size",
    ]
)
FACTS = {"H": "height", "W": "width", "T": "length"}  # sizes that are no widths, as arguments
AXES = {
    1: "C",
    2: "NC",
    3: "NTC",
    4: "NCHW",
    5: "NCDHW",
}  # what axes are called where the spec does not say


@dataclass(eq=False, slots=True)
class Arg:
    """A constructor's argument, and its value for each instance."""

    name: str
    row: Row
    default: object = ...
    key: str = ""  # what it is called in the spec
    width: bool = False  # a number of channels or features
    formula: str = ""  # how it follows from the others: then it is no argument
    config: bool = False  # a parameter of the whole spec

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
    """A class, or a function if it has neither weights nor state.

    With the definitions that are its instances.
    """

    key: Key
    library: Library
    classes: Classes
    sketches: list[Sketch] = field(default_factory=list)
    name: str = ""
    function: bool = False
    args: list[Arg] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)  # parameters that pass through
    texts: dict[int, str] = field(default_factory=dict)  # what stands for a hole, by the hole's id
    calls: dict[int, list[tuple[Arg, str, object]]] = field(
        default_factory=dict
    )  # a Build's arguments, by its id
    said: dict[object, str] = field(
        default_factory=dict
    )  # sizes that the spec gives a name, for comments
    conditions: dict[Gap, str] = field(
        default_factory=dict
    )  # when an instance has what only some have
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
        return {
            name: row for name, row in rows.items() if all(map(plain, row)) and not constant(row)
        }

    @cached_property
    def facts(self) -> dict[str, Row]:
        """Sizes of the first input that differ between instances.

        Named by what they are used for.
        """
        first = self.first
        if first is None:
            return {}
        found: dict[str, Row] = {}
        for axis, letter in enumerate(self.letters):
            row: Row = tuple(dims[axis] for dims in first)
            name = FACTS.get(letter)
            if letter == "C":
                name = (
                    "in_channels"
                    if axis == 1 and len(first[0]) > 2
                    else "dim"
                    if len(first[0]) > 2
                    else "in_features"
                )
            if name is not None and all(map(plain, row)) and not constant(row):
                found[name] = row
        return dict(sorted(found.items(), key=lambda item: item[0] in FACTS.values()))

    @cached_property
    def first(self) -> list[tuple[Size, ...]] | None:
        """The first input's sizes for each instance.

        None where there is no such input, or ranks differ.
        """
        shapes = [tuple(sketch.definition.input_types().values())[:1] for sketch in self.sketches]
        if not all(shapes) or len({types[0].rank for types in shapes}) > 1:
            return None
        return [types[0].dims for types in shapes]

    @cached_property
    def letters(self) -> str:
        """What the first input's axes are called.

        By what counts channels or features in it, empty if nothing does.
        """
        assert self.first is not None
        rank = len(self.first[0])
        space = {2: "", 3: "T", 4: "HW", 5: "DHW"}.get(rank)
        hints = {hole.hint for hole, _ in self.rows()}
        asked = " ".join(hole.formula for hole, _ in self.rows())
        hints |= (
            {"in_channels"}
            if ".channels" in asked
            else {"in_features"}
            if ".features" in asked
            else set()
        )
        for first in (part for parts in self.parts() for part in parts[:1]):
            if isinstance(first, Build):
                hints |= {name for name, _, _ in self.arguments_of(first)}
        if space is None:
            return ""
        if hints & {"in_channels", "num_features", "num_channels"}:
            return f"NC{space}"
        return f"N{space}C" if hints & {"in_features", "normalized_shape", "dim"} else ""

    def arguments_of(self, part: Build) -> list[tuple[str, object, object]]:
        """The arguments of a class that is called, by name."""
        callee = self.classes.of(part.definition)
        return [(arg.key or arg.name, arg, None) for arg in callee.args]

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
        taken = (
            self.sketch.locals
            | names.GLOBALS
            | set(table().helpers)
            | {arg.name for arg in self.args}
        )
        for (name, axis), row in self.axis_rows.items():
            if constant(row) and isinstance(row[0], int):
                continue
            rank = self.sketch.definition.input_types()[name].rank
            wanted = (
                str(row[0])
                if constant(row) and str(row[0]).isidentifier()
                else self._letter(name, rank, axis)
            )
            wanted = names.safe(wanted, ())
            known = [word for word, other in rows.items() if same(row, other)]
            if wanted in rows and wanted not in known:
                wanted = known[0] if known else names.unique(wanted, {*rows, *taken})
            elif (
                known
                and wanted not in known
                and (constant(row) or name != self.sketch.definition.input_names()[0])
            ):
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
            for name, first in every[0].items()
            if len({types[name].rank for types in every}) == 1
            for axis in range(first.rank)
        }

    def _letter(self, name: str, rank: int, axis: int) -> str:
        if (
            name == next(iter(self.sketch.definition.input_types()))
            and self.first is not None
            and self.letters
        ):
            return self.letters[axis]
        letters = AXES.get(rank)
        return letters[axis] if letters is not None else f"D{axis}"

    def size_text(self, row: Row, axis: int) -> str:
        """A size as a comment says it, in terms of arguments and of the inputs' sizes.

        `…` where that fails.
        """
        if constant(row):
            size = next(size for size in row if size is not ABSENT)
            spatial = self.first is not None and self.letters[:2] == "NC" and axis > 1
            return str(size) if spatial else self.said.get(size, str(size))
        known = {arg.name: arg.row for arg in self.args}
        for (_, place), word in sorted(self.axes.items(), key=lambda item: item[0][1] != axis):
            known.setdefault(word, self.axis_rows[_, place])
        found = meaning(row, known)
        return found.text if found is not None else "…"

    def type_text(self, types: Sequence[TensorType | None]) -> str:
        """A type as a comment says it: its shape, and its element type if that is not float32.

        None stands for an instance that has no such value.
        """
        there = [type for type in types if type is not None]
        if len({(type.rank, type.dtype) for type in there}) > 1:
            return "[…]"
        rank, dtype = there[0].rank, there[0].dtype
        rows = [
            tuple(ABSENT if type is None else type.dims[axis] for type in types)
            for axis in range(rank)
        ]
        dims = ", ".join(self.size_text(row, axis) for axis, row in enumerate(rows))
        return f"[{dims}]" if dtype == "float32" else f"{dtype}[{dims}]"


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
            self.by_key.setdefault(key, Class(key, library, self)).sketches.append(sketch)
        self.order: list[Class] = []
        self.taken: set[str] = set()  # names that the file uses for something
        self.constants: dict[str, object] = {}  # lists of the spec that formulas read
        for found in list(self.by_key.values()):
            self._sort(found)
        self._functions()
        self._names()
        self.widths = self._widths()
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

    def _widths(self) -> dict[object, str]:
        """Numbers of channels or features that the spec's own parameters are.

        Where only one of them is that.
        """
        program = self.library.program
        found: dict[object, set[str]] = {}
        for each in self.order:
            if each.template is not None and each.template.file is program.file:
                for hole, _ in each.rows():
                    if hole.hint in WIDTHS and program.parameters.get(hole.formula) == hole.value:
                        found.setdefault(hole.value, set()).add(hole.formula)
        return {size: next(iter(words)) for size, words in found.items() if len(words) == 1}

    def _functions(self) -> None:
        """Which classes are functions.

        Those without weights and state that nothing needs as a module.
        """
        for found in self.order:
            found.function = self.library.pure(found.sketch)
        changed = True
        while changed:
            changed = False
            for outer in self.order:
                for leaf in leaves(outer.sketch.modules):
                    inner = self.of(leaf.callee) if leaf.callee is not None else None
                    if (
                        inner is not None
                        and inner.function
                        and leaf in self.needed_modules(outer.sketch.modules)
                    ):
                        inner.function = False
                        changed = True
                if outer.function and any(
                    leaf.callee is not None and not self.of(leaf.callee).function
                    for leaf in leaves(outer.sketch.modules)
                ):
                    outer.function = False
                    changed = True

    def needed_modules(self, branch: Branch) -> list[Leaf]:
        """The leaves that must be modules: elements of chains and of lists, and what is repeated.

        A list goes if all that would be in it are functions.
        """
        found: list[Leaf] = []
        indexed = layout.kind(branch) in ("Sequential", "ModuleList") and not all(
            isinstance(child, Leaf)
            and child.callee is not None
            and child.count == 1
            and self.of(child.callee).function
            for child in branch.children.values()
        )
        for child in branch.children.values():
            if isinstance(child, Branch):
                found += self.needed_modules(child)
            elif branch.chain or indexed or child.count > 1:
                found.append(child)
        return found

    def _names(self) -> None:
        taken = {*names.GLOBALS, *table().helpers}
        for found in self.order:
            taken |= found.sketch.locals | {
                name for parameter in found.sketch.parameters for name in [parameter.variable]
            }
        counts: dict[str, int] = {}
        for found in self.order:
            counts[found.source] = counts.get(found.source, 0) + 1
        for found in self.order:
            word = (
                self.library.program.name
                if found.sketch.top and not self.library.program.prefixed
                else found.source
            )
            if found.sketch.definition.kind == "body":
                word = names.singular(word.rstrip("_0123456789") or "step")
            if found.function:
                found.name = names.safe(word, taken)
            else:
                found.name = names.unique(names.camel(word), taken)
                if found.name in ("None", "True", "False"):
                    found.name = names.unique(f"{found.name}Block", taken)
            taken.add(found.name)
        self.taken = taken


class _Arguments:
    """Chooses what a class's constructor takes, and what then stands for each hole.

    1. What the spec writes as a formula is written as that formula, if its names mean something
    here.
    2. What differs between the instances is the block's parameter or a size of its input with the
       same values, else simple arithmetic on such, else an argument of its own.
    3. What is the same for all is a number, unless a formula has given that number a name before.
    """

    def __init__(self, classes: Classes, found: Class) -> None:
        self.classes, self.found = classes, found
        self.count = len(found.sketches)
        self.taken = {names.safe(name, ()) for name in found.sketch.definition.parameters} | {
            "self"
        }
        if found.function:
            self.taken |= found.sketch.locals
        self.chosen: dict[str, Row] = {}
        self.config = self._config()
        self.formulas: dict[int, str] = {}  # what is written for a hole, by the hole's id
        self.widths: list[
            tuple[str, Row]
        ] = []  # expressions that count channels or features, of constant value

    def _config(self) -> dict[str, Row]:
        """The spec's own parameters that are numbers, as blocks of the same file see them."""
        found, program = self.found, self.found.library.program
        if found.sketch.top or found.template is None or found.template.file is not program.file:
            return {}
        return {
            name: (value,) * self.count
            for name, value in program.parameters.items()
            if isinstance(value, int | float)
            and name not in found.sketch.definition.bound
            and name not in found.facts
        }

    def choose(self) -> None:
        found = self.found
        holes = [
            (hole, row)
            for hole, row in found.rows()
            if not any(isinstance(value, Argument) for value in row)
        ]
        calls = list(self._calls())
        self._by_formula(holes, calls)
        wanted = [
            (hole.hint, row)
            for hole, row in holes
            if not constant(row) and id(hole) not in self.formulas
        ]
        wanted += [(arg.name, row) for _, arg, row in calls if needed(row)]
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
                taken = {*self.taken, *self.chosen, *self.config}
                self.chosen[names.safe(hint or "value", taken)] = row
        for gap in dict.fromkeys(gaps(found.sketch)):
            self._condition(gap)
        self._arrange(holes, calls)
        found.passed = [name for name in found.sketch.definition.parameters if self._passes(name)]
        self._fill(holes, calls)

    def _by_formula(
        self, holes: list[tuple[Hole, Row]], calls: list[tuple[Build | Numbers, Arg, Row]]
    ) -> None:
        for hole, row in holes:
            if not hole.formula or isinstance(hole.value, tuple):
                continue
            made = provenance.translated(hole.formula, self._resolve)
            if (
                made is None
                or not made[1]
                or not provenance.agrees(row, provenance.values(*made, self.count))
            ):
                continue
            if constant(row) and not made[1].keys() & self.config.keys():
                continue
            self.chosen.update(
                {name: row for name, row in made[1].items() if name not in self.chosen}
            )
            self.formulas[id(hole)] = made[0]
            if hole.hint in WIDTHS and constant(row):
                self.widths.append((made[0], row))
                self.widths += [item for item in made[1].items() if item[0] in self.config]
            elif hole.hint == "size" and constant(row):
                self.found.said.setdefault(row[0], made[0])
        for hole, row in holes:
            word = (
                self.classes.widths.get(row[0]) if hole.hint in WIDTHS and constant(row) else None
            )
            if (
                word in self.config
                and not hole.formula
                and not any(same(w, row) for _, w in self.widths)
            ):
                assert word is not None
                self.chosen.setdefault(word, self.config[word])
                self.widths.append((word, row))
        for _, arg, row in calls:
            if (
                arg.config
                and arg.key in self.config
                and constant(row)
                and same(row, self.config[arg.key])
            ):
                self.chosen.setdefault(arg.key, self.config[arg.key])
                if arg.width:
                    self.widths.append((arg.key, row))

    def _resolve(self, name: str) -> tuple[str, Row] | None:
        """What a formula's name means in the class: a parameter, a number, a size of the input."""
        found = self.found
        if name in found.bound:
            return name, found.bound[name]
        value = found.sketch.definition.bound.get(name)
        if isinstance(value, int | float | str):
            return repr(value), (value,) * self.count
        if name in self.config:
            return name, self.config[name]
        return found.fact(name)

    def _arrange(
        self, holes: list[tuple[Hole, Row]], calls: list[tuple[Build | Numbers, Arg, Row]]
    ) -> None:
        """The arguments in order: widths first, then the rest, those with a default last."""
        found = self.found
        widths = [row for hole, row in holes if hole.hint in WIDTHS] + [
            row for _, arg, row in calls if arg.width
        ]
        for name in [*found.facts, *found.bound, *self.config, *self.chosen]:
            if name in self.chosen and all(arg.key != name for arg in found.args):
                row = self.chosen[name]
                there = tuple(
                    next(v for v in row if v is not ABSENT) if value is ABSENT else value
                    for value in row
                )
                config = name in self.config and name not in found.bound
                width = (
                    any(text == name for text, _ in self.widths)
                    if config
                    else any(same(w, row) for w in widths)
                )
                word = names.safe(name, {*self.taken, *(arg.name for arg in found.args)})
                found.args.append(Arg(word, there, self._default(name), name, width, config=config))
        found.args.sort(key=lambda arg: (arg.default is not ..., not arg.width))
        self._derive()

    def _derive(self) -> None:
        """Finds the parameters that the spec computes from others: the constructor does so, too."""
        found = self.found
        defaults = (
            {p.name: p.default for p in found.template.parameters}
            if found.template is not None
            else {}
        )
        for arg in reversed(found.args):
            data = defaults.get(arg.key)
            if not isinstance(data, Scalar) or not isinstance(data.formula, Formula):
                continue
            known = {
                other.name: other.row
                for other in found.args
                if other is not arg and not other.formula
            }
            keys = {
                other.key: other.name
                for other in found.args
                if other is not arg and not other.formula
            }

            def resolve(
                name: str, keys: dict[str, str] = keys, known: dict[str, Row] = known
            ) -> tuple[str, Row] | None:
                if name in keys:
                    return keys[name], known[keys[name]]
                meant = self._resolve(name)
                return (
                    meant
                    if meant is not None and (meant[0] in known or constant(meant[1]))
                    else None
                )

            made = provenance.translated(data.formula.text, resolve)
            if (
                made is not None
                and made[1]
                and provenance.agrees(arg.row, provenance.values(*made, self.count))
                and made[1].keys() <= known.keys()
            ):
                arg.formula = provenance.python(made[0])

    def _condition(self, gap: Gap) -> None:
        """What tells whether an instance has the steps.

        The spec's own condition, or an argument.
        """
        found = self.found
        for formula in gap.when:
            made = provenance.translated(formula, self._resolve)
            if made is not None and provenance.agrees(
                gap.has, provenance.values(*made, self.count)
            ):
                for name, row in made[1].items():
                    self.chosen.setdefault(name, row)
                found.conditions[gap] = made[0]
                return
        direct = meaning(gap.has, {**found.bound, **found.facts, **self.chosen})
        if direct is not None:
            self._take(direct.names, {**found.bound, **found.facts, **self.chosen})
            found.conditions[gap] = direct.text
            return
        taken = {*self.taken, *self.chosen, *self.config}
        name = names.safe(f"has_{gap.word}" if gap.word else "has", taken)
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
            if (
                parameter.name == name
                and parameter.type is None
                and isinstance(data, Scalar)
                and data.formula is None
                and any(type(value) is type(data.value) and value == data.value for value in row)
            ):
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
                    if not arg.formula:
                        yield (
                            first,
                            arg,
                            tuple(
                                ABSENT if part.absent else arg.row[callee.place(part.definition)]
                                for part in calls
                            ),
                        )
                for name in callee.passed:
                    row: Row = tuple(
                        ABSENT if part.absent else part.arguments[name] for part in calls
                    )
                    yield first, Arg(name, row), row

    def _passes(self, name: str) -> bool:
        """Whether a parameter that passes through is used at all."""
        values = [value for _, row in self.found.rows() for value in row]
        values += [value for _, _, row in self._calls() for value in row]
        return any(isinstance(value, Argument) and value.name == name for value in values)

    def _fill(
        self, holes: list[tuple[Hole, Row]], calls: list[tuple[Build | Numbers, Arg, Row]]
    ) -> None:
        found = self.found
        known = {arg.name: arg.row for arg in found.args if not arg.config}
        renamed = {arg.key: arg.name for arg in found.args}
        for hole, row in found.rows():
            text = self.formulas.get(id(hole)) or self._table(hole, row)
            if text:
                found.texts[id(hole)] = f"{{{provenance.python(words(text, renamed))}}}"
            else:
                found.texts[id(hole)] = self._width(hole, row, renamed) or self._text(row, known)
        for part, arg, row in calls:
            own = (
                renamed.get(arg.key, "")
                if arg.config and arg.key in self.config and constant(row)
                else ""
            )
            text = f"{{{own}}}" if own else self._text(row, known)
            found.calls.setdefault(id(part), []).append((arg, text, row[0]))
        for text, row in sorted(self.widths, key=lambda item: -len(item[0])):
            found.said[row[0]] = text
        found.said = {size: words(text, renamed) for size, text in found.said.items()}
        found.conditions = {
            gap: provenance.python(words(text, renamed)) for gap, text in found.conditions.items()
        }

    def _width(self, hole: Hole, row: Row, renamed: dict[str, str]) -> str:
        """A number of channels or features by the expression that counted them elsewhere."""
        if hole.hint not in WIDTHS or not constant(row):
            return ""
        found = next(
            (
                text
                for text, other in sorted(self.widths, key=lambda w: len(w[0]))
                if same(other, row)
            ),
            "",
        )
        return f"{{{provenance.python(words(found, renamed))}}}" if found else ""

    def _table(self, hole: Hole, row: Row) -> str:
        """A large table as the formula that makes it, where that is in terms of the class."""
        if not hole.formula or not isinstance(row[0], tuple):
            return ""
        keys = {arg.key for arg in self.found.args}

        constants: dict[str, object] = {}

        def resolve(name: str) -> tuple[str, Row] | None:
            listed = self.found.library.program.parameters.get(name)
            if isinstance(listed, list) and name not in self.found.sketch.definition.bound:
                word = names.unique(name.upper(), self.classes.taken)
                constants[word] = listed
                return word, (listed,) * self.count
            meant = self._resolve(name)
            if meant is None or meant[0] in keys or not meant[0].isidentifier():
                return meant
            return (repr(meant[1][0]), meant[1]) if constant(meant[1]) else None

        made = provenance.translated(hole.formula, resolve, 1000)
        if made is None or not provenance.agrees(row, provenance.values(*made, self.count)):
            return ""
        self.classes.constants.update(constants)
        return made[0]

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


def words(text: str, renamed: dict[str, str]) -> str:
    """The expression with names of the spec as names of arguments."""
    return re.sub(r"(?<![\w.\"'])[A-Za-z_]\w*", lambda match: renamed.get(match[0], match[0]), text)


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
    """Whether something must be passed for the row.

    It differs, and is nothing that passes through.
    """
    return not constant(row) and not any(isinstance(value, Argument) for value in row)
