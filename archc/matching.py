"""Stored names and a spec's names: rules that a spec declares, and every difference at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archc.errors import Diagnostic, InputError, nearest
from archc.ir.types import FLOATING, DType
from archc.place import Place

if TYPE_CHECKING:  # a spec's rules are read by verbs that need no numpy
    from archc.weights import Entry, Weights

# How many updates a batch norm has seen: PyTorch counts them and, with a fixed momentum, never
# looks at the count. A spec has no such weight, and losing it changes nothing.
_COUNTER = "num_batches_tracked"


_LISTED = 300  # of the weights with one and the same fault


def captures(pattern: str, name: str) -> tuple[str, ...] | None:
    """What each `*` of the pattern stands for in the name, or None if it does not match.

    `*` alone is special and stands for any text, dots included; each takes as little as it can,
    the last one the rest. It takes time linear in the name, whatever the pattern.
    """
    first, *parts = pattern.split("*")
    if not parts:
        return () if name == pattern else None
    if not name.startswith(first):
        return None
    found, position = [], len(first)
    *inner, last = parts
    for part in inner:
        at = name.find(part, position)
        if at < 0:
            return None
        found.append(name[position:at])
        position = at + len(part)
    end = len(name) - len(last)
    if end < position or not name.endswith(last):
        return None
    return (*found, name[position:end])


@dataclass(frozen=True, slots=True)
class Rules:
    """What a spec's `weights:` section declares; ValueError if a rule cannot be meant.

    `ignore` and the patterns of `rename` are about names as they are stored; the first rename that
    matches applies, and the `*`s of its replacement stand for what the pattern's did, in order.
    `transpose` is about the spec's names: those weights are stored as the transpose.
    """

    ignore: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    transpose: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pattern, replacement in self.rename:
            if pattern.count("*") != replacement.count("*"):
                raise ValueError(f"'{pattern}' and '{replacement}' have different numbers of *")

    def ignores(self, stored: str) -> bool:
        """Whether a stored name is to be passed over."""
        return any(captures(pattern, stored) is not None for pattern in self.ignore)

    def transposes(self, name: str) -> bool:
        """Whether the weight of that name, in the spec, is stored transposed."""
        return any(captures(pattern, name) is not None for pattern in self.transpose)

    def renamed(self, stored: str) -> str:
        """The name in the spec for a stored name."""
        for pattern, replacement in self.rename:
            found = captures(pattern, stored)
            if found is not None:
                first, *parts = replacement.split("*")
                return first + "".join(text + part for text, part in zip(found, parts, strict=True))
        return stored


@dataclass(frozen=True, slots=True)
class Wanted:
    """A weight that a spec has, and the names under which tied uses of it may be stored too."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    aliases: tuple[str, ...] = ()
    place: Place | None = None  # of the step that has it

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}{list(self.shape)}" + _at(self)


def match(
    weights: Weights, wanted: Iterable[Wanted], rules: Rules | None = None, strict: bool = True
) -> dict[str, Entry]:
    """The entry of each wanted weight, by its name, of its type and shape.

    Floating types are converted into each other, transposed ones brought back, both when they are
    read. InputError with every difference: E501 weights that are missing, E502 unexpected ones
    (neither is an error unless `strict`), E504 wrong shapes, E505 other types, E506 stored
    values that differ though the spec ties them, E507 two stored weights for one.
    """
    matching = _Matching(weights, [*wanted], rules or Rules())
    result = matching.result()
    findings = matching.findings(strict)
    if findings:
        raise InputError(findings)
    return result


