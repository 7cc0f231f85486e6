"""Data to syntax tree. What is wrong is gathered, and the part that holds it is marked broken."""

from __future__ import annotations

import re
from pathlib import Path

from archc.errors import Diagnostic, Findings, SpecError
from archc.place import Place, Source
from archc.spec import formula as formulas
from archc.spec import slips
from archc.spec.ast import (
    MODIFIERS,
    TYPE_NAMES,
    File,
    InputDeclaration,
    Parameter,
    Step,
    Template,
    formula_names,
)
from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence
from archc.spec.formula import Formula
from archc.spec.values import FormulaError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z|[0-9]+\Z")
VARIANT = re.compile(r"[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*\Z")
MAX_NAME = 100
MAX_NAMES = 500  # blocks, models or variants of a file, parameters or inputs of one of them
KEPT = ("train", "data", "search")  # sections that later stages read; their formulas are theirs


class Parser:
    """Turns one file's data into a tree; `findings` fills as it goes."""

    def __init__(self, source: Source, path: Path | None) -> None:
        self.source, self.path = source, path
        self.findings = Findings()

    def fail(self, code: str, message: str, place: Place, label: str = "", help: str = "") -> None:
        self.findings.append(Diagnostic(code, message, place, label, (), help))

    def file(self, data: Mapping) -> File:
        for section in ("variants", "blocks", "models"):
            self.bound(data.get(section), section)
        for key, entry in data.entries.items():
            if key not in KEPT:
                self.formulas(entry.value)
        file = File(
            path=self.path,
            source=self.source,
            data=data,
            name=self.file_name(data),
            task=text_of(data.get("task")),
            doc=text_of(data.get("doc")),
            parameters=self.parameters(data.get("params")),
            variants=self.variants(data.get("variants")),
            defaults={
                name: value
                for name, value in entries_of(data.get("defaults"))
                if isinstance(value, Mapping)
            },
        )
        for name, block in entries_of(data.get("blocks")):
            if isinstance(block, Mapping):
                file.blocks[name] = self.template(file, name, "block", block)
        for name, model in entries_of(data.get("models")):
            if isinstance(model, Mapping):
                file.models[name] = self.template(file, name, "model", model)
        if "graph" in data:
            file.root = self.template(file, file.name, "model", data)
        return file

    def file_name(self, data: Mapping) -> str:
        written = data.get("name")
        if isinstance(written, Scalar) and isinstance(written.value, str):
            return self.checked_name(written.value, written.place)
        stem = self.path.stem if self.path else "model"
        return re.sub(r"\W", "_", stem) or "model"

    def variants(self, data: Data | None) -> dict[str, Mapping]:
        """The variants by name; names of files and folders are made of them."""
        found: dict[str, Mapping] = {}
        for key, entry in data.entries.items() if isinstance(data, Mapping) else ():
            name = str(key)
            if not VARIANT.match(name) or len(name) > MAX_NAME:
                what = f"'{name[:60]}' cannot name a variant"
                help = "it holds letters, digits, _, - and ."
                self.fail("E212", what, entry.key.place, help=help)
            elif isinstance(entry.value, Mapping):
                found[name] = entry.value
        return found

    def checked_name(self, name: str, place: Place) -> str:
        if not is_name(name) or len(name) > MAX_NAME:
            self.fail(
                "E212",
                f"'{name[:60]}' is not a name",
                place,
                help="a name holds letters, digits and _",
            )
            return "_"
        return name

    def formulas(self, data: Data | None) -> None:
        """Parses every formula under the data and leaves it on its scalar."""
        match data:
            case Scalar(value) if isinstance(value, str) and len(value) > 1 and value[0] == "=":
                if data.formula is None:
                    try:
                        data.formula = formulas.parse(value[1:])
                    except FormulaError as error:
                        data.formula = error
                        self.fail(error.code, error.message, data.place, help=error.help)
            case Sequence(items):
                for item in items:
                    self.formulas(item)
            case Mapping(entries):
                for entry in entries.values():
                    self.formulas(entry.key)
                    self.formulas(entry.value)

    def template(self, file: File, name: str, kind: str, data: Mapping) -> Template:
        return Template(
            name=name,
            kind=kind,
            place=data.place,
            file=file,
            doc=text_of(data.get("doc")),
            parameters=self.parameters(data.get("params")) if kind == "block" else (),
            inputs=self.inputs(data, kind),
            steps=self.steps(data.get("graph")),
            outputs=self.outputs(data.get("outputs")),
        )

    def outputs(self, data: Data | None) -> Mapping | None:
        """Outputs as a mapping; a list of references names each by its last segment."""
        if not isinstance(data, Sequence):
            return data if isinstance(data, Mapping) else None
        entries: dict[str | int, Entry] = {}
        for item in data.items:
            if isinstance(item, Scalar) and isinstance(item.value, str):
                name = item.value.rsplit(".", 1)[-1]
                if name in entries:
                    self.fail(
                        "E211",
                        f"two outputs would be called '{name}'",
                        item.place,
                        help=f"name them: {{first: {item.value}, …}}",
                    )
                entries[name] = Entry(item, item)
        return Mapping(entries, data.place)

    def parameters(self, data: Data | None) -> tuple[Parameter, ...]:
        result: list[Parameter] = []
        if isinstance(data, Mapping):
            self.bound(data, "parameters")
            for key, entry in data.entries.items():
                name = str(key)
                if not name.isidentifier() or name == "prev":
                    self.fail("E212", f"'{name[:60]}' cannot name a parameter", entry.key.place)
                    continue
                value = entry.value
                bare = value.value if isinstance(value, Scalar) and value.plain else None
                declared = bare if isinstance(bare, str) and bare in TYPE_NAMES else None
                result.append(Parameter(name, entry.key.place, value, declared))
        return tuple(result)

    def bound(self, data: Data | None, what: str) -> None:
        """SpecError E108 for a list of names that no person wrote."""
        if isinstance(data, Mapping) and len(data.entries) > MAX_NAMES:
            raise SpecError.of("E108", f"more than {MAX_NAMES} {what}", data.place)

    def inputs(self, data: Mapping, kind: str) -> tuple[InputDeclaration, ...]:
        written = data.get("inputs")
        self.bound(written, "inputs")
        if written is None:
            return (InputDeclaration("x", data.place),) if kind == "block" else ()
        if isinstance(written, Sequence):
            named = [item for item in written.items if isinstance(item, Scalar)]
            return tuple(
                InputDeclaration(self.checked_name(str(n.value), n.place), n.place) for n in named
            )
        if not isinstance(written, Mapping):
            return ()
        return tuple(self.input(str(key), entry) for key, entry in written.entries.items())

    def input(self, name: str, entry: Entry) -> InputDeclaration:
        name, place = self.checked_name(name, entry.key.place), entry.key.place
        value = entry.value
        if isinstance(value, Sequence):
            return InputDeclaration(name, place, value)
        if not isinstance(value, Mapping):
            return InputDeclaration(name, place)
        shape, optional = value.get("shape"), value.get("optional")
        return InputDeclaration(
            name,
            place,
            shape if isinstance(shape, Sequence) else None,
            value.get("dtype"),
            isinstance(optional, Scalar) and optional.value is True,
            value.get("repeat"),
            value.get("when"),
            rest=isinstance(rest := value.get("rest"), Scalar) and rest.value is True,
        )

    def steps(self, data: Data | None) -> tuple[Step, ...]:
        if not isinstance(data, Sequence):
            return ()
        return tuple(self.step(item) for item in data.items)

    def step(self, data: Data) -> Step:
        if isinstance(data, Scalar):
            return self.named_step(data)
        if not isinstance(data, Mapping):
            self.fail(
                "E205",
                "a step is an op's name or a mapping",
                data.place,
                help="write '- relu' or '- linear: 10'",
            )
            return Step(data.place, None, data.place, data, broken=True)
        heads = [key for key in data.entries if key not in MODIFIERS]
        if len(heads) != 1:
            return self.headless(data, heads)
        entry = data.entries[heads[0]]
        step = Step(data.place, None, entry.key.place, data)
        step.broken = isinstance(entry.key.formula, FormulaError)
        if heads[0] == "do":
            if not isinstance(entry.value, Sequence):
                self.fail("E202", "'do' holds a list of steps", entry.value.place)
                step.broken = True
            step.body = self.steps(entry.value)
        else:
            step.head = (
                entry.key.formula if isinstance(entry.key.formula, Formula) else str(heads[0])
            )
            step.value = (
                None
                if isinstance(entry.value, Scalar) and entry.value.value is None
                else entry.value
            )
        self.modifiers(step, data)
        step.names = frozenset(formula_names(data))
        return step

    def named_step(self, data: Scalar) -> Step:
        step = Step(data.place, None, data.place, data)
        if isinstance(data.formula, Formula):
            step.head, step.names = data.formula, data.formula.names
        elif isinstance(data.formula, FormulaError):
            step.broken = True
        elif isinstance(data.value, str) and data.value:
            step.head = data.value
        else:
            self.fail(
                "E205",
                "a step is an op's name or a mapping",
                data.place,
                help="write '- relu' or '- linear: 10'",
            )
            step.broken = True
        return step

    def headless(self, data: Mapping, heads: list[str | int]) -> Step:
        if not heads:
            self.fail(
                "E205",
                "the step has no op",
                data.place,
                help="a step has one op or block key, or 'do', and modifiers",
            )
        else:
            second = data.entries[heads[1]].key
            what = ", ".join(f"'{head}'" for head in heads[:4])
            help = slips.beside(str(heads[0]), str(heads[1]))
            self.fail("E205", f"a step has one op, found {what}", second.place, help=help)
        return Step(data.place, None, data.place, data, broken=True)

    def modifiers(self, step: Step, data: Mapping) -> None:
        step.name, step.inputs, step.when = data.get("name"), data.get("in"), data.get("when")
        step.repeat, step.scan = data.get("repeat"), data.get("scan")
        step.freeze, step.detach = data.get("freeze"), data.get("detach")
        tie, init = data.get("tie"), data.get("init")
        for key, value in (("tie", tie), ("init", init)):
            if value is not None and not isinstance(value, Mapping):
                self.fail(
                    "E202",
                    f"'{key}' is a mapping by weight name",
                    value.place,
                    help=f"{key}: {{weight: …}}",
                )
                step.broken = True
        step.tie = tie if isinstance(tie, Mapping) else None
        step.init = init if isinstance(init, Mapping) else None
        name = step.name
        if isinstance(name, Scalar) and name.formula is None and not is_name(name.value):
            shown = str(name.value)[:60]
            self.fail(
                "E212",
                f"'{shown}' is not a name",
                name.place,
                help="a name holds letters, digits and _",
            )
            step.broken = True
        if any(
            isinstance(getattr(part, "formula", None), FormulaError)
            for part in (name, step.when, step.value)
        ):
            step.broken = True


def is_name(value: object) -> bool:
    """Whether the value can name a step: an identifier or a number."""
    return not isinstance(value, bool) and value != "prev" and NAME.match(str(value)) is not None


def text_of(data: Data | None) -> str:
    return data.value if isinstance(data, Scalar) and isinstance(data.value, str) else ""


def entries_of(data: Data | None) -> list[tuple[str, Data]]:
    return list(data.items()) if isinstance(data, Mapping) else []
