"""Database servers for tests: on loopback, in folders of their own, stopped after the tests.

PostgreSQL and MariaDB, which speaks MySQL's protocol, as Debian packs them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Debian keeps some out of the PATH.
FOLDERS = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/sbin")]
PLACES = os.pathsep.join([os.environ["PATH"], *map(str, FOLDERS)])


@dataclass(frozen=True, slots=True)
class Kind:
    """A server: what makes its folder, what runs it, and how it is reached.

    `make` and `run` are commands, to be completed with the folder and the port. `user` is who runs
    it in place of root; `stop` ends it without waiting for those who are connected.
    """

    make: tuple[str, ...]
    run: tuple[str, ...]
    url: str
    answers: Callable[[int], bool]
    user: str
    stop: signal.Signals

    @property
    def is_here(self) -> bool:
        return all(shutil.which(one[0], path=PLACES) for one in (self.make, self.run))


def postgresql_answers(port: int) -> bool:
    import pg8000.dbapi

    try:
        pg8000.dbapi.connect("archc", "127.0.0.1", "postgres", port, timeout=5).close()
    except (pg8000.dbapi.Error, OSError):
        return False
    return True


def mysql_answers(port: int) -> bool:
    import pymysql

    try:
        with pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=5) as one:
            one.cursor().execute("CREATE DATABASE IF NOT EXISTS studies")
    except (pymysql.Error, OSError):
        return False
    return True


KINDS: Mapping[str, Kind] = {
    "postgresql": Kind(
        ("initdb", "-D", "{folder}/data", "-U", "archc", "--auth=trust", "--no-sync", "--locale=C"),
        ("postgres", "-D", "{folder}/data", "-p", "{port}", "-k", "{folder}", "-F",
         "-c", "listen_addresses=127.0.0.1"),
        "postgresql+pg8000://archc@127.0.0.1:{port}/postgres",
        postgresql_answers,
        "postgres",
        signal.SIGINT,
    ),
    "mysql": Kind(
        ("mariadb-install-db", "--no-defaults", "--datadir={folder}/data", "--skip-test-db",
         "--auth-root-authentication-method=normal"),
        ("mariadbd", "--no-defaults", "--datadir={folder}/data", "--port={port}",
         "--bind-address=127.0.0.1", "--socket={folder}/socket"),
        "mysql+pymysql://root@127.0.0.1:{port}/studies",
        mysql_answers,
        "nobody",
        signal.SIGTERM,
    ),
}  # fmt: skip


@contextmanager
def running(kind: Kind, logs: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The URL of an empty database, and the process of its server."""
    folder = Path(tempfile.mkdtemp(prefix="archc-server-", dir="/tmp"))  # sockets' paths are short
    user = other_user(kind.user)
    if user:
        os.chown(folder, user["user"], user["group"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (logs / "log").open("w+")
    said: dict[str, Any] = {"stdout": log, "stderr": log, "cwd": folder, **user}
    process = None
    try:
        subprocess.run(command(kind.make, folder, port), check=True, **said)
        process = subprocess.Popen(command(kind.run, folder, port), **said)
        end = time.monotonic() + 60
        while not kind.answers(port):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)
        yield kind.url.format(port=port), process
    finally:
        if process is not None:
            stop(kind, process)
        log.close()
        shutil.rmtree(folder)


def command(words: tuple[str, ...], folder: Path, port: int) -> list[str]:
    program = shutil.which(words[0], path=PLACES)
    assert program is not None
    return [program, *(word.format(folder=folder, port=port) for word in words[1:])]


def other_user(name: str) -> dict[str, Any]:
    """Servers refuse to run as root: then it is another user that runs them."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(name)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def stop(kind: Kind, process: subprocess.Popen[bytes]) -> None:
    process.send_signal(kind.stop)
    process.wait(30)
