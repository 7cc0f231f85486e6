"""A spec's path to its files: reading, `use`, and the static checks that need every file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from archc.errors import ArchcError, Diagnostic, Findings, SpecError, did_you_mean
from archc.ops.registry import ops
from archc.place import Place
from archc.spec import schema
from archc.spec.ast import File, Step, Template
from archc.spec.data import Mapping, Scalar, Sequence
from archc.spec.parse import Parser
from archc.spec.reader import Room, read_file, read_text

MAX_FILES = 64
ZOO = Path(__file__).resolve().parent.parent / "specs"
if not ZOO.is_dir():  # an editable install: the zoo lies beside the package
    ZOO = Path(__file__).resolve().parent.parent.parent / "specs"


class Loader:
    """Reads a spec and all it uses, once each; `findings` gathers what is wrong in any of them."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.files: dict[Path, File] = {}
        self.opening: list[Path] = []
        self.stopped = False  # a file's outline is wrong: elaborating it would only add noise
        self.room = Room()

    def load(self, path: Path, shown: str | None = None) -> File:
        """The file at `path`, checked. Raises SpecError if it cannot be read at all."""
        return self._file(read_file(path, shown, self.room), path)

    def load_text(self, text: str, name: str, path: Path | None = None) -> File:
        """A spec that is not on disk; it may use the zoo's files only, or those beside `path`."""
        return self._file(read_text(text, name, self.room), path)

    def _file(self, data: Mapping, path: Path | None) -> File:
        found = schema.check_file(data)
        self.findings += found
        self.stopped = self.stopped or bool(found)
        if (
            any(d.code in ("E110", "E203") and d.place == data.place for d in found)
            or "archc" not in data
        ):
            raise SpecError(self.findings)
        parser = Parser(data.place.source, path)
        file = parser.file(data)
        self.findings += parser.findings
        if path is not None:
            self.files[path.resolve()] = file
        self._uses(file, path)
        self._check(file)
        return file

    def _uses(self, file: File, path: Path | None) -> None:
        written = file.data.get("use")
        for item in written.items if isinstance(written, Sequence) else []:
            if not isinstance(item, Scalar) or not isinstance(item.value, str):
                continue
            try:
                used = self._resolve(item.value, item.place, path.parent if path else ZOO)
                file.uses.append(self._open(used, item.place, file))
            except ArchcError as error:
                if self.room.values < 0:  # nothing more is read, and saying it once will do
                    self.stopped = True
                    raise
                self.findings += [one for one in error.diagnostics if one not in self.findings]

    def _resolve(self, name: str, place: Place, beside: Path) -> Path:
        """The used file: beside the using one, or in the zoo; never outside those two trees."""
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name or "\0" in name:
            raise SpecError.of(
                "E401",
                f"'{name[:80]}' leaves the spec's folder",
                place,
                help="'use' takes relative paths with '/', inside the spec's folder or the zoo",
            )
        for root in (beside.resolve(), ZOO.resolve()):
            candidate = root / pure
            try:
                there = candidate.is_file()
            except OSError:  # longer than a file's name can be
                there = False
            if not there:
                continue
            real = candidate.resolve()
            if not real.is_relative_to(root):
                raise SpecError.of(
                    "E401", f"'{name[:80]}' is a link that leaves the spec's folder", place
                )
            if not _exact_case(root, pure):
                raise SpecError.of(
                    "E402", f"'{name}' differs from the file's name in upper and lower case", place
                )
            return candidate
        known = [
            p.relative_to(root).as_posix() for root in {beside, ZOO} for p in _specs_below(root)
        ]
        raise SpecError.of(
            "E402",
            f"no file '{name[:80]}' beside the spec or in the zoo",
            place,
            help=did_you_mean(name, known),
        )

    def _open(self, path: Path, place: Place, user: File) -> File:
        real = path.resolve()
        if real in self.opening or (user.path and real == user.path.resolve()):
            raise SpecError.of(
                "E403", f"'{path.name}' uses itself, directly or through another file", place
            )
        if real in self.files:
            return self.files[real]
        if len(self.files) >= MAX_FILES:
            raise SpecError.of("E404", f"more than {MAX_FILES} files are used", place)
        self.opening.append(real)
        if user.path is not None:
            self.opening.append(user.path.resolve())
        try:
            return self.load(path, _shown(path))
        finally:
            self.opening = self.opening[: self.opening.index(real)]

    def _check(self, file: File) -> None:
        for template in templates(file):
            for step in template.steps:
                self._check_step(step, file)
        for name, data in file.defaults.items():
            key = file.data.get("defaults")
            place = key.entries[name].key.place if isinstance(key, Mapping) else data.place
            op = ops().get(name)
            if op is None:
                self.findings.append(
                    Diagnostic(
                        "E204",
                        f"no op '{name}' to give defaults to",
                        place,
                        help=did_you_mean(name, ops()),
                    )
                )
                continue
            own = Mapping(
                {k: e for k, e in data.entries.items() if k not in ("init", "freeze")}, data.place
            )
            self.findings += schema.check_attributes(op, own)

    def check_steps(self, steps: Iterable[Step], file: File) -> None:
        """Checks steps that are not the file's own, as those of a training."""
        for step in steps:
            self._check_step(step, file)

    def _check_step(self, step: Step, file: File) -> None:
        for inner in step.body or ():
            self._check_step(inner, file)
        if step.broken or not isinstance(step.head, str):
            return
        template = lookup(file, step.head)
        if template is not None:
            return
        op = ops().get(step.head)
        if op is None:
            self.findings.append(
                Diagnostic(
                    "E204",
                    f"no op or block '{step.head[:60]}'",
                    step.head_place,
                    "",
                    (),
                    meant(file, step.head) or "archc explain ops lists them",
                )
            )
            step.broken = True
        elif isinstance(step.value, Mapping):
            found = schema.check_attributes(op, step.value)
            self.findings += found
            step.broken = bool(found)


