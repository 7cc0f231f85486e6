"""A worker's process with all that it begins: suspended, continued and ended as one.

On POSIX they are a process group, which is there as long as one of them is; on Windows they are
looked for each time.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress


def lead() -> None:
    """Makes this process the first of a group."""
    if sys.platform != "win32":
        os.setpgid(0, 0)


def end_own() -> None:
    """Ends this process and its group."""
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if sys.platform == "win32":
    import psutil

    def suspend(leader: int) -> None:
        _each(leader, psutil.Process.suspend)

    def go_on(leader: int) -> None:
        _each(leader, psutil.Process.resume)

    def end(leader: int) -> None:
        _each(leader, psutil.Process.kill)

    def _each(leader: int, do: Callable[[psutil.Process], None]) -> None:
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(leader)
            for one in (first, *first.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    do(one)

else:

    def suspend(leader: int) -> None:
        _send(leader, signal.SIGSTOP)

    def go_on(leader: int) -> None:
        _send(leader, signal.SIGCONT)

    def end(leader: int) -> None:
        _send(leader, signal.SIGKILL)

    def _send(leader: int, what: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # all are gone, or about to be
            os.killpg(leader, what)
