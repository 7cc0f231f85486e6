"""Where a training's data comes from, as far as the spec tells: sources, their options, fields.

`train: data` names sources of a known kind, or what the spec defines by name at its top level.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from archc.errors import Diagnostic, SpecError, did_you_mean, nearest
from archc.ir.program import Program
from archc.place import Place
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.formula import Formula, evaluate_over
from archc.spec.parse import Parser
from archc.spec.values import FormulaError
from archc.train.kinds import KINDS, kind_at, wrong


def sources(program: Program) -> dict[str, Any]:
    """`data: {horses: {images: {path: …}}}` as plain values, by name.

    Formulas over the spec's parameters are worked out. Raises SpecError.
    """
    file, data = program.file, defined(program)
    if file is None or data is None:
        return {}
    parser = Parser(file.source, file.path)
    parser.formulas(data)
    if parser.findings:
        raise SpecError(parser.findings)
    return {str(key): _plain(entry.value, program) for key, entry in data.entries.items()}


def defined(program: Program) -> Mapping | None:
    data = program.file.section("data") if program.file is not None else None
    return data if isinstance(data, Mapping) else None


def _plain(data: Data, program: Program) -> Any:
    match data:
        case Scalar(formula=Formula() as formula):
            try:
                return evaluate_over(program.parameters, formula)
            except FormulaError as error:
                raise SpecError.of(
                    error.code, error.message, data.place, help=error.help
                ) from error
        case Scalar(value=value):
            return value
        case Sequence(items):
            return [_plain(item, program) for item in items]
        case Mapping(entries):
            return {str(key): _plain(entry.value, program) for key, entry in entries.items()}


def meant(name: str, value: Any, known: Map[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind and options of a source: as the spec defines it, and what is added in its place."""
    kind, given = name, {}
    if name in known:
        [(kind, own)] = (
            [(known[name], None)] if isinstance(known[name], str) else known[name].items()
        )
        given = as_options(own)
    return kind, given | as_options(value)


def as_options(value: Any) -> dict[str, Any]:
    """`{path: x.csv}`, or `x.csv` alone."""
    if value is None:
        return {}
    return dict(value) if isinstance(value, Map) else {"path": str(value)}


@dataclass(frozen=True, slots=True)
class Source:
    """A source of `train: data`: its name, its kind if that is known, and where it is written."""

    name: str
    kind: str | None
    options: Map[str, Any]
    place: Place
    written: tuple[Data | None, ...]  # its options in `train: data`, then in its definition

    def place_of(self, option: str, *, value: bool) -> Place:
        for data in self.written:
            if isinstance(data, Mapping) and option in data:
                entry = data.entries[option]
                return entry.value.place if value else entry.key.place
        return self.place

    def fields(self) -> tuple[str, ...] | None:
        """The names that its fields go by; None where only the data tells them."""
        kind = None if self.kind is None else KINDS[self.kind]
        own = None if kind is None else kind.fields_with(self.options)
        if kind is None or own is None:
            return None
        names = {old: new for old, new in self.options.items() if old not in kind.options}
        return tuple(str(names.get(one, one)) for one in own)


def used(program: Program, data: Data | None, plain: Any) -> list[Source]:
    """The sources that `train: data`, which is `plain`, names. Raises as `sources`."""
    if data is None:
        return []
    known, definitions = sources(program), defined(program)
    found: list[Source] = []
    for name, value in ({plain: None} if isinstance(plain, str) else plain).items():
        entry = data.entries[name] if isinstance(data, Mapping) else None
        definition = definitions.get(name) if definitions is not None else None
        if isinstance(definition, Mapping):
            definition = next(iter(definition.entries.values())).value
        kind, options = meant(name, value, known)
        path = options.get("path")
        if kind not in KINDS and isinstance(path, str):
            kind = kind_at(path) or ""
        place = data.place if entry is None else entry.key.place
        written = (None if entry is None else entry.value, definition)
        found.append(Source(name, kind if kind in KINDS else None, options, place, written))
    return found


def mistakes(found: list[Source]) -> Iterator[Diagnostic]:
    """What is wrong with the options of sources. Nobody knows yet what others lies at a path."""
    for one in found:
        if one.kind is None:
            continue
        for each in wrong(one.name, KINDS[one.kind], one.options):
            place = one.place_of(each.option, value=each.value)
            yield Diagnostic(each.code, each.message, place, help=each.help)


def doubts(found: list[Source], known: Map[str, Any]) -> Iterator[Diagnostic]:
    """Warnings of names that are no source's, but nearly; `--data` may give them a meaning."""
    for one in found:
        if one.kind is not None or "path" in one.options:
            continue
        names = [*KINDS, *known]
        if kind_at(one.name) or nearest(one.name, names) is not None:
            yield Diagnostic(
                "E806", f"no data called '{one.name}'", one.place, help=named(one.name, names),
                severity="warning",
            )  # fmt: skip


def named(name: str, known: list[str]) -> str:
    """What may be meant by a name that no source has."""
    kind = kind_at(name)
    if kind is not None:
        return f"data: {{{kind}: {name}}}"
    close = did_you_mean(name, known)
    return f"{close.rstrip('?')}{'?' if '?' in close else ';'} or say where it is: --data PATH"
