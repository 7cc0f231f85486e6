"""Where trials are kept: a storage of Optuna's, so that its tools show the study.

A trial's number is Optuna's. Its parameters are the holes, its values the objectives; all else is
in its user attributes: `spec` `digest` `identity` `parents` `change` `parameters` `evaluated`
`avoided` `twin` from its beginning, `rungs` while it climbs them, and `result` when it ends. A
trial that ends as it begins, as duplicates do, is written at once. Optuna's own state comes last
and makes the result count, so a kill between two writes leaves a trial that is still running.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from archc.errors import Diagnostic, InputError, MissingPackageError, word
from archc.search.columns import attributes, columns, ending, record_of, state_of
from archc.search.record import Record
from archc.search.section import Search

if TYPE_CHECKING:
    import sqlite3

    from optuna.storages import RDBStorage

WAIT = 60.0  # seconds for another reader of an SQLite file, such as a dashboard
PASSWORD = re.compile(r"(://[^/\s:@]*:)[^\s@]*@")  # in a URL
OPENING = "--storage postgresql+pg8000://USER@HOST/DATABASE, of a database that is there and runs"
DRIVER = (
    "its driver has to be installed: pip install pg8000, for postgresql+pg8000://…; pymysql, for "
    "mysql+pymysql://…"
)


class Storage:
    """The trials of one study. One process writes."""

    def __init__(
        self, url: str | None, path: Path, name: str, search: Search, *, new: bool = False
    ) -> None:
        """Opens it, in the SQLite file at `path` or where the URL says; a `new` one is made there.

        Raises InputError E861, MissingPackageError E510.
        """
        self.search, self.folder = search, path.parent
        self.ids: dict[int, int] = {}  # Optuna's own, by number
        self.place = place = shown(url or path.as_posix())
        with usable(place, OPENING if url else lost(self.folder)):
            if not new and not holds_studies(url, path):
                raise missing(f"{place} is not there, or holds no studies", self.folder, url)
            self.rdb = opened(url, path)
            known = {one.study_name: one._study_id for one in self.rdb.get_all_studies()}
            if name not in known and not new:
                self.close()
                raise missing(f"{place} has no study '{name}'", self.folder, url)
            self.study = known[name] if name in known else self._made(name)

    def _made(self, name: str) -> int:
        import optuna

        way = {
            True: optuna.study.StudyDirection.MAXIMIZE,
            False: optuna.study.StudyDirection.MINIMIZE,
        }
        self.rdb.create_new_study([way[one.maximize] for one in self.search.objectives], name)
        with warnings.catch_warnings():  # said to be experimental; it names the axes of plots
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study = optuna.load_study(study_name=name, storage=self.rdb)
            study.set_metric_names([one.name for one in self.search.objectives])
        return self.rdb.get_study_id_from_name(name)

    def _usable(self) -> AbstractContextManager[None]:
        """What is done while a search is under way."""
        help = f"what is recorded stays; once it answers: archc search --resume {word(self.folder)}"
        return usable(self.place, help)

    def delete(self) -> None:
        with self._usable():
            self.rdb.delete_study(self.study)

    def close(self) -> None:
        self.rdb.remove_session()
        self.rdb.engine.dispose()

    # ---- writing

    def begin(self, record: Record) -> None:
        """Adds a trial, whole if it is told already. Its number must be the next one."""
        import optuna

        params, distributions = columns(record.parameters, self.search.holes)
        known = {**attributes(record), **({} if record.told is None else ending(record))}
        with self._usable():
            trial = optuna.trial.create_trial(
                state=state_of(record),
                params=params,
                distributions=distributions,
                user_attrs=known,
            )
            id = self.rdb.create_new_trial(self.study, trial)
            number = self.rdb.get_trial_number_from_id(id)
        if number != record.number:
            what = f"another program added trial {record.number} to the study in {self.place}"
            help = f"go on without it: archc search --resume {word(self.folder)}"
            raise InputError.of("E861", what, help=help)
        self.ids[record.number] = id

    def rung(self, record: Record) -> None:
        """Keeps the last of a running trial's steps."""
        id = self.ids[record.number]
        with self._usable():
            self.rdb.set_trial_user_attr(id, "rungs", [asdict(one) for one in record.steps])
            value = record.steps[-1].values.get(self.search.objectives[0].name)
            if value is not None:
                self.rdb.set_trial_intermediate_value(id, len(record.steps) - 1, value)

    def end(self, record: Record) -> None:
        """Makes a running trial a told one."""
        id = self.ids[record.number]
        state = state_of(record)
        with self._usable():
            for name, value in ending(record).items():
                self.rdb.set_trial_user_attr(id, name, value)
            kept = record.state == "complete"
            found = [record.values[one.name] for one in self.search.objectives] if kept else None
            self.rdb.set_trial_state_values(id, state, found)

    # ---- reading

    def records(self) -> list[Record]:
        """All trials, by number."""
        with self._usable():
            trials = self.rdb.get_all_trials(self.study, deepcopy=False)
        self.ids = {one.number: one._trial_id for one in trials}
        return [record_of(one) for one in sorted(trials, key=lambda one: one.number)]


