"""A worker's own side: a process that evaluates what it is sent, and is alone when it must be."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path

from archc.errors import ArchcError, Diagnostic
from archc.search import group
from archc.search.candidate import Candidate
from archc.search.evaluating import Setup, evaluated
from archc.search.jobs import Outcome, Parcel

READY = "ready"  # can be given a job
WAITS = "waits"  # for other searches, to be the only one that measures on this machine
ALONE = "alone"  # asks that nobody else computes; the answer says that nobody does
DONE = "done"  # needs that no longer

PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True, slots=True)
class Broken:
    """There is no evaluator: what was raised, as it can travel."""

    kind: type[ArchcError]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """An evaluation, and when it ended, by the clock that all processes of a machine have."""

    outcome: Outcome
    at: float


def work(connection: Connection, setup: Setup) -> None:
    """Evaluates jobs until nobody sends any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the coordinator, which ends this
    die_with_parent()
    logging.basicConfig(level=logging.WARNING)
    try:
        origin = Candidate.read(setup.path.read_text("utf-8"), setup.path)
        _ = origin.digest  # whatever that imports is not to count as an evaluation's time
        evaluate = setup.evaluator()
    except ArchcError as error:
        connection.send(Broken(type(error), error.diagnostics))
        return
    connection.send(READY)

    @contextmanager
    def alone() -> Iterator[None]:
        connection.send(WAITS)
        with one_on_this_machine():
            connection.send(ALONE)
            connection.recv()
            try:
                yield
            finally:
                connection.send(DONE)

    while True:
        try:
            parcel: Parcel = connection.recv()
        except (EOFError, ConnectionError):
            return
        outcome = evaluated(evaluate, parcel.job(setup.path), setup, alone)
        connection.send(Finished(outcome, time.monotonic()))


@contextmanager
def one_on_this_machine() -> Iterator[None]:
    """Waits until no worker of this user measures here, whichever search it is of.

    Where files cannot be locked, on Windows, the workers of other searches are not waited for.
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        yield
        return
    path = Path(tempfile.gettempdir()) / f"archc-measuring-{os.getuid()}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def die_with_parent() -> None:
    """Ends this process, and what it begins from here on, once its parent is gone."""
    parent = parent_process()
    if parent is None:
        return
    group.lead()
    if sys.platform == "linux":  # where it may be suspended then, and has to go on to notice
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGCONT)

    def watch() -> None:
        parent.join()
        group.end_own()

    threading.Thread(target=watch, daemon=True).start()
