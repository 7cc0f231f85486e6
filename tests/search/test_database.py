"""Studies in a database: a server's, started on loopback for the test and stopped after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from search import servers, standin

from archc.errors import ArchcError
from archc.search.study import Study


@pytest.fixture(scope="module", params=list(servers.KINDS))
def kind(request: pytest.FixtureRequest) -> servers.Kind:
    found = servers.KINDS[request.param]
    if not found.is_here:
        pytest.skip(f"there is no server of {request.param} here")
    return found


@pytest.fixture(scope="module")
def server(kind: servers.Kind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database."""
    with servers.running(kind, tmp_path_factory.mktemp("server")) as (url, _):
        yield url


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
    kind: servers.Kind, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with servers.running(kind, tmp_path) as (url, process):
        study = standin.begun(tmp_path, url=url)
        study.change({"trials": 2})
        standin.loop(study).run()
        servers.stop(kind, process)
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
