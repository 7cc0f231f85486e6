"""A study's folder and its storage, as archc and as Optuna's own tools see them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from search import standin

from archc.cli.main import main
from archc.errors import ArchcError
from archc.pipeline import compile
from archc.search import page
from archc.search.reading import read
from archc.search.record import front
from archc.search.start import Staff, go_on
from archc.search.storage import shown
from archc.search.study import Study

TWO = standin.TWO.replace("seed: 3", "limits: {params: 1200}\n  evaluate: {epochs: [1, 2]}")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """Two objectives, two rungs, a limit."""
    found = standin.searched(tmp_path_factory.mktemp("study"), TWO, "climbing", trials=10)
    yield found
    found.close()


@pytest.fixture(scope="module")
def seen(study: Study) -> Any:
    """The study as Optuna reads it."""
    url = f"sqlite:///{study.folder / 'study.db'}"
    return optuna.load_study(study_name=study.about["name"], storage=url)


def test_optuna_reads_the_study_back(study: Study, seen: Any) -> None:
    ways = [one.name for one in seen.directions]
    assert ways == ["MAXIMIZE", "MINIMIZE"]
    assert seen.metric_names == ["score", "params"]
    assert [one.number for one in seen.trials] == [one.number for one in study.records]
    states = {
        ("complete", False): "COMPLETE", ("complete", True): "PRUNED", ("failed", False): "FAIL",
        ("limited", False): "PRUNED", ("duplicate", False): "PRUNED",
    }  # fmt: skip
    for trial, record in zip(seen.trials, study.records, strict=True):
        assert trial.state.name == states[record.state, record.stopped]
        if record.state == "complete":
            assert trial.values == [record.values["score"], record.values["params"]]
            steps = {k: step.values["score"] for k, step in enumerate(record.steps)}
            assert trial.intermediate_values == steps
        assert trial.params == {name: record.parameters[name] for name in ("width", "depth", "act")}
        assert trial.user_attrs["spec"] == record.text
        assert trial.user_attrs["digest"] == record.digest
        assert trial.user_attrs["parents"] == list(record.parents)


def test_what_a_hole_may_hold_is_its_distribution(seen: Any) -> None:
    assert seen.trials[0].distributions == {
        "width": optuna.distributions.IntDistribution(1, 40),
        "depth": optuna.distributions.IntDistribution(1, 6),
        "act": optuna.distributions.CategoricalDistribution(["relu", "tanh", "gelu"]),
    }


def test_optuna_finds_the_same_front(study: Study, seen: Any) -> None:
    objectives = study.search.objectives
    ours = {
        tuple(one.values[o.name] for o in objectives) for one in front(study.records, objectives)
    }
    assert {tuple(one.values) for one in seen.best_trials} == ours


def test_the_dashboard_shows_it(study: Study) -> None:
    from optuna_dashboard import wsgi

    app: Any = wsgi(f"sqlite:///{study.folder / 'study.db'}")

    def asked(path: str) -> dict[str, Any]:
        said: list[str] = []
        given: dict[str, Any] = {"PATH_INFO": path}
        setup_testing_defaults(given)
        body = app(given, lambda status, headers, error=None: said.append(status))
        assert said == ["200 OK"]
        found: dict[str, Any] = json.loads(b"".join(body))
        return found

    (summary,) = asked("/api/studies")["study_summaries"]
    assert summary["study_name"] == "net"
    detail = asked(f"/api/studies/{summary['study_id']}")
    assert detail["directions"] == ["maximize", "minimize"]
    assert detail["objective_names"] == ["score", "params"]
    assert len(detail["trials"]) == len(study.records)
    assert {one["number"] for one in detail["best_trials"]} >= {
        one.number for one in front(study.records, study.search.objectives)
    }


def test_records_are_read_as_they_were_written(study: Study) -> None:
    again = Study.open(study.folder)
    assert again.records == study.records
    again.close()
    assert all(study.candidate(one).digest == one.digest for one in study.records)


def test_the_spec_is_kept_as_it_is_searched(tmp_path: Path) -> None:
    program = compile(standin.written(tmp_path), set={"width": 11})
    found = Study.create(tmp_path / "s", program, read(program), evaluator={})
    text = (tmp_path / "s" / "spec.yaml").read_text()
    assert "width: 11 # of the first layer" in text
    assert found.origin.parameters["width"] == 11
    about = json.loads((tmp_path / "s" / "study.json").read_text())
    assert about["format"] == 1 and about["search"]["seed"] == 3
    found.close()


def test_candidates_are_written_with_what_they_use(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "two.yaml").write_text(
        "archc: 1\nblocks: {two: {graph: [{linear: 4}, relu]}}\n"
    )
    text = standin.SPEC.replace("name: net\n", "name: net\nuse: [parts/two.yaml]\n")
    text = text.replace("  - =act\n", "  - =act\n  - two\n")
    found = standin.searched(tmp_path, text, trials=3)
    path = found.export(found.records[2])
    assert path == found.folder / "specs" / "0002.yaml"
    assert compile(path).digest == found.records[2].digest
    other = found.export(found.records[1], tmp_path / "elsewhere" / "deep")
    assert compile(other).digest == found.records[1].digest
    found.close()


@pytest.mark.parametrize("name", ["a b", "per%20cent", "what?", "{brace}", "hash#", "ünï"])
def test_a_folder_may_be_called_anything(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    found = standin.begun(tmp_path / name)
    found.close()
    assert (tmp_path / name / "study" / "study.db").exists()


# ---- what does not fit


def code_of(error: pytest.ExceptionInfo[ArchcError]) -> str:
    return error.value.diagnostics[0].code


def test_a_folder_holds_one_study(study: Study, tmp_path: Path) -> None:
    with pytest.raises(ArchcError) as error:
        Study.create(study.folder, study.origin.program, study.search, evaluator={})
    assert code_of(error) == "E860"
    with pytest.raises(ArchcError) as error:
        Study.open(tmp_path)
    assert code_of(error) == "E860"
    (tmp_path / "study.json").write_text('{"format": 99}')
    with pytest.raises(ArchcError) as error:
        Study.open(tmp_path)
    assert code_of(error) == "E860"


def test_trials_of_a_study_that_is_gone_are_nobody_elses(tmp_path: Path) -> None:
    left = tmp_path / "study" / "trials" / "0000"
    left.mkdir(parents=True)
    with pytest.raises(ArchcError, match="a study that is gone") as error:
        standin.begun(tmp_path)
    assert code_of(error) == "E860" and left.exists()


@pytest.mark.parametrize("name", ["log.txt", "study.db", "report.html"])
def test_files_of_a_study_that_are_there_are_not_written_over(name: str, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / name).write_text("mine")
    with pytest.raises(ArchcError, match="is there already") as error:
        standin.begun(tmp_path)
    assert code_of(error) == "E860"
    assert [path.read_text() for path in (tmp_path / "study").iterdir()] == ["mine"]


def test_a_study_that_was_killed_as_it_began_is_begun_anew(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.json.begun").write_text("{}")
    (folder / "study.db").write_text("half a database")
    standin.searched(tmp_path, trials=1).close()
    names = {path.name for path in folder.iterdir()}
    assert {"study.json", "study.db"} < names and "study.json.begun" not in names


def test_a_study_is_of_the_spec_that_it_began_with(tmp_path: Path) -> None:
    standin.searched(tmp_path, trials=2).close()
    spec = tmp_path / "study" / "spec.yaml"
    text = spec.read_text()
    for changed in (text.replace("maximize", "minimize"), text + "# only said\n"):
        spec.write_text(changed)
        with pytest.raises(ArchcError, match="was changed since the search began") as error:
            Study.open(tmp_path / "study")
        assert code_of(error) == "E860"
    spec.unlink()
    with pytest.raises(ArchcError, match="cannot be read") as error:
        Study.open(tmp_path / "study")
    assert code_of(error) == "E860"
    spec.write_text(text)
    Study.open(tmp_path / "study").close()


@pytest.mark.parametrize("key", ["name", "storage", "search", "evaluator"])
def test_a_study_that_lacks_what_it_said_is_told(key: str, tmp_path: Path) -> None:
    standin.searched(tmp_path, trials=1).close()
    path = tmp_path / "study" / "study.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != key}))
    with pytest.raises(ArchcError, match=f"has no '{key}'") as error:
        Study.open(tmp_path / "study")
    assert code_of(error) == "E860"


def test_what_other_programs_did_to_a_study_is_a_failure(tmp_path: Path) -> None:
    """A trial that was waiting, one that was ended from outside; the search goes on without."""
    standin.searched(tmp_path, trials=4).close()
    url = f"sqlite:///{tmp_path / 'study' / 'study.db'}"
    theirs = optuna.load_study(study_name="net", storage=url)
    theirs.enqueue_trial({"width": 3})
    attributes = {**theirs.trials[0].user_attrs, "digest": "archc1-0", "identity": "archc1-0"}
    del attributes["result"]
    theirs.add_trial(optuna.trial.create_trial(
        state=optuna.trial.TrialState.FAIL, user_attrs=attributes,
    ))  # fmt: skip
    found = Study.open(tmp_path / "study", hold=True)
    made = len(found.records) - 2
    why = [(one.state, one.why) for one in found.records[made:]]
    assert why == [("failed", "not of this search"), ("failed", "ended by another program")]
    found.change({"trials": 8})
    standin.loop(found).run()
    found.close()
    again = Study.open(tmp_path / "study")
    assert sum(one.state == "complete" for one in again.records) >= 7
    again.close()


def test_a_trial_that_is_added_meanwhile_ends_the_search_in_a_line(tmp_path: Path) -> None:
    study = standin.begun(tmp_path)
    loop = standin.loop(study)
    loop.run()
    url = f"sqlite:///{study.folder / 'study.db'}"
    optuna.load_study(study_name="net", storage=url).enqueue_trial({"width": 3})
    loop.search = replace(loop.search, trials=20)
    with pytest.raises(ArchcError, match="another program added trial") as error:
        loop.run()
    assert code_of(error) == "E861"
    study.close()


def test_one_process_at_a_time_searches(study: Study) -> None:
    """Who comes second changes nothing, neither the budget nor the folder."""
    hold = f"""
