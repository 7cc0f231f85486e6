"""Workers: processes that die, hang or have to be alone, and what is recorded of that."""

from __future__ import annotations

import math
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from search import standin

from archc.errors import ArchcError
from archc.search import group
from archc.search.candidate import Candidate
from archc.search.evaluating import Setup
from archc.search.jobs import Job, Outcome
from archc.search.loop import Loop
from archc.search.reading import read
from archc.search.worker import one_on_this_machine
from archc.search.workers import Here, Workers

Crew = Callable[..., Workers]


@pytest.fixture
def crew(tmp_path: Path) -> Any:
    """Makes crews, and ends them."""
    made: list[Workers] = []

    def make(function: str, count: int = 1, timeout: float | None = None) -> Workers:
        path = standin.written(tmp_path)
        search = read(Candidate.read(standin.SPEC, path))
        name = function if ":" in function else f"search.standin:{function}"
        setup = Setup(search, path, tmp_path / "trials", "function", name)
        made.append(Workers(setup, count, 1, timeout))
        return made[-1]

    yield make
    for one in made:
        one.close()


def job(crew: Workers, number: int, width: int) -> Job:
    origin = Candidate.read(standin.SPEC, crew.setup.path)
    return Job(number, origin.with_values({"width": width}))


def outcomes(crew: Workers, widths: list[int], seconds: float = 60.0) -> dict[int, Outcome]:
    """What becomes of candidates of these widths, by their width."""
    found: dict[int, Outcome] = {}
    left = list(enumerate(widths))
    end = time.monotonic() + seconds
    while len(found) < len(widths):
        assert time.monotonic() < end
        while left and crew.free:
            number, width = left.pop(0)
            crew.give(job(crew, number, width))
        for one in crew.wait(0.2):
            found[widths[one.number]] = one
    return found


def test_candidates_are_evaluated_as_in_this_process(crew: Crew) -> None:
    found = outcomes(crew("score", 2), [5, 6, 7])
    for width, one in found.items():
        candidate = Candidate.read(standin.SPEC, Path("net.yaml")).with_values({"width": width})
        assert one.values == {"score": standin.score(candidate)}


def test_a_candidate_that_kills_its_workers_has_failed_and_others_go_on(crew: Crew) -> None:
    found = outcomes(crew("dying"), [6, 7, 8])
    assert found[7].values is None and "died (signal 9), twice" in found[7].why
    assert found[6].values is not None and found[8].values is not None


def test_a_worker_that_is_killed_once_is_no_candidates_fault(crew: Crew) -> None:
    assert outcomes(crew("dying_once"), [6])[6].values is not None


def test_what_takes_too_long_has_failed(crew: Crew) -> None:
    before = time.monotonic()
    found = outcomes(crew("hanging", timeout=2), [7, 6])
    assert found[7].values is None and found[7].why == "it took longer than 2 s"
    assert 2 <= found[7].seconds < 30
    assert found[6].values is not None
    assert time.monotonic() - before < 50


def test_what_takes_too_long_ends_with_all_that_it_began(crew: Crew) -> None:
    staff = crew("begetting", timeout=2)
    assert outcomes(staff, [5])[5].why == "it took longer than 2 s"
    gone(int((staff.setup.trial(0) / "child").read_text()))


def test_what_a_killed_worker_began_ends_with_it(crew: Crew) -> None:
    staff = crew("orphaning")
    one = outcomes(staff, [5])[5]
    assert one.why.startswith("its worker died (signal 9), twice; most often there is not")
    children = (staff.setup.trial(0) / "children").read_text().split()
    assert len(children) == 2
    for child in children:
        gone(int(child))


COORDINATOR = """
import sys
from pathlib import Path
from search import standin
from archc.search.candidate import Candidate
from archc.search.evaluating import Setup
from archc.search.jobs import Job
from archc.search.reading import read
from archc.search.workers import Workers

if __name__ == "__main__":
    path = Path(sys.argv[1])
    origin = Candidate.read(standin.SPEC, path)
    name = "search.standin:begetting"
    crew = Workers(Setup(read(origin), path, path.parent / "trials", "function", name), 1)
    crew.give(Job(0, origin))
    while True:
        crew.wait(1)
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_nothing_goes_on_without_its_coordinator(stopped: bool, tmp_path: Path) -> None:
    script, path = tmp_path / "coordinator.py", standin.written(tmp_path)
    script.write_text(COORDINATOR)
    paths = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, str(script), str(path)], env={**os.environ, "PYTHONPATH": paths}
    ) as process:
        try:
            mark = tmp_path / "trials" / "0000" / "child"
            until(lambda: mark.exists() and bool(mark.read_text()), 60)
            child = psutil.Process(int(mark.read_text()))
            worker = child.parent()
            assert worker is not None and worker.pid != process.pid
            if stopped:
                group.suspend(worker.pid)
                until(lambda: child.status() == psutil.STATUS_STOPPED)
        finally:
            process.kill()
    gone(worker.pid)
    gone(child.pid)


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def gone(pid: int) -> None:
    def ended() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    until(ended)


def test_a_failure_comes_with_all_that_is_known_of_it(crew: Crew) -> None:
    one = outcomes(crew("failing"), [6])[6]
    assert one.values is None and one.why == "RuntimeError: it did not"
    assert 'raise RuntimeError("it did not' in one.trace


def test_nobody_computes_while_one_is_alone(crew: Crew) -> None:
    pair = crew("measured", 2)
    found = outcomes(pair, [5, 6, 7, 8])
    log = pair.setup.folder / "spans"
    spans = [line.split() for line in log.read_text().splitlines()]
    alone = [(pid, float(a), float(b)) for what, pid, a, b in spans if what == "alone"]
    assert len(alone) >= 4 and len({pid for pid, _, _ in alone}) == 2
    for pid, begin, end in alone:
        for _, other, a, b in spans:
            if other != pid:
                assert float(b) <= begin + 0.045 or float(a) >= end - 0.045
    assert all(one.values is not None for one in found.values())


def test_time_in_which_it_was_paused_is_not_a_candidates(crew: Crew) -> None:
    """Each computes for 0.3 s, and waits for the others' measuring besides."""
    found = outcomes(crew("measured", 3), [5, 6, 7])
    assert all(0.29 <= one.seconds < 1 for one in found.values())


