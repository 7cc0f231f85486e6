"""Studies in a database: PostgreSQL, started on loopback for the test and stopped after it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from search import standin

from archc.errors import ArchcError
from archc.search.study import Study

# Debian keeps them out of the PATH, in a folder of their version.
PLACES = os.pathsep.join([os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))])
PROGRAMS = [shutil.which(name, path=PLACES) for name in ("initdb", "postgres")]
pytestmark = pytest.mark.skipif(None in PROGRAMS, reason="there is no PostgreSQL here")


def other_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it is its own user that runs it."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database."""
    with running(tmp_path_factory.mktemp("postgres")) as (url, _):
        yield url


@contextmanager
def running(logs: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    initdb, postgres = PROGRAMS
    assert initdb is not None and postgres is not None
    folder = Path(
        tempfile.mkdtemp(prefix="archc-postgres-", dir="/tmp")
    )  # sockets' paths are short
    user = other_user()
    if user:
        os.chown(folder, user["user"], user["group"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    given = ["-D", str(data), "-U", "archc", "--auth=trust", "--no-sync", "--locale=C"]
    log = (logs / "log").open("w+")
    process = None
    try:
        subprocess.run([initdb, *given], check=True, stdout=log, stderr=log, cwd=folder, **user)
        command = [postgres, "-D", str(data), "-p", str(port), "-k", str(folder), "-F"]
        command += ["-c", "listen_addresses=127.0.0.1"]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)
        url = f"postgresql+pg8000://archc@127.0.0.1:{port}/postgres"
        until_it_answers(port, process)
        yield url, process
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # without waiting for those who are connected
            process.wait(30)
        log.close()
        shutil.rmtree(folder)


def until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    import time

    import pg8000.dbapi

    end = time.monotonic() + 60
    while True:
        assert process.poll() is None and time.monotonic() < end
        try:
            pg8000.dbapi.connect("archc", "127.0.0.1", "postgres", port, timeout=5).close()
        except (pg8000.dbapi.Error, OSError):
            time.sleep(0.1)
        else:
            return


def test_a_database_holds_the_same_study(server: str, tmp_path: Path) -> None:
    """Two studies of one name side by side, and the first gone on with after a stop."""
    text = standin.RUNGS
    whole = standin.searched(tmp_path / "whole", text, "climbing", trials=6)
    for name in ("one", "two"):
        study = standin.begun(tmp_path / name, text, "climbing", server)
        study.change({"trials": 3})
        standin.loop(study).run()
        study.close()
    study = standin.begun(tmp_path / "one", text, "climbing", server)
    study.change({"trials": 6})
    standin.loop(study).run()
    assert standin.told(study.storage.records()) == standin.told(whole.records)
    assert not (study.folder / "study.db").exists()
    storage = optuna.storages.RDBStorage(server)
    seen = optuna.load_study(study_name=study.about["name"], storage=storage)
    assert [one.state.name for one in seen.trials][:1] == ["COMPLETE"]
    assert len(optuna.get_all_study_summaries(storage)) == 2
    storage.remove_session()
    storage.engine.dispose()
    study.close()
    whole.close()


def test_a_study_finds_its_database_again(server: str, tmp_path: Path) -> None:
    study = standin.begun(tmp_path, url=server)
    study.change({"trials": 2})
    standin.loop(study).run()
    study.close()
    again = Study.open(tmp_path / "study")
    assert [one.number for one in again.records] == [0, 1]
    again.close()


def test_a_database_that_stops_is_said_in_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path) as (url, process):
        study = standin.begun(tmp_path, url=url)
        study.change({"trials": 2})
        standin.loop(study).run()
        process.send_signal(signal.SIGINT)
        process.wait(30)
        study.change({"trials": 4})
        with pytest.raises(ArchcError) as error:
            standin.loop(study).run()
        study.close()
        (said,) = error.value.diagnostics
        assert said.code == "E861" and url in said.message
        assert "\n" not in said.message and "{" not in said.message
        assert f"archc search --resume {study.folder}" in said.help
    assert not caplog.records
    with pytest.raises(ArchcError) as error:
        Study.open(study.folder)
    assert "that is there and runs" in error.value.diagnostics[0].help
