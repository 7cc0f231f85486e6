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

    `make` and `run` are commands, to be completed with the folder and the port. `connect` raises
    where the server does not answer; `user` is who runs it in place of root.
    """

    make: tuple[str, ...]
    run: tuple[str, ...]
    url: str
    connect: Callable[[int], None]
    user: str

    @property
    def is_here(self) -> bool:
        return all(shutil.which(one[0], path=PLACES) for one in (self.make, self.run))


def to_postgresql(port: int) -> None:
    import pg8000.dbapi

    pg8000.dbapi.connect("archc", "127.0.0.1", "postgres", port, timeout=5).close()


def to_mysql(port: int) -> None:
    import pymysql

    with pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=5) as one:
        one.cursor().execute("CREATE DATABASE IF NOT EXISTS studies")


KINDS: Mapping[str, Kind] = {
    "postgresql": Kind(
        ("initdb", "-D", "{folder}/data", "-U", "archc", "--auth=trust", "--no-sync", "--locale=C"),
        ("postgres", "-D", "{folder}/data", "-p", "{port}", "-k", "{folder}", "-F",
         "-c", "listen_addresses=127.0.0.1"),
        "postgresql+pg8000://archc@127.0.0.1:{port}/postgres",
        to_postgresql,
        "postgres",
    ),
    "mysql": Kind(
        ("mariadb-install-db", "--no-defaults", "--datadir={folder}/data", "--skip-test-db",
         "--auth-root-authentication-method=normal"),
        ("mariadbd", "--no-defaults", "--datadir={folder}/data", "--port={port}",
         "--bind-address=127.0.0.1", "--socket={folder}/socket"),
        "mysql+pymysql://root@127.0.0.1:{port}/studies",
        to_mysql,
        "nobody",
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
        until_it_answers(kind, port, process)
        yield kind.url.format(port=port), process
    finally:
        if process is not None:
            stop(process)
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


def until_it_answers(kind: Kind, port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            kind.connect(port)
        except Exception:  # each driver has errors of its own
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def stop(process: subprocess.Popen[bytes]) -> None:
    """Without waiting for those who are connected."""
    quick = signal.SIGINT if "postgres" in str(process.args) else signal.SIGTERM
    process.send_signal(quick)
    process.wait(30)
