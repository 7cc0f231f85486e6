"""The search loop: budgets, duplicates, limits, failures. Numbers follow from the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from search import standin
from search.standin import SPEC, in_memory

from archc.errors import ArchcError
from archc.search.candidate import Candidate
from archc.search.jobs import Job, Outcome
from archc.search.loop import IDLE, TWINS, Loop
from archc.search.reading import read
from archc.search.record import best, duplicates, front
from archc.search.section import Search
from archc.search.trial import Proposal, Trial


class Said:
    """Proposes the widths that it is told to, the last one for ever."""

    def __init__(self, origin: Candidate, widths: Sequence[int]) -> None:
        self.origin, self.widths = origin, widths
        self.told: list[Trial] = []

    def ask(self, number: int, under_way: Sequence[Candidate] = ()) -> Proposal:
        width = self.widths[min(number, len(self.widths) - 1)]
        return Proposal(self.origin.with_values({"width": width}), change=f"width {width}")

    def tell(self, trial: Trial) -> None:
        self.told.append(trial)


class Slow:
    """A crew of several whose outcomes come when they are asked for, the last given first."""

    def __init__(self, room: int = 2) -> None:
        self.room, self.given, self.all = room, list[Job](), list[int]()

    @property
    def free(self) -> bool:
        return len(self.given) < self.room

    def give(self, job: Job) -> None:
        self.given.append(job)
        self.all.append(job.number)

    def wait(self, seconds: float) -> Sequence[Outcome]:
        job = self.given.pop()
        return [Outcome(job.number, {"score": standin.score(job.candidate)}, 1.0)]

    def close(self) -> None: ...


def said(
    widths: Sequence[int], folder: Path, text: str = SPEC, crew: Slow | None = None
) -> tuple[Loop, Said]:
    origin = Candidate.read(text, standin.written(folder, text))
    search: Search = read(origin)
    strategy = Said(origin, widths)
    return Loop(search, strategy, crew or Slow(1)), strategy


def test_the_budget_counts_what_was_evaluated(tmp_path: Path) -> None:
    loop, strategy = said([5, 5, 6, 5, 7, *range(8, 40)], tmp_path)
    assert loop.run() == "budget"
    assert loop.evaluated == 12 and len(loop.records) == 14
    assert [one.number for one in strategy.told] == list(range(14))


def test_the_budget_in_seconds_is_that_of_all_evaluations(tmp_path: Path) -> None:
    text = SPEC.replace("{trials: 12}", "{seconds: 3.5}")
    loop, _ = said(range(1, 40), tmp_path, text)
    assert loop.run() == "budget"
    assert (loop.evaluated, loop.spent) == (4, 4.0)


def test_a_cost_that_is_told_counts_in_place_of_time(tmp_path: Path) -> None:
    text = standin.RUNGS.replace("[1, 2, 4]", "[1]").replace("{trials: 12}", "{seconds: 4.5}")
    loop = in_memory(text, "climbing", tmp_path)
    assert [one.cost for one in loop.records] == [1.0] * 5
    assert all("cost" not in one.values for one in loop.records)


def test_a_duplicate_is_recorded_told_with_the_values_and_costs_nothing(tmp_path: Path) -> None:
    loop, strategy = said([5, 5, 6, *range(8, 40)], tmp_path)
    loop.run()
    first, again = loop.records[:2]
    assert (again.state, again.twin, again.cost, again.evaluated) == ("duplicate", 0, 0.0, False)
    assert again.values == first.values and again.digest == first.digest
    assert strategy.told[1].state == "duplicate"
    assert strategy.told[1].values == strategy.told[0].values
    assert duplicates(loop.records) == 1


def test_the_same_network_written_otherwise_is_a_duplicate(tmp_path: Path) -> None:
    text = SPEC.replace("  - =act\n", "  - =act\n  - identity\n")
    origin = Candidate.read(text, standin.written(tmp_path, text))
    other = Candidate.read(SPEC, tmp_path / "net.yaml")

    class Both(Said):
        def ask(self, number: int, under_way: Sequence[Candidate] = ()) -> Proposal:
            return Proposal(origin if number == 0 else other) if number < 2 else super().ask(number)

    strategy = Both(origin, range(1, 40))
    loop = Loop(read(origin), strategy, Slow(1))
    loop.run()
    assert loop.records[1].twin == 0


def test_a_strategy_is_told_what_is_under_way_before_a_stop_and_after(tmp_path: Path) -> None:
    class Watching(Said):
        def ask(self, number: int, under_way: Sequence[Candidate] = ()) -> Proposal:
            seen.append([one.parameters["width"] for one in under_way])
            return super().ask(number)

    seen = list[list[int]]()
    study = standin.begun(tmp_path)
    for crew in (Slow(3), Slow(3)):
        loop = Loop(study.search, Watching(study.origin, range(1, 40)), crew, study)
        loop.resume()
        while crew.free:
            job = loop._next()
            assert job is not None
            crew.give(job)
        if crew.all == [0, 1, 2]:  # one is told, and then the search is stopped
            for outcome in crew.wait(0):
                loop._take(outcome)
    study.close()
    assert seen == [[], [1], [1, 2], [1, 2]]


def test_what_is_no_network_is_not_under_way(tmp_path: Path) -> None:
    class Watching(Said):
        def ask(self, number: int, under_way: Sequence[Candidate] = ()) -> Proposal:
            seen.append(len(under_way))
            return super().ask(number)

    seen = list[int]()
    text = SPEC.replace("{int: [1, 40]}", "{int: [0, 40]}")
    origin = Candidate.read(text, standin.written(tmp_path, text))
    loop = Loop(read(origin), Watching(origin, [3, 0, 4, 5, 6]), Slow(1))
    for _ in range(3):
        loop._next()
    assert [one.state for one in loop.records] == ["running", "failed", "running", "running"]
    assert seen == [0, 1, 1, 2]


def test_a_duplicate_of_what_is_under_way_waits_for_its_values(tmp_path: Path) -> None:
    crew = Slow(3)
    loop, strategy = said([5, 5, 6, 6, *range(8, 40)], tmp_path, crew=crew)
    loop.run()
    assert crew.all == [one.number for one in loop.records if one.evaluated]
    twins = [one for one in loop.records if one.twin is not None]
    assert [one.number for one in twins] == [1, 3]
    assert all(one.values == loop.records[one.twin or 0].values for one in twins)
    order = [one.number for one in strategy.told]
    assert sorted(order) == list(range(len(loop.records)))
    assert order.index(1) == order.index(0) + 1 and order.index(3) == order.index(2) + 1


def test_few_wait_for_what_is_under_way(tmp_path: Path) -> None:
    loop, _ = said([5], tmp_path, crew=Slow(2))
    loop.search = read(loop.strategy.origin)
    jobs = [loop._next() for _ in range(2)]
    assert jobs[0] is not None and jobs[1] is None
    assert len(loop.records) == 1 + TWINS


def test_a_search_ends_when_there_is_nothing_new(tmp_path: Path) -> None:
    loop, _ = said([5, 6, 5], tmp_path)
    assert loop.run() == "exhausted"
    assert loop.evaluated == 2 and len(loop.records) == 2 + IDLE


def test_what_is_beyond_a_static_limit_is_never_evaluated(tmp_path: Path) -> None:
    text = SPEC + "  limits: {params: 500}\n"
    crew = Slow(1)
    loop, strategy = said([4, 39, 6, *range(7, 30)], tmp_path, text, crew)
    loop.run()
    limited = [one for one in loop.records if one.state == "limited"]
    assert [one.number for one in limited][:1] == [1]
    assert set(crew.all).isdisjoint(one.number for one in limited)
    assert limited[0].values["params"] > 500 and limited[0].cost == 0.0
    assert limited[0].why == "params is 1,835, more than 500"
    assert strategy.told[1].state == "limited"


def test_a_limit_of_what_is_measured_is_kept_by_the_best(tmp_path: Path) -> None:
    text = SPEC + "  limits: {score: {most: 90}}\n"
    loop, _ = said([4, 23, 9, *range(5, 30)], tmp_path, text)
    loop.run()
    assert loop.records[1].state == "limited" and loop.records[1].evaluated
    found = best(loop.records, loop.search.objectives)
    assert found is not None and found.values["score"] <= 90


def test_what_is_beyond_a_limit_needs_no_objective(tmp_path: Path) -> None:
    loop = in_memory(SPEC + "  limits: {late: 90}\n", "hasty", tmp_path, trials=16)
    limited = [one for one in loop.records if one.state == "limited"]
    assert limited and all("late is " in one.why for one in limited)
    assert all("score" in one.values for one in loop.records if one.state == "complete")


def test_a_candidate_that_fails_is_recorded_and_the_search_goes_on(tmp_path: Path) -> None:
    loop = in_memory(SPEC, "failing", tmp_path, trials=16)
    failed = [one for one in loop.records if one.state == "failed" and one.twin is None]
    assert {one.why for one in failed} == {
        "MemoryError: out of memory", "score is nan", "RuntimeError: it did not",
    }  # fmt: skip
    assert loop.evaluated == 16
    assert all(one.values == {} for one in failed)
    twins = [one for one in loop.records if one.state == "failed" and one.twin is not None]
    assert all(one.why.startswith(f"as trial {one.twin}: ") for one in twins)


def test_a_candidate_fails_that_leaves_or_costs_no_number(tmp_path: Path) -> None:
    loop = in_memory(SPEC, "leaving", tmp_path, trials=6)
    why = {one.why for one in loop.records if one.evaluated}
    assert why == {"SystemExit: 2", "its cost is nan"}
    assert 0 <= loop.spent < 60


def test_an_objective_that_nobody_gives_ends_the_search(tmp_path: Path) -> None:
    with pytest.raises(ArchcError, match=r"E862.*'score'") as error:
        in_memory(SPEC, "nameless", tmp_path)
    assert error.value.diagnostics[0].help == "did you mean 'scoer'?"


def test_a_number_that_one_candidate_lacks_is_its_failure(tmp_path: Path) -> None:
    loop = in_memory(SPEC, "partly", tmp_path)
    failed = {one.why for one in loop.records if one.state == "failed" and one.twin is None}
    assert failed == {"its evaluation does not give the objective 'score'"}
    assert any(one.state == "complete" for one in loop.records)


def test_the_front_is_what_nothing_dominates(tmp_path: Path) -> None:
    loop = in_memory(standin.TWO, "score", tmp_path, trials=20)
    objectives = loop.search.objectives
    members = front(loop.records, objectives)
    for one in members:
        for other in loop.records:
            if other.state == "complete":
                better = other.values["score"] > one.values["score"]
                smaller = other.values["params"] < one.values["params"]
                worse = other.values["score"] < one.values["score"]
                larger = other.values["params"] > one.values["params"]
                assert not ((better and not larger) or (smaller and not worse))
    scores = [one.values["score"] for one in members]
    assert scores == sorted(scores, reverse=True)


def test_every_trial_has_what_follows_from_its_graph(tmp_path: Path) -> None:
    loop, _ = said(range(1, 40), tmp_path, SPEC + "  limits: {activation_bytes: 1.0e+6}\n")
    loop.run()
    candidate = Candidate.read(SPEC, tmp_path / "net.yaml").with_values({"width": 1})
    values = loop.records[0].values
    assert values["params"] == candidate.program.params
    assert values["macs"] == candidate.program.macs
    assert values["activation_bytes"] > 0
