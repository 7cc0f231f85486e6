"""What the networks of the zoo are: task, paper, inputs, parameters and multiply-accumulates.

Compiling them all takes seconds, so what comes of it is kept in zoo.json, which `python -m
archc.docs` writes. A file's part of it counts only while the files it was made from hold the same
text; otherwise, and for a file that is not in it, the networks are compiled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.ir.types import TensorType
from archc.spec.load import PRELUDE, ZOO

if TYPE_CHECKING:
    from archc.spec.ast import File

INDEX = Path(__file__).with_name("zoo.json")
_PAPER = re.compile(r"(.+?) \(([^()]*?),? (\d{4})\)")


@dataclass(frozen=True, slots=True)
class Paper:
    """What a network was published in; `year` is None where its file does not say."""

    title: str
    authors: str = ""
    year: int | None = None

    @property
    def by(self) -> str:
        """`He et al., 2016`."""
        return f"{self.authors}, {self.year}" if self.year is not None else ""

    def __str__(self) -> str:
        return f"{self.title} ({self.by})" if self.by else self.title


@dataclass(frozen=True, slots=True)
class Row:
    """A network of the zoo.

    Counts are of all models together (parameters) and of the main one with every symbolic
    dimension at 1 (multiply-accumulates); `inputs` are the main one's.
    """

    name: str
    file: str
    variant: str | None
    task: str
    doc: str  # on one line
    params: int
    macs: int
    inputs: Mapping[str, str]
    models: Mapping[str, tuple[int, int]]  # each one's parameters and multiply-accumulates

    @property
    def paper(self) -> Paper:
        return paper(self.doc)


@dataclass(frozen=True, slots=True)
class Family:
    """One file of the zoo: its networks, and the files that they were made from."""

    rows: tuple[Row, ...]
    reads: tuple[str, ...]
    digest: str


def rows() -> list[Row]:
    """Every network, family by family."""
    kept = families(INDEX)
    found: list[Row] = []
    for path in files():
        family = kept.get(path.name)
        if family is None or digest(family.reads) != family.digest:
            family = made(path)
        found += family.rows
    return found


def files() -> list[Path]:
    return sorted(ZOO.glob("*.yaml"))


def families(index: Path) -> dict[str, Family]:
    """What an index holds, by file; nothing where there is none."""
    if not index.is_file():
        return {}
    written: dict[str, Any] = json.loads(index.read_text("utf-8"))
    return {
        file: Family(
            tuple(
                Row(name, file, row["variant"], part["task"], part["doc"], row["params"],
                    row["macs"], row["inputs"],
                    {model: (params, macs) for model, (params, macs) in row["models"].items()})
                for name, row in part["rows"].items()
            ),
            tuple(part["reads"]),
            part["digest"],
        )
        for file, part in written.items()
    }  # fmt: skip


def made(path: Path) -> Family:
    """A family as its file says by now: every variant is compiled. Raises SpecError."""
    from archc.cost import macs
    from archc.pipeline import compile
    from archc.zoo import variants

    found: list[Row] = []
    reads: dict[str, None] = {}
    chosen: list[str | None] = [*variants(path)] or [None]
    for variant in chosen:
        program = compile(path, variant=variant)
        assert program.file is not None
        reads = dict.fromkeys(_reads(program.file))
        found.append(Row(
            variant or path.stem, path.name, variant, " ".join(program.task.split()),
            " ".join(program.doc.split()), program.params, program.macs,
            {name: str(type) for name, type in program.model.input_types().items()},
            {name: (program.count_params(name), macs(model))
             for name, model in program.models.items()},
        ))  # fmt: skip
    names = tuple(sorted(reads))
    return Family(tuple(found), names, digest(names))


def _reads(file: File) -> Iterator[str]:
    """The zoo's files that a file's meaning depends on."""
    yield PRELUDE.relative_to(ZOO).as_posix()
    if file.path is not None and file.path.is_relative_to(ZOO):
        yield file.path.relative_to(ZOO).as_posix()
    for used in file.uses:
        yield from _reads(used)


def digest(names: tuple[str, ...]) -> str:
    """A hash of the texts of some of the zoo's files; one that is gone counts as empty."""
    return sha256("\0".join(map(_text, names)).encode()).hexdigest()[:32]


@cache
def _text(name: str) -> str:
    path = ZOO / name
    return path.read_text("utf-8") if path.is_file() else ""


def index_text() -> str:
    """The whole index, made anew: JSON with a line for each network."""
    parts = []
    for path in files():
        family = made(path)
        first = family.rows[0]
        head = {"reads": family.reads, "digest": family.digest, "task": first.task,
                "doc": first.doc}  # fmt: skip
        lines = [f"    {_json(key)}: {_json(value)}," for key, value in head.items()]
        networks = [f"      {_json(row.name)}: {_json(_facts(row))}" for row in family.rows]
        lines += ['    "rows": {', ",\n".join(networks), "    }"]
        parts.append("\n".join([f"  {_json(path.name)}: {{", *lines, "  }"]))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _facts(row: Row) -> dict[str, object]:
    return {"variant": row.variant, "params": row.params, "macs": row.macs,
            "inputs": row.inputs, "models": row.models}  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# -- what a file says about itself -----------------------------------------------------------------


def paper(doc: str) -> Paper:
    """The paper in the first sentence of a text: `Title (authors, year)`."""
    said = first_sentence(doc)
    found = _PAPER.match(said)
    if found is None:
        return Paper(said.removesuffix("."))
    return Paper(found[1], found[2], int(found[3]))


def first_sentence(text: str) -> str:
    """The first sentence of a text, on one line."""
    joined = " ".join(text.split())
    return joined.partition(". ")[0].removesuffix(".") + "." if joined else ""


def grouped(types: Mapping[str, TensorType | str]) -> Iterator[tuple[str, str]]:
    """Names with their types; the parts of a list that are alike as `past.[0..11]`."""
    for (stem, type), group in groupby(
        types.items(), lambda item: (re.sub(r"\.\d+\Z", "", item[0]), item[1])
    ):
        names = [name for name, _ in group]
        first, last = names[0], names[-1]
        many = f"{stem}.[{first.rpartition('.')[2]}..{last.rpartition('.')[2]}]"
        yield first if len(names) == 1 else many, str(type)