def revised(file: File, data: Mapping) -> File:
    """The file with other data, made by a program that knows the language: nothing is checked."""
    parser = Parser(file.source, file.path)
    result = parser.file(data)
    if parser.findings:
        raise SpecError(parser.findings)
    result.uses = file.uses
    return result


def templates(file: File) -> list[Template]:
    """All blocks and models that the file declares, its own graph included."""
    own = [*file.blocks.values(), *file.models.values()]
    return [*own, file.root] if file.root else own


def lookup(file: File, name: str) -> Template | None:
    """The block or model that `name` means in the file: its own, then those of used files."""
    own = file.blocks.get(name) or file.models.get(name)
    if own is not None:
        return own
    for used in file.uses:
        found = used.blocks.get(name)
        if found is not None:
            return found
        if used.root is not None and used.name == name:
            return used.root
    return None if name in ops() else prelude().get(name)  # the prelude is read only if it is asked


def visible(file: File) -> set[str]:
    """The names of all blocks and models that steps of the file can call."""
    names = {*file.blocks, *file.models, *prelude()}
    for used in file.uses:
        names |= {*used.blocks, *([used.name] if used.root else [])}
    return names


def meant(file: File, name: str) -> str:
    """Help for a step of the file whose name is no op and no block."""
    for used in file.uses:
        if name in used.models or (used.models and name == used.name):
            return f"{used.name} has models; 'use' brings blocks, and a 'graph' as one of them"
    return did_you_mean(name, [*ops(), *visible(file)])


PRELUDE = ZOO / "std" / "prelude.yaml"


@cache
def prelude() -> dict[str, Template]:
    """The blocks of std/prelude.yaml, which every spec can call without `use`."""
    data = read_file(PRELUDE, _shown(PRELUDE))
    return Parser(data.place.source, PRELUDE).file(data).blocks


def is_prelude(template: Template) -> bool:
    return template.file.path == PRELUDE


def _shown(path: Path) -> str:
    """A path as errors show it.

    The zoo's files by their zoo name, others relative to the working directory.
    """
    if path.is_relative_to(ZOO):
        return f"<zoo>/{path.relative_to(ZOO).as_posix()}"
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path.as_posix()
    return Path(relative).as_posix() if not relative.startswith("..") else path.as_posix()


def _exact_case(root: Path, pure: PurePosixPath) -> bool:
    for part in pure.parts:
        if part not in {entry.name for entry in root.iterdir()}:
            return False
        root = root / part
    return True


def _specs_below(root: Path) -> list[Path]:
    return [*root.glob("*.yaml"), *root.glob("std/*.yaml")][:200]
