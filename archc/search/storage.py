"""Where trials are kept: a storage of Optuna's, so that its tools show the study.

A trial's number is Optuna's. Its parameters are the holes, its values the objectives; all else is
in its user attributes: `spec` `digest` `parents` `change` `parameters` `evaluated` `avoided` `twin`
from its beginning, `rungs` while it climbs them, and `result` when it ends. A trial that ends as it
begins, as duplicates do, is written at once. Optuna's own state comes last and makes the result
count, so a kill between two writes leaves a trial that is still running.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archc.errors import Diagnostic, InputError, MissingPackageError
from archc.search.columns import attributes, columns, ending, record_of, state_of
from archc.search.record import Record
from archc.search.section import Search

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

WAIT = 60.0  # seconds for another reader of an SQLite file, such as a dashboard


class Storage:
    """The trials of one study. One process writes."""

    def __init__(
        self,
        url: str | None,
        path: Path,
        name: str,
        search: Search,
    ) -> None:
        """Opens or makes it: in the SQLite file at `path`, or where the URL says.

        Raises InputError E861, MissingPackageError E510.
        """
        self.search = search
        self.ids: dict[int, int] = {}  # Optuna's own, by number
        with usable(url or path.as_posix()):
            self.rdb = opened(url, path)
            self.study = self._study(name)

    def _study(self, name: str) -> int:
        import optuna

        known = {one.study_name: one._study_id for one in self.rdb.get_all_studies()}
        if name in known:
            return known[name]
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

    def delete(self) -> None:
        with usable():
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
        with usable():
            trial = optuna.trial.create_trial(
                state=state_of(record),
                params=params,
                distributions=distributions,
                user_attrs=known,
            )
            id = self.rdb.create_new_trial(self.study, trial)
            self.ids[record.number] = id

    def rung(self, record: Record) -> None:
        """Keeps the last of a running trial's steps."""
        id = self.ids[record.number]
        with usable():
            self.rdb.set_trial_user_attr(id, "rungs", [asdict(one) for one in record.steps])
            value = record.steps[-1].values.get(self.search.objectives[0].name)
            if value is not None:
                self.rdb.set_trial_intermediate_value(id, len(record.steps) - 1, value)

    def end(self, record: Record) -> None:
        """Makes a running trial a told one."""
        id = self.ids[record.number]
        state = state_of(record)
        with usable():
            for name, value in ending(record).items():
                self.rdb.set_trial_user_attr(id, name, value)
            kept = record.state == "complete"
            found = [record.values[one.name] for one in self.search.objectives] if kept else None
            self.rdb.set_trial_state_values(id, state, found)

    # ---- reading

    def records(self) -> list[Record]:
        """All trials, by number."""
        with usable():
            trials = self.rdb.get_all_trials(self.study, deepcopy=False)
        self.ids = {one.number: one._trial_id for one in trials}
        return [record_of(one) for one in sorted(trials, key=lambda one: one.number)]


# ---- Optuna's words


def opened(url: str | None, path: Path) -> RDBStorage:
    """The storage, its tables made if they are not there."""
    import sqlite3

    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if url is not None:
        return optuna.storages.RDBStorage(url)

    # A path may have letters that mean something in a URL, so it goes around that.
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=WAIT, check_same_thread=False)

    return optuna.storages.RDBStorage("sqlite:///study.db", engine_kwargs={"creator": connect})


@contextmanager
def usable(what: str = "the study's storage") -> Iterator[None]:
    """Turns what a database says into InputError E861."""
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError as error:
        help = 'pip install "archc-compiler[search]"'
        missing = f"this needs the package '{error.name}'"
        raise MissingPackageError([Diagnostic("E510", missing, help=help)]) from error
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ImportError) as error:
        cause = error.__cause__ or error
        reason = str(cause).strip().partition("\n")[0]
        help = "--storage postgresql+pg8000://USER@HOST/DATABASE; its driver has to be installed"
        raise InputError.of("E861", f"{shown(what)} cannot be used: {reason}", help=help) from error


def shown(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    return url if not parts.password else url.replace(f":{parts.password}@", ":***@", 1)