# ---- Optuna's words


def opened(url: str | None, path: Path) -> RDBStorage:
    """The storage, its tables made if they are not there."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Of a connection that is lost it says all that it knows; E861 says what matters.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    if url is not None:
        return optuna.storages.RDBStorage(url)
    kwargs = {"creator": lambda: connected(path)}
    return optuna.storages.RDBStorage("sqlite:///study.db", engine_kwargs=kwargs)


def connected(path: Path) -> sqlite3.Connection:
    """An SQLite file. Its path goes around a URL, in which some letters mean something else."""
    import sqlite3

    return sqlite3.connect(path, timeout=WAIT, check_same_thread=False)


def holds_studies(url: str | None, path: Path) -> bool:
    """Whether Optuna's tables are there. Nothing is made, not even an empty file."""
    import sqlalchemy

    file = path if url is None else file_of(url)
    if file is not None and not file.exists():
        return False
    if url is not None:
        engine = sqlalchemy.create_engine(url)
    else:
        engine = sqlalchemy.create_engine("sqlite://", creator=lambda: connected(path))
    try:
        return sqlalchemy.inspect(engine).has_table("studies")
    finally:
        engine.dispose()


def file_of(url: str) -> Path | None:
    """The file of an SQLite database; None of one in memory, and of other databases."""
    import sqlalchemy

    found = sqlalchemy.make_url(url)
    plain = found.get_backend_name() == "sqlite" and "uri" not in found.query
    return Path(found.database) if plain and found.database not in (None, ":memory:") else None


def absolute(url: str) -> str:
    """The URL as it means the same in any folder: an SQLite file by its whole path."""
    import sqlalchemy

    with usable(shown(url), OPENING):
        file = file_of(url)
        found = sqlalchemy.make_url(url)
        if file is None:
            if found.get_backend_name() == "sqlite" and found.database in (None, ":memory:"):
                help = "--storage sqlite:///study.db; or leave it out: study.db is in the folder"
                raise InputError.of("E861", f"{url} names no file, so it keeps nothing", help=help)
            return url
        whole = found.set(database=file.resolve().as_posix())
        return whole.render_as_string(hide_password=False)


def missing(what: str, folder: Path, url: str | None) -> InputError:
    """What is to hold a study's trials, and does not."""
    help = f"{folder} is kept in a database: --storage URL says where that is now"
    return InputError.of("E861", what, help=help if url else lost(folder))


def lost(folder: Path) -> str:
    return f"the trials of {folder} were there: bring it back, or begin anew"


@contextmanager
def usable(what: str, help: str) -> Iterator[None]:
    """Turns what a database says into InputError E861."""
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError as error:
        install = 'pip install "archc-compiler[search]"'
        package = f"this needs the package '{error.name}'"
        raise MissingPackageError([Diagnostic("E510", package, help=install)]) from error
    try:
        yield
    except ImportError as error:
        raise InputError.of(
            "E861", f"{what} cannot be used: {reason(error)}", help=DRIVER
        ) from error
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise InputError.of("E861", f"{what} cannot be used: {reason(error)}", help=help) from error


def reason(error: BaseException) -> str:
    """What the database itself says, in a line, without Optuna's and SQLAlchemy's words."""
    inner = error.__cause__ or error
    inner = getattr(inner, "orig", None) or inner  # SQLAlchemy's, of the driver's
    said = inner.args[0] if inner.args else ""
    if isinstance(said, dict):  # pg8000 gives the fields of PostgreSQL's message
        said = said.get("M", said)
    return str(said or inner).strip().partition("\n")[0]


def shown(url: str) -> str:
    """Text without the passwords of URLs in it; SQLAlchemy lets them hold all but @."""
    return PASSWORD.sub(r"\1***@", url)
