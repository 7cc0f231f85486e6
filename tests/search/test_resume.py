"""A search that is killed at any moment goes on to the same study."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from search import killing, standin
from sqlalchemy.exc import OperationalError

from archc.errors import ArchcError
from archc.search.record import Record
from archc.search.study import Study

PLAIN = standin.SPEC.replace("{trials: 12}", "{trials: 7}")
SPECS = {
    "evolution": (PLAIN, "score"),
    "rungs": (standin.RUNGS.replace("{trials: 12}", "{trials: 6}"), "climbing"),
    "failures": (PLAIN.replace("seed: 3", "seed: 3\n  strategy: random"), "failing"),
}
MOMENTS = {"evolution": 40, "rungs": 60, "failures": 40}  # about as many as there are, and more
PART = 10  # moments of a test: about a minute
STRATEGIES = [
    "reinforce", "surrogate",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("random", "local", "pareto")),
]  # fmt: skip


class Whole:
    """A study that nothing disturbed."""

    def __init__(self, folder: Path, text: str, function: str) -> None:
        self.folder, self.text, self.function = folder, text, function
        assert killing.done(killing.begun(folder, text, function)) == 0
        self.result = result(folder)


def result(folder: Path) -> Sequence[Mapping[str, Any]]:
    return standin.told(records(folder))


def records(folder: Path) -> list[Record]:
    study = Study.open(folder / "study")
    try:
        return study.records
    finally:
        study.close()


@pytest.fixture(scope="module", params=SPECS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    name = request.param
    found = Whole(tmp_path_factory.mktemp(name), *SPECS[name])
    found.name = name
    return found


def killed(whole: Whole, folder: Path, how: str, chance: int) -> None:
    """Kills a search once, then again on its way, and lets it end."""
    code = killing.done(killing.begun(folder, whole.text, whole.function, (how, chance)))
    assert code in (-9, 0)  # not every search writes so often
    again = (how, random.randrange(8))
    assert killing.done(killing.begun(folder, whole.text, whole.function, again)) in (-9, 0)
    before = records(folder) if (folder / "study" / "study.json").exists() else []
    assert killing.done(killing.begun(folder, whole.text, whole.function)) == 0
    after = records(folder)
    assert standin.told(after) == whole.result, (how, chance, again)
    for old in before:  # what was finished is as it was, times and all
        assert old.told is None or after[old.number] == old


def test_killed_anywhere_it_comes_to_the_same_study(whole: Whole, tmp_path: Path) -> None:
    name: str = whole.name
    for how in ("before", "after"):
        killed(whole, tmp_path / how, how, random.randrange(MOMENTS[name]))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize(
    ("whole", "first"),
    [(name, first) for name, count in MOMENTS.items() for first in range(0, count, PART)],
    indirect=["whole"],
)
def test_killed_at_every_moment_it_comes_to_the_same_study(
    whole: Whole, first: int, how: str, tmp_path: Path
) -> None:
    for chance in range(first, first + PART):
        killed(whole, tmp_path / f"{chance}", how, chance)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_goes_on_as_if_nothing_had_been(strategy: str, tmp_path: Path) -> None:
    text = PLAIN.replace("seed: 3", f"seed: 3\n  strategy: {strategy}")
    whole = Whole(tmp_path / "whole", text, "score")
    folder = tmp_path / "killed"
    chance = random.randrange(4, 30)
    killing.done(killing.begun(folder, text, "score", ("after", chance)))
    assert killing.done(killing.begun(folder, text, "score")) == 0
    assert result(folder) == whole.result


def test_a_resumed_budget_is_spent_once(tmp_path: Path) -> None:
    text = standin.RUNGS.replace("{trials: 12}", "{seconds: 30}")
    whole = Whole(tmp_path / "whole", text, "climbing")
    for _ in range(3):
        chance = ("after", random.randrange(25))
        killing.done(killing.begun(tmp_path / "killed", text, "climbing", chance))
    assert killing.done(killing.begun(tmp_path / "killed", text, "climbing")) == 0
    assert result(tmp_path / "killed") == whole.result
    spent = [sum(one.cost for one in records(tmp_path / name)) for name in ("whole", "killed")]
    assert spent[0] == spent[1] and 30 <= spent[0] < 37


def test_a_study_that_is_done_does_nothing_more(whole: Whole) -> None:
    assert killing.done(killing.begun(whole.folder, whole.text, whole.function)) == 0
    assert result(whole.folder) == whole.result


# ---- with workers


def search(spec: Path, study: Path, said: Path, *more: str) -> Any:
    """`archc search` with a worker, of a function that takes its time."""
    given = ["--resume", str(study)] if study.exists() else [str(spec), "-o", str(study)]
    given += [] if study.exists() else ["--evaluate", "search.standin:slow"]
    return killing.command(["search", *given, *more], spec.parent, said)


def workers(coordinator: int) -> list[psutil.Process]:
    """Its processes that evaluate; not what multiprocessing keeps beside them."""
    return [
        one
        for one in psutil.Process(coordinator).children()
        if "spawn_main" in " ".join(one.cmdline())
    ]


def trials(study: Path) -> int:
    try:
        return sum(one.told is not None for one in records(study.parent))
    except (ArchcError, OperationalError):  # it is just being made
        return 0


def test_workers_end_with_a_coordinator_that_is_killed(tmp_path: Path) -> None:
    """Also while they are suspended; then the study goes on to what it would have been."""
    spec, said = standin.written(tmp_path, PLAIN), tmp_path / "said"
    whole, study = tmp_path / "whole" / "study", tmp_path / "killed" / "study"
    assert killing.done(search(spec, whole, said)) == 0
    process = search(spec, study, said)
    killing.until(lambda: trials(study) >= 2)
    found = workers(process.pid)
    assert len(found) == 1
    found[0].suspend()
    process.kill()
    process.join()
    killing.until(lambda: not any(killing.alive(one.pid) for one in found))
    assert 2 <= trials(study) < 7
    assert killing.done(search(spec, study, said)) == 0
    assert result(study.parent) == result(whole.parent)


def test_a_worker_that_is_killed_changes_nothing(tmp_path: Path) -> None:
    spec, said = standin.written(tmp_path, PLAIN), tmp_path / "said"
    whole, study = tmp_path / "whole" / "study", tmp_path / "killed" / "study"
    assert killing.done(search(spec, whole, said)) == 0
    process = search(spec, study, said)
    for count in (1, 4):
        killing.until(lambda least=count: trials(study) >= least)
        for one in workers(process.pid):
            one.kill()
    assert killing.done(process) == 0
    assert result(study.parent) == result(whole.parent)


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    spec, said, study = standin.written(tmp_path), tmp_path / "said", tmp_path / "study"
    process = search(spec, study, said, "--workers", "2")
    killing.until(lambda: "trial    1" in (said.read_text() if said.exists() else ""))
    found = workers(process.pid)
    os.kill(process.pid, signal.SIGINT)
    before = time.monotonic()
    assert killing.done(process) == 130
    assert time.monotonic() - before < 20
    assert f"go on: archc search --resume {study.as_posix()}" in said.read_text()
    assert not any(killing.alive(one.pid) for one in found)
    assert killing.done(search(spec, study, said)) == 0
    after = records(tmp_path)
    assert sum(one.evaluated for one in after) == 12
    assert all(one.told is not None for one in after)
