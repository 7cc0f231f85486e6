"""A study's folder: the spec as it was, how it is searched, the trials, and what was made of them.

spec.yaml study.json     the resolved spec with what it uses; settings, evaluator, environment
study.db                 the trials, unless they are in another database
trials/NNNN/             what evaluations keep: checkpoints, weights for children
specs/NNNN.yaml          candidates that were exported
runs/NNNN/               candidates that were trained in full, and built
log.txt                  when it was searched, and failures with all that is known of them
"""

from __future__ import annotations

import json
import platform
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from archc import __version__
from archc.errors import ArchcError, InputError, UsageError, word
from archc.files import replacing, sole
from archc.ir.program import Program
from archc.ir.vertices import hashed
from archc.place import Place, Source
from archc.search.candidate import Candidate
from archc.search.edit import Edit
from archc.search.reading import read
from archc.search.record import Record
from archc.search.section import Search
from archc.search.storage import Storage, absolute, shown
from archc.search.trial import STATE
from archc.spec.bundle import bundled, local_uses, write

FORMAT = 1
TRIALS = "trials"  # the folder of their folders
MADE = ("study.db", "log.txt", "report.html")  # beside study.json and the spec
BEGUN = "study.json.begun"  # study.json, until the storage is there: study.db has no trials yet
CHANGES = ("strategy", "trials", "seconds", "seed")  # what a command may say in place of the spec