def test_what_is_given_to_a_paused_worker_begins_when_it_goes_on(crew: Crew) -> None:
    pair = crew("measured", 2)
    pair.give(job(pair, 0, 5))
    end = time.monotonic() + 60
    while not pair.quiet:  # the first is alone, and the second is suspended without work
        assert time.monotonic() < end
        assert not pair.wait(0.001)
    pair.give(job(pair, 1, 6))
    found = [one for _ in range(2) for one in wait(pair)]
    assert [one.number for one in found] == [0, 1]
    assert all(0.3 <= one.seconds < 2 for one in found)


def wait(crew: Workers) -> list[Outcome]:
    end = time.monotonic() + 60
    while not (found := list(crew.wait(0.2))):
        assert time.monotonic() < end
    return found


@contextmanager
def another_search_measures(seconds: float) -> Iterator[None]:
    """Has the machine to itself from the block's beginning on, for so long."""
    begun = threading.Event()

    def other() -> None:
        with one_on_this_machine():
            begun.set()
            time.sleep(seconds)

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        thread.join()


def test_waiting_for_another_search_is_not_a_candidates_time(crew: Crew) -> None:
    one = crew("measured", timeout=1.0)
    assert outcomes(one, [4])[4].values  # so that the process is there
    with another_search_measures(2.5):
        found = outcomes(one, [5])[5]
    assert found.values is not None and found.seconds < 1


def test_without_workers_it_is_not_either(tmp_path: Path) -> None:
    path, log = standin.written(tmp_path), tmp_path / "trials" / "spans"
    search = read(Candidate.read(standin.SPEC, path))
    here = Here(Setup(search, path, log.parent, "function", "search.standin:measured"))
    with another_search_measures(1.5):
        here.give(Job(0, Candidate.read(standin.SPEC, path)))
        (found,) = here.wait(0)
    assert found.values is not None and found.seconds < 1


def test_what_is_done_is_told_before_another_is_alone(crew: Crew) -> None:
    """To be told computes, in a process that nobody suspends."""
    pair = crew("measured", 2)
    pair.give(job(pair, 0, 5))
    pair.give(job(pair, 1, 6))
    told = list[int]()
    end = time.monotonic() + 60
    while len(told) < 2:
        assert time.monotonic() < end
        found = pair.wait(0.2)
        assert not (found and pair.quiet)
        told += [one.number for one in found]
        time.sleep(0.4)  # so long that several have something to say


def test_two_searches_do_not_measure_at_the_same_time(crew: Crew) -> None:
    pairs = [crew("measured"), crew("measured")]
    threads = [threading.Thread(target=outcomes, args=(one, [5, 6])) for one in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = [line.split() for line in (pairs[0].setup.folder / "spans").read_text().splitlines()]
    alone = sorted((float(a), float(b)) for what, _, a, b in spans if what == "alone")
    assert len(alone) == 4
    assert all(one[1] <= other[0] + 0.001 for one, other in pairwise(alone))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("search.standin:scoer", "has no 'scoer'"),
        ("search.nowhere:score", "no module 'search.nowhere'"),
        ("search.standin:SPEC", "cannot be called"),
    ],
)
def test_a_wrong_function_ends_the_search(name: str, said: str, crew: Crew) -> None:
    one = crew(name)
    with pytest.raises(ArchcError, match=said) as error:
        outcomes(one, [5])
    assert error.value.diagnostics[0].code == "E862"


def test_workers_that_cannot_begin_end_the_search(crew: Crew, tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text("import os\nos._exit(7)\n")
    sys.path.insert(0, str(tmp_path))
    try:
        one = crew("deadly:score")
        with pytest.raises(ArchcError, match="die as they begin: exit code 7"):
            outcomes(one, [5])
    finally:
        sys.path.remove(str(tmp_path))


def test_a_search_with_workers_comes_to_its_end(crew: Crew) -> None:
    staff = crew("slow", 2)
    search = replace(staff.setup.search, trials=10)
    origin = Candidate.read(standin.SPEC, staff.setup.path)
    loop = Loop(search, standin.Drift(search, origin), staff)
    assert loop.run() == "budget"
    assert loop.evaluated == 10
    assert sorted(one.told or 0 for one in loop.records) == list(range(1, len(loop.records) + 1))
    assert all(math.isfinite(one.values["score"]) for one in loop.records)


def test_nothing_is_left_of_a_crew_that_was_closed(crew: Crew) -> None:
    staff = crew("hanging", 2)
    staff.give(job(staff, 0, 7))
    staff.wait(0.1)
    staff.close()
    assert not [one for one in multiprocessing.active_children() if "Spawn" in one.name]
