"""Searches in processes of their own, which can be killed at any moment.

The processes are forked from one that has imported everything, so that each begins at once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PRELOAD = ["search.killing", "search.warm", "archc.cli.search", "archc.cli.searching", "psutil"]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(PRELOAD)
Death = tuple[str, int]  # how, and at the how manieth chance


def begun(folder: Path, text: str, function: str, death: Death | None = None) -> BaseProcess:
    """A process that searches in a folder, or goes on with what is there."""
    process = SERVER.Process(target=go, args=(str(folder), text, function, death))
    process.start()
    return process


def done(process: BaseProcess) -> int:
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


def go(folder: str, text: str, function: str, death: Death | None) -> None:
    """The process itself: one that evaluates by itself."""
    from search import standin

    from archc.search.start import Staff, go_on

    if death is not None:
        doom(*death)
    study = standin.begun(Path(folder), text, function)
    go_on(study, Staff(workers=0))
    study.close()


def doom(how: str, chance: int) -> None:
    """Lets the process die `before` or `after` one of the moments when a study is written to."""
    from optuna.storages import RDBStorage

    from archc.search import evaluating, study

    left = [chance]

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*given: Any, **options: Any) -> Any:
            left[0] -= 1
            last = left[0] < 0
            if last and how == "before":
                die()
            found = call(*given, **options)
            if last:
                die()
            return found

        return watching

    for name in (
        "create_new_study", "create_new_trial", "set_trial_user_attr", "set_trial_state_values",
        "set_trial_intermediate_value", "set_study_system_attr",
    ):  # fmt: skip
        setattr(RDBStorage, name, watched(getattr(RDBStorage, name)))
    for name in ("write", "save", "Storage"):
        setattr(study, name, watched(getattr(study, name)))
    evaluating.Outcome = watched(evaluating.Outcome)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# ---- the command line, in such a process


def command(arguments: list[str], folder: Path, said: Path) -> BaseProcess:
    """`archc ARGUMENTS…` in a folder; what it says goes to a file."""
    process = SERVER.Process(target=run_command, args=(arguments, str(folder), str(said)))
    process.start()
    return process


def run_command(arguments: list[str], folder: str, said: str) -> None:
    from archc.cli.main import main

    os.chdir(folder)
    with Path(said).open("w", encoding="utf-8", buffering=1) as told:
        sys.stdout = sys.stderr = told
        code = main(arguments)
    os._exit(code)


def until(there: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for something."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.01)


def alive(process: int) -> bool:
    """Whether a process is there, and is not only waited for."""
    import psutil

    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
