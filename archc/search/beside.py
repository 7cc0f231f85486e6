"""What decides more of a candidate than its network."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

from archc.spec.ast import File
from archc.spec.data import Data, Mapping, Scalar, Sequence, plain
from archc.spec.formula import Formula
from archc.spec.parse import Parser

Asking = dict[str, set[str]]  # a key → the names that formulas in its values ask for
TRAINING = ("train", "data")  # sections of which formulas are read when they are needed
NAMED = "="  # before a key whose value is a mapping: its own keys say what is set


@lru_cache(maxsize=16)  # candidates that differ by values alone are of one file
def beside(file: File) -> frozenset[str]:
    """The parameters that training, data or initial values go by, and those varied but never used.

    Two candidates of one network that differ in one of these may come to other numbers. Names are
    followed through defaults of parameters, settings of blocks, and blocks that a training's own
    graph calls; one that only shares its name with such a setting counts too, so that no two
    candidates are taken for one that differ.
    """
    asking: Asking = {}
    files = [file, *used(file)]
    blocks = {name for one in files for name in one.blocks}
    for one in files:
        for section in TRAINING:
            Parser(one.source, one.path).formulas(one.section(section))  # findings are training's
        for key, value in one.data.items():
            if key != "search":
                asking.setdefault(key, set()).update(gathered(value, asking, blocks))
    for name, choices in varied(file).items():
        for choice in choices:
            asking.setdefault(name, set()).update(gathered(choice, {}, blocks) & blocks)
    names = set().union(*(asking.get(key, ()) for key in (*TRAINING, "init", NAMED + "init")))
    takes = {
        template.name: {parameter.name for parameter in template.parameters}
        for one in files
        for template in (*one.blocks.values(), *one.models.values())
    }
    before = -1
    while len(names) > before:
        before = len(names)
        for key, found in asking.items():
            if key.removeprefix(NAMED) in names or not names.isdisjoint(takes.get(key, ())):
                names = names | found
    own = {one.name for one in file.parameters}
    return frozenset(own & (names | varied(file).keys() - set().union(*asking.values())))


@lru_cache(maxsize=16)
def told_apart(file: File) -> tuple[str, ...] | None:
    """The patterns by which training chooses weights by their names, as an optimiser's groups do.

    None where a network alone says how its training goes: where no initial values are written
    either, what there is instead follows from the ops.
    """
    found = tuple(patterns(file.section("train")))
    written = any(mentioned(one.data, "init") for one in (file, *used(file)))
    return found if found or written else None


def mentioned(data: Data, name: str) -> bool:
    """Whether a mapping anywhere in the data has the key."""
    if isinstance(data, Mapping):
        return name in data or any(mentioned(one.value, name) for one in data.entries.values())
    return isinstance(data, Sequence) and any(mentioned(one, name) for one in data.items)


def patterns(data: Data | None) -> Iterator[str]:
    """What stands under `match`, wherever that is."""
    if isinstance(data, Mapping):
        for key, entry in data.entries.items():
            if key == "match":
                said = plain(entry.value)
                yield from map(str, said if isinstance(said, list) else [said])
            else:
                yield from patterns(entry.value)
    elif isinstance(data, Sequence):
        for one in data.items:
            yield from patterns(one)


def varied(file: File) -> dict[str, list[Data]]:
    """The parameters that its search varies, whole or an element, and what they may become."""
    search = file.section("search")
    vary = search.get("vary") if isinstance(search, Mapping) else None
    found: dict[str, list[Data]] = {}
    for key, entry in vary.entries.items() if isinstance(vary, Mapping) else ():
        found.setdefault(str(key).partition(".")[0], []).append(entry.value)
    return found


def used(file: File) -> Iterator[File]:
    """The files it uses, and those that they use."""
    for one in file.uses:
        yield one
        yield from used(one)


def gathered(data: Data, asking: Asking, blocks: AbstractSet[str]) -> set[str]:
    """The blocks that are called, and the names that the data's formulas ask for.

    Those of each entry go to its key, too.
    """
    match data:
        case Scalar(formula=Formula() as formula):
            return set(formula.names)
        case Scalar(value=str() as word):
            return {word} & blocks
        case Sequence(items):
            return set().union(*[gathered(one, asking, blocks) for one in items])
        case Mapping(entries):
            names = {key for key in entries if isinstance(key, str)} & blocks
            for key, entry in entries.items():
                found = gathered(entry.value, asking, blocks)
                if isinstance(entry.key.formula, Formula):
                    names |= entry.key.formula.names
                if found:
                    name = NAMED + str(key) if isinstance(entry.value, Mapping) else str(key)
                    asking.setdefault(name, set()).update(found)
                    names |= found
            return names
    return set()
