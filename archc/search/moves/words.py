"""All that a file says in words: which names are taken, and where a name is spoken of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from archc.search.edit import Path
from archc.spec.data import Data, Mapping, Scalar, Sequence
from archc.spec.formula import Formula

WORD = re.compile(r"[A-Za-z0-9_]+")
PROSE = ("archc", "name", "task", "doc", "use", "labels", "preprocess", "variants")
OUTSIDE = ("train", "weights", "search", "data")  # sections that speak of names in all templates


@dataclass(frozen=True, slots=True)
class Mention:
    """A name within a text at `path`: as all of a reference, as a part of one, or in a formula.

    In a formula it is one of its free names (`fact`), or stands in a text within.
    """

    path: Path
    whole: bool
    formula: bool
    fact: bool


@dataclass(eq=False, slots=True)
class Words:
    """The words of a file, each with the places that hold it, and the file's parameters."""

    mentions: dict[str, list[Mention]]
    parameters: frozenset[str]

    @classmethod
    def of(cls, data: Mapping) -> Words:
        params = data.get("params")
        names = params.entries if isinstance(params, Mapping) else ()
        found: dict[str, list[Mention]] = {}
        for path, scalar in _scalars(data, ()):
            if path[0] in PROSE or not isinstance(scalar.value, str):
                continue
            formula = scalar.formula if isinstance(scalar.formula, Formula) else None
            for word in set(WORD.findall(scalar.value)):
                whole = formula is None and word == scalar.value
                fact = formula is not None and word in formula.names
                mention = Mention(path, whole, formula is not None, fact)
                found.setdefault(word, []).append(mention)
        return cls(found, frozenset(map(str, names)))

    def fresh(self, stem: str) -> str:
        """A name that the file does not know yet: `conv_2`, `skip_1`."""
        number = 1
        while f"{stem}_{number}" in self.mentions:
            number += 1
        return f"{stem}_{number}"

    def outside(self, word: str) -> bool:
        """Whether a section about all templates speaks of the word, as of weights by a pattern."""
        return any(one.path[0] in OUTSIDE for one in self.mentions.get(word, ()))

    def of_name(self, name: str, template: Path) -> list[Mention]:
        """Where a step's name may be meant: in its template, and in sections about all of them.

        Without the place where the step is called so, and formulas where a parameter of the file
        is meant.
        """
        return [
            one
            for one in self.mentions.get(name, ())
            if one.path[-1] != "name"
            and _concerns(one.path, template)
            and not (one.fact and name in self.parameters)
        ]


def _concerns(path: Path, template: Path) -> bool:
    if path[0] in OUTSIDE:
        return True
    return path[: len(template)] == template if template else path[0] in ("graph", "outputs")


def _scalars(data: Data, path: Path) -> Iterator[tuple[Path, Scalar]]:
    """Every scalar, keys too, with where it stands; a key stands where its value does."""
    match data:
        case Scalar():
            yield path, data
        case Sequence(items):
            for k, item in enumerate(items):
                yield from _scalars(item, (*path, k))
        case Mapping(entries):
            for key, entry in entries.items():
                if path:
                    yield (*path, key), entry.key
                yield from _scalars(entry.value, (*path, key))