class _Matching:
    """The work of `match`: what it has found on its way."""

    def __init__(self, weights: Weights, wanted: Sequence[Wanted], rules: Rules) -> None:
        self.source = weights.name
        self.wanted = wanted
        self.rules = rules
        self.missing: list[Wanted] = []
        self.unexpected: list[Entry] = []
        self.shapes: list[str] = []
        self.dtypes: list[str] = []
        self.untied: list[str] = []
        self.twice: list[str] = []
        self.transposable: list[str] = []  # of wrong shape, and right if transposed
        self.found = self._by_name(weights)

    def _by_name(self, weights: Mapping[str, Entry]) -> dict[str, Entry]:
        """The stored entries that count, under the spec's names."""
        known = {name for each in self.wanted for name in (each.name, *each.aliases)}
        found: dict[str, Entry] = {}
        for stored, entry in weights.items():
            if self.rules.ignores(stored):
                continue
            name = self.rules.renamed(stored)
            if name in found:
                self.twice.append(f"{found[name].name} and {stored} both give {name}")
            elif name in known:
                found[name] = entry
            elif name.rpartition(".")[2] != _COUNTER:
                self.unexpected.append(entry)
        return found

    def result(self) -> dict[str, Entry]:
        result = {}
        for each in self.wanted:
            entries = [
                fitted
                for name in (each.name, *each.aliases)
                if name in self.found
                and (fitted := self._fitted(self.found[name], name, each)) is not None
            ]
            if entries:
                result[each.name] = entries[0].renamed(each.name)
                self._compare(each, entries)
            elif not any(name in self.found for name in (each.name, *each.aliases)):
                self.missing.append(each)
        return result

    def _fitted(self, entry: Entry, name: str, each: Wanted) -> Entry | None:
        """The entry in the wanted shape and type, or None after noting why it cannot be."""
        transpose = self.rules.transposes(name) and len(entry.shape) == 2
        if transpose:
            entry = entry.transposed()
        if entry.shape != each.shape:
            self.shapes.append(f"{name}: stored {list(entry.shape)}, wanted {each}")
            if len(each.shape) == 2 and entry.shape[::-1] == each.shape and not transpose:
                self.transposable.append(name)
            return None
        if entry.dtype != each.dtype and not {entry.dtype, each.dtype} <= FLOATING:
            self.dtypes.append(f"{name}: stored {entry.dtype}, wanted {each}")
            return None
        return entry.converted(each.dtype)

    def _compare(self, each: Wanted, entries: Sequence[Entry]) -> None:
        """Note stored copies of a tied weight that are not the same."""
        if len(entries) < 2:
            return
        first, *others = entries
        digest = first.digest()
        self.untied += [
            f"{other.name} is tied to {first.name}{_at(each)}"
            for other in others
            if other.digest() != digest
        ]

    def findings(self, strict: bool) -> list[Diagnostic]:
        table: list[tuple[str, str, Sequence[object], str]] = [
            ("E507", "{} given twice", self.twice, "rename or ignore one of the two"),
            ("E504", "{} the wrong shape", self.shapes, self._shape_help()),
            ("E505", "{} a type that is not converted", self.dtypes, ""),
            ("E506", "{} tied, but stored with different values", self.untied,
             "remove the tie, or ignore the copy that is not meant"),
        ]  # fmt: skip
        if strict:
            table = [
                ("E501", "{} missing", self.missing, self._name_help()),
                (
                    "E502",
                    "{} unexpected",
                    self.unexpected,
                    "what is not needed can stand under weights: ignore:",
                ),
                *table,
            ]
        return [
            Diagnostic(
                code,
                f"{self.source}: {message.format(_count(code, items))}",
                notes=_listed(items),
                help=help,
            )
            for code, message, items, help in table
            if items
        ]

    def _shape_help(self) -> str:
        if self.transposable and len(self.transposable) == len(self.shapes):
            return f"stored as the transpose? weights: {{transpose: [{self.transposable[0]}]}}"
        return ""

    def _name_help(self) -> str:
        """A rename that would mend the first of the missing names, and so perhaps all."""
        if not (self.missing and self.unexpected):
            return ""
        wanted = self.missing[0].name
        stored = [entry.name for entry in self.unexpected]
        for name in stored:
            if name.endswith(f".{wanted}"):
                return _rename(f"{name.removesuffix(wanted)}*", "*")
            if wanted.endswith(f".{name}"):
                return _rename("*", f"{wanted.removesuffix(name)}*")
        close = nearest(wanted, stored)
        return _rename(close, wanted) if close else ""


def _listed(items: Sequence[object]) -> tuple[str, ...]:
    shown = tuple(map(str, items[:_LISTED]))
    return shown if len(items) <= _LISTED else (*shown, f"and {len(items) - _LISTED:,} more")


def _rename(pattern: str, replacement: str) -> str:
    return f'other names for the same? weights: {{rename: {{"{pattern}": "{replacement}"}}}}'


def _count(code: str, items: Sequence[object]) -> str:
    have = code in ("E504", "E505")
    if len(items) == 1:
        return "a weight has" if have else "a weight is"
    return f"{len(items)} weights {'have' if have else 'are'}"


def _at(wanted: Wanted) -> str:
    return f" ({wanted.place})" if wanted.place else ""
