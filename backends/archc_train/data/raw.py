"""What a source of data is asked for, and what it gives before it is split and prepared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from archc.arrays import Array
from archc.errors import ArchcError, InputError

ALL = "all"  # the one part of what is measured as it is
T = TypeVar("T")


class Column(Protocol):
    """One field of some items: an array `[items, …]`, or what can be chosen from like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, items: Array, /) -> Any:
        """The column of these items alone, int64 `[n]`."""
        ...


Columns = Mapping[str, Column]
Finish = Callable[[Mapping[str, Columns], dict[str, Any]], Mapping[str, Columns]]


@dataclass(frozen=True, slots=True)
class Raw:
    """A source's items by the parts that it has; where it has none, all are `train`.

    `facts` are what is known about them (labels, vocabulary); see DataSet for `asked` and
    `columns`. `scale` tells whether vectors are brought to a common scale if nobody says. `finish`
    makes the parts' last form from what the training part holds, and may add facts.
    """

    parts: Mapping[str, Columns]
    facts: Mapping[str, Any] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()
    scale: bool = False
    finish: Finish | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One source as the spec asks for it, by its name there and the kind that it is.

    `options` are its own, `split` says which share goes into which part, `preprocess` is the spec's
    section, `known` the facts of an earlier run, which hold instead of what would be learnt anew;
    nothing is fetched unless `download`. What is only `measured` needs nothing to train on; `part`
    is the part that is asked for.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    split: Mapping[str, Any]
    seed: int
    download: bool = False
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)
    measured: bool = False
    part: str | None = None

    def path(self, wanted: str) -> Path:
        """Where its files are. Raises E806, saying what is wanted, where there is nothing."""
        written = self.options.get("path")
        if written is None:
            raise missing(self.name, wanted)
        path = Path(str(written)).expanduser()
        if not path.exists():
            raise InputError.of("E806", f"there is no file or folder {path}", help=wanted)
        return path

    def check_parts(self, own: Collection[str], path: Path | str, wanted: str) -> None:
        """Raises E806 where a source has no part to train on, or none at all."""
        if not own or not (self.measured or "train" in own):
            found = f"there is {', '.join(own)}" if own else "it is empty"
            raise malformed(path, f"has no training part: {found}", wanted)

    def taken(self, own: Mapping[str, T]) -> dict[str, T] | None:
        """What is measured of a source's own parts, so that nothing is split off; None to split.

        The part that is asked for; without, the test part, or `all` of a source without parts.
        """
        if not self.measured:
            return None
        if own.keys() == {"train"}:
            return {ALL: own["train"]} if self.part is None else None
        name = self.part or "test"
        if name in own:
            return {name: own[name]}
        return None if self.part is not None and "train" in own else dict(own)

    def share(self, part: str, count: int) -> int:
        """How many of `count` items go into a part: a share of them, or a number."""
        return portion(self.split.get(part, 0.1), count)


def portion(share: float, count: int) -> int:
    """A share of all items, or a number of them. Raises E806 where it is none or all."""
    size = round(share * count) if share < 1 else int(share)
    if not 0 < size < count:
        raise InputError.of(
            "E806",
            f"a part of {share} cannot be taken from {count} items",
            help="split: {val: 0.1, test: 0.1}",
        )
    return size


def spoken(part: str) -> str:
    return "the whole set" if part == ALL else f"the {part} part"


def first(parts: Mapping[str, T]) -> T:
    """The training part, or of what is only measured the first that there is."""
    return parts["train"] if "train" in parts else next(iter(parts.values()))


def in_order(names: list[Any], request: Request, fact: str = "labels") -> list[Any]:
    """Names of classes in the order that an earlier run had them in, others after.

    Raises E807 for others in what is only measured: no network knows them.
    """
    before = request.known.get(fact)
    if not isinstance(before, list):
        return names
    place = {str(name): k for k, name in enumerate(before)}
    here = {str(name): name for name in names}
    new = [name for name in names if str(name) not in place]
    if new and request.measured:
        where = request.options.get("path", request.name)
        what = f"{where}: the network was trained on no class '{str(new[0])[:60]}'"
        some = ", ".join(list(place)[:12]) + " …" * (len(place) > 12)
        raise InputError.of("E807", what, help=f"its classes are {some}")
    return [here.get(name, name) for name in place] + new


def missing(name: str, wanted: str) -> ArchcError:
    """E806 for data that is nowhere to be found."""
    return InputError.of("E806", f"the data '{name}' is not here", help=wanted)


def malformed(
    path: Path | str, what: str, help: str = "", notes: tuple[str, ...] = ()
) -> ArchcError:
    """E806 for a file that is not what it should be."""
    return InputError.of("E806", f"{path} {what}", help=help, notes=notes)


def needs(package: str, what: str) -> ArchcError:
    """E510 for a package that is not installed."""
    from archc.errors import MissingPackageError

    return MissingPackageError.of(
        "E510", f"{what} needs the package '{package}'", help=f"pip install {package}"
    )