from pathlib import Path
from archc.search.study import Study
study = Study.open(Path({str(study.folder)!r}), hold=True)
print(1, flush=True)
input()
study.close()
"""
    before = (study.folder / "study.json").read_text()
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        errors = []
        for again in (
            lambda: Study.open(study.folder, hold=True),
            lambda: Study.create(study.folder, study.origin.program, study.search, evaluator={}),
        ):
            with pytest.raises(ArchcError, match="another process searches") as error:
                again()
            errors.append(code_of(error))
        resumed = ["search", "--resume", str(study.folder), "--trials", "999"]
        assert main(resumed) == 1
        Study.open(study.folder).close()  # to look at it needs no hold
        process.stdin.close()
    assert errors == ["E860", "E860"]
    assert (study.folder / "study.json").read_text() == before
    Study.open(study.folder, hold=True).close()


@pytest.mark.parametrize("password", ["secret", "se/cret", "se?cret", "se#cret:", "se[cret"])
def test_whatever_a_password_holds_is_not_shown(password: str) -> None:
    assert shown(f"mysql+pymysql://me:{password}@host:1/db") == "mysql+pymysql://me:***@host:1/db"
    assert shown("postgresql://me@host/db") == "postgresql://me@host/db"
    assert shown("sqlite:///a/b.db") == "sqlite:///a/b.db"


def test_text_that_no_file_can_hold_is_kept_as_escapes(tmp_path: Path) -> None:
    """A file's name may be of other bytes, and an error that names it."""
    study = standin.searched(tmp_path, trials=2)
    study.note("no file caf\udce9.jpg")
    broken = [replace(one, why="no file caf\udce9.jpg", state="failed") for one in study.records]
    page.write(study, broken)
    study.close()
    for name in ("log.txt", "report.html"):
        assert "caf\\udce9.jpg" in (study.folder / name).read_text("utf-8")