class Study:
    """An open study: what its folder says, and its trials. `close` it.

    One process at a time searches in a folder. Who makes a study holds it until it is closed, and
    so does who opens it to search; to look at it needs no hold.
    """

    def __init__(
        self, folder: Path, about: Mapping[str, Any], storage: Storage, hold: ExitStack
    ) -> None:
        self.folder, self.about, self.storage, self.hold = folder, about, storage, hold
        self.made = False  # whether the folder was not there before
        self.written: list[Path] = []  # and the spec's files that were not
        self.given: Source | None = None  # the file that the study was made of

    @classmethod
    def create(
        cls,
        folder: Path,
        program: Program,
        search: Search,
        *,
        evaluator: Mapping[str, Any],
        url: str | None = None,
    ) -> Study:
        """A new study. `evaluator` is how candidates are scored, `url` where trials are kept.

        Raises InputError E860 where the folder holds a study already or another process searches,
        E861 where the storage cannot be used, E521.
        """
        made = not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError.of("E521", f"{folder} cannot be written: {error}") from error
        with ExitStack() as hold:
            hold.enter_context(alone(folder))
            clear(folder)
            check_unused(folder)
            texts = bundled(program, folder)
            if program.file is not None and program.file.variants:
                texts[folder / "spec.yaml"] = without_variants(texts[folder / "spec.yaml"], folder)
            check_free(texts, "the study")
            url = None if url is None else absolute(url)
            new = [path for path in texts if not path.exists()]
            write(texts, folder)
            name = program.name if url is None else f"{program.name}-{secrets.token_hex(4)}"
            about = {
                "format": FORMAT,
                "name": name,
                "storage": None if url is None else shown(url),
                "search": {name: getattr(search, name) for name in CHANGES},
                "evaluator": dict(evaluator),
                "files": {
                    path.relative_to(folder).as_posix(): hashed(text.encode()).hex()
                    for path, text in texts.items()
                },
                "environment": environment(),
            }
            save(folder / BEGUN, about)
            try:
                storage = Storage(url, folder / "study.db", name, search, new=True)
            except ArchcError:
                clear(folder)
                remove(new)
                raise
            (folder / BEGUN).replace(folder / "study.json")
            study = cls(folder, about, storage, hold.pop_all())
            study.made, study.written = made, new
            study.given = None if program.file is None else program.file.source
            return study

    @classmethod
    def open(cls, folder: Path, url: str | None = None, *, hold: bool = False) -> Study:
        """A study that is there, of which nothing is made anew; `hold` it to search.

        `url` is where its storage is now, or has a password, which is not kept. Raises InputError
        E860, E861.
        """
        about = about_of(folder)
        check_unchanged(folder, about)
        kept = about["storage"]
        if kept is None and url is not None:
            what = f"the trials of {folder} are in its own study.db"
            raise InputError.of("E861", what, help="leave --storage out")
        if kept is not None and url is None and "***" in kept:
            help = f"--storage {kept}, with the password"
            raise InputError.of("E861", f"the storage of {folder} has a password", help=help)
        with ExitStack() as stack:
            if hold:
                stack.enter_context(alone(folder))
                about = about_of(folder)  # who held it may have changed it
            search = settled(read(origin(folder)), about["search"])
            storage = Storage(url or kept, folder / "study.db", about["name"], search)
            return cls(folder, about, storage, stack.pop_all())

    def close(self) -> None:
        self.storage.close()
        self.hold.close()

    def discard(self) -> None:
        """Takes a study away that has come to nothing, so that its folder is free for another."""
        self.storage.delete()
        self.storage.close()
        own = [self.folder / name for name in ("study.json", *MADE)]
        remove([*own, *self.written])
        shutil.rmtree(self.folder / TRIALS, ignore_errors=True)
        if self.made:
            with suppress(OSError):  # somebody put something there
                self.folder.rmdir()

    def as_given(self, error: ArchcError) -> ArchcError:
        """What is wrong with the study's spec, as it is told of the file that it was made of.

        A place stays where what stands there is not the file's own, as a setting of the command.
        """
        given, own = self.given, (self.folder / "spec.yaml").resolve()

        def there(place: Place | None) -> Place | None:
            if given is None or place is None or Path(place.source.name).resolve() != own:
                return place
            found, before = replace(place, source=given), place.column - 1
            return found if found.text[:before] == place.text[:before] else place

        return type(error)([replace(one, place=there(one.place)) for one in error.diagnostics])

    def change(self, changes: Mapping[str, Any]) -> None:
        """Goes on with another budget."""
        self.about = {**self.about, "search": {**self.about["search"], **changes}}
        self.storage.search = settled(self.search, changes)
        save(self.folder / "study.json", self.about)

    # ---- what is searched

    @property
    def search(self) -> Search:
        return self.storage.search

    @cached_property
    def origin(self) -> Candidate:
        """The spec that the search began with."""
        return origin(self.folder)

    def candidate(self, record: Record) -> Candidate:
        """A trial's candidate, from its text, a descendant of the origin. Raises SpecError."""
        found = Candidate.read(record.text, self.folder / "spec.yaml")
        return replace(found, origin=self.origin)

    @cached_property
    def records(self) -> list[Record]:
        """All trials as they are when first asked for, by number."""
        return self.storage.records()

    def record(self, number: int) -> Record:
        """Raises UsageError E864 where there is no such trial."""
        if not 0 <= number < len(self.records):
            what = f"{self.folder} has no trial {number}"
            raise UsageError.of("E864", what, help=f"it has {len(self.records)}, counted from 0")
        return self.records[number]

    # ---- its files

    def note(self, line: str) -> None:
        """Adds to the log."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        try:
            with (self.folder / "log.txt").open(
                "a", encoding="utf-8", errors="backslashreplace"
            ) as file:
                file.write(f"{stamp} {line.rstrip()}\n")
        except OSError as error:
            raise InputError.of(
                "E521", f"{self.folder}/log.txt cannot be written: {error}"
            ) from error

    def export(self, record: Record, folder: Path | None = None) -> Path:
        """Writes a candidate as a spec, with the files that it uses beside it; where it is.

        Raises InputError E860 where another file is there already, E521.
        """
        target = (folder or self.folder / "specs") / f"{record.number:04}.yaml"
        candidate = self.candidate(record)
        texts = {target: record.text}
        for name, used in local_uses(candidate.file):
            texts[target.parent / name] = used.source.text
        check_free(texts, "what is exported")
        write(texts, target.parent)
        return target

    def forget(self, number: int) -> None:
        """Removes what a trial kept for a next rung."""
        (self.folder / TRIALS / f"{number:04}" / STATE).unlink(missing_ok=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While the block runs no other process searches here; InputError E860 if one does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(sole(folder))
        except BlockingIOError as error:
            what, help = f"another process searches in {folder}", "wait for it, or stop it"
            raise InputError.of("E860", what, help=help) from error
        yield


def save(path: Path, about: Mapping[str, Any]) -> None:
    with replacing(path) as file:
        file.write((json.dumps(about, indent=2) + "\n").encode())


def clear(folder: Path) -> None:
    """Removes what is left of a study that was killed while its storage was being made."""
    if (folder / BEGUN).exists():
        remove(folder / name for name in ("study.db", "study.db-journal", BEGUN))


def check_unused(folder: Path) -> None:
    """Raises InputError E860 where the folder holds a study, or what is left of one."""
    if (folder / "study.json").exists():
        raise InputError.of(
            "E860",
            f"{folder} holds a study already",
            help=f"go on with it: --resume {word(folder)}; or choose another folder: -o",
        )
    for name in MADE:
        if (folder / name).exists():
            what = f"{folder / name} is there already, and the study would write over it"
            raise InputError.of("E860", what, help="choose another folder: -o")
    if any((folder / TRIALS).glob("*")):
        what = f"{folder / TRIALS} holds trials of a study that is gone"
        raise InputError.of("E860", what, help="remove it, or choose another folder: -o")


def check_free(texts: Mapping[Path, str], what: str) -> None:
    """Raises InputError E860 where a file is there already that says something else."""
    for path, text in texts.items():
        if path.exists() and (not path.is_file() or path.read_bytes() != text.encode()):
            found = f"{path} is there already, and {what} would write over it"
            raise InputError.of("E860", found, help="choose another folder: -o")


def about_of(folder: Path) -> Mapping[str, Any]:
    """What study.json says. Raises InputError E860."""
    try:
        about = json.loads((folder / "study.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        help = f"archc search SPEC -o {word(folder)}"
        raise InputError.of("E860", f"{folder} holds no study", help=help) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise InputError.of("E860", f"{folder} is a study of another archc", help="begin anew")
    lost = [key for key in ("name", "storage", "search", "evaluator") if key not in about]
    if lost:
        what = f"{folder}/study.json has no '{lost[0]}'"
        raise InputError.of("E860", what, help="bring it back as it was, or begin anew")
    return about


def check_unchanged(folder: Path, about: Mapping[str, Any]) -> None:
    """Raises InputError E860 where the spec, or what it uses, is not what the search began with."""
    help = "bring it back as it was, or search the other one into another folder: -o"
    for name, known in about.get("files", {"spec.yaml": ""}).items():
        try:
            found = hashed((folder / name).read_text("utf-8").encode()).hex()
        except (OSError, ValueError) as error:
            what = f"{folder / name} cannot be read: {error}"
            raise InputError.of("E860", what, help=help) from error
        if known and found != known:
            what = f"{folder / name} was changed since the search began"
            raise InputError.of("E860", what, help=help)


def remove(files: Iterable[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)


def without_variants(text: str, folder: Path) -> str:
    """The spec without its variants: what moves change need not hold for their parameters."""
    whole = Candidate.read(text, folder / "spec.yaml")
    return whole.with_edits((Edit("remove", ("variants",)),)).text()


def origin(folder: Path) -> Candidate:
    path = folder / "spec.yaml"
    return Candidate.read(path.read_text("utf-8"), path)


def settled(search: Search, changes: Mapping[str, Any]) -> Search:
    """The section with settings in place of its own; another strategy has its own options."""
    strategy = changes.get("strategy", search.strategy)
    options = search.options if strategy == search.strategy else {}
    return replace(search, **{**changes, "options": options})


def environment() -> dict[str, Any]:
    return {
        "archc": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "command": shown(shlex.join(["archc", *sys.argv[1:]])),
    }
