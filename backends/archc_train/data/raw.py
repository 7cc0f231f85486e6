"""What a source of data is asked for, and what it gives before it is split and prepared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from archc.arrays import Array
from archc.errors import ArchcError, InputError

PARTS = ("train", "val", "test")


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
    """A source's items: `train`, and the other parts where the source has them.

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
    nothing is fetched unless `download`.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    split: Mapping[str, Any]
    seed: int
    download: bool = False
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)

    def path(self, wanted: str) -> Path:
        """Where its files are. Raises E806, saying what is wanted, where there is nothing."""
        written = self.options.get("path")
        if written is None:
            raise missing(self.name, wanted)
        path = Path(str(written)).expanduser()
        if not path.exists():
            raise InputError.of("E806", f"there is no file or folder {path}", help=wanted)
        return path

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