def test_a_password_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL with one has to be given again."""
    from archc.search import storage

    real = storage.opened
    monkeypatch.setattr(storage, "opened", lambda url, path: real(None, path))
    monkeypatch.setattr(storage, "holds_studies", lambda url, path: True)
    url = "postgresql+pg8000://me:secret@127.0.0.1/db"
    standin.begun(tmp_path, url=url).close()
    kept = "".join(path.read_text() for path in (tmp_path / "study").glob("*.json"))
    assert "secret" not in kept and "me:***@127.0.0.1/db" in kept
    with pytest.raises(ArchcError) as error:
        Study.open(tmp_path / "study")
    assert code_of(error) == "E861"
    Study.open(tmp_path / "study", url).close()


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "postgresql+nosuch://x/y",
        "sqlite:////no/such/folder/x.db",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_storage_that_cannot_be_used_says_so(url: str, tmp_path: Path) -> None:
    with pytest.raises(ArchcError) as error:
        standin.begun(tmp_path, url=url)
    assert code_of(error) == "E861"
    assert not list((tmp_path / "study").glob("*"))


def refused(folder: Path, url: str | None = None) -> str:
    """What opening a study says."""
    with pytest.raises(ArchcError) as error:
        Study.open(folder, url)
    assert code_of(error) == "E861"
    return error.value.diagnostics[0].message


def test_opening_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standin.searched(tmp_path / "one", trials=2).close()
    one = tmp_path / "one" / "study"
    typo = f"sqlite:///{tmp_path / 'typo.db'}"
    assert "in its own study.db" in refused(one, typo)
    monkeypatch.chdir(tmp_path)
    standin.begun(tmp_path / "two", url="sqlite:///two.db").close()
    two = tmp_path / "two" / "study"
    assert "is not there" in refused(two, typo)
    assert "has no study 'net-" in refused(two, f"sqlite:///{one / 'study.db'}")
    (tmp_path / "empty.db").touch()
    assert "holds no studies" in refused(two, f"sqlite:///{tmp_path / 'empty.db'}")
    assert (tmp_path / "empty.db").stat().st_size == 0
    monkeypatch.chdir(one)
    Study.open(two).close()  # a relative URL is meant in the folder where it was given
    (tmp_path / "two.db").rename(tmp_path / "moved.db")
    assert "is not there" in refused(two)
    Study.open(two, f"sqlite:///{tmp_path / 'moved.db'}").close()
    (one / "study.db").unlink()
    assert "is not there" in refused(one)
    assert not (one / "study.db").exists() and not (tmp_path / "typo.db").exists()


def test_a_failure_is_kept_in_full(tmp_path: Path) -> None:
    found = standin.searched(tmp_path, function="failing", trials=8)
    log = (found.folder / "log.txt").read_text()
    failed = [one for one in found.records if one.state == "failed" and one.twin is None]
    assert failed and all(f"trial {one.number} failed: {one.why}" in log for one in failed)
    assert 'raise MemoryError("out of memory")' in log or "raise RuntimeError" in log
    found.close()


def test_trials_are_told_in_the_order_that_they_have(study: Study) -> None:
    orders = [one.told for one in study.records]
    orders += [step.order for one in study.records for step in one.steps]
    assert sorted(order or 0 for order in orders) == list(range(1, len(orders) + 1))


GROWING = """\
archc: 1
name: net
inputs: {x: [N, 64]}
graph:
  - name: body
    do: [{linear: 256, name: a}, relu, {linear: 128, name: b}, relu, {linear: 64, name: c}]
  - {linear: 2, name: head}
search:
  moves: {within: [body]}
  objectives: {maximize: score}
  strategy: {evolution: {population: 4, tournament: 3}}
  budget: {trials: 60}
  seed: 3
"""


def test_networks_grow_up_to_a_multiple_of_the_origin(tmp_path: Path) -> None:
    """Its own, not that of a candidate that was read from the study."""
    study = standin.begun(tmp_path, GROWING, "heavy")
    go_on(study, Staff(workers=0))
    sizes = [one.values["score"] for one in study.storage.records()]
    most = 4 * sizes[0] + 100_000
    assert max(sizes) > most
    for size, record in zip(sizes, study.storage.records(), strict=True):
        for parent in record.parents:
            assert sizes[parent] <= most or size < 1.01 * sizes[parent]
    study.close()
