"""Successive halving: who goes on, and what becomes of those who do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from search.standin import RUNGS, TWO, in_memory, written

from archc.search.candidate import Candidate
from archc.search.evaluating import Setup
from archc.search.halving import Halving
from archc.search.reading import read
from archc.search.record import finished
from archc.search.section import Evaluation, Objective
from archc.search.start import Plan, Staff, begin, climbs, go_on

SCORE = Objective("score", True)
SMALL = Objective("params", False)


def decided(halving: Halving, scores: list[float], rung: int = 0) -> list[bool]:
    return [goes_on(halving, rung, score=one) for one in scores]


def goes_on(halving: Halving, rung: int, **values: float) -> bool:
    halving.take(rung, values)
    return halving.goes_on(rung)


def test_the_best_share_of_those_so_far_goes_on() -> None:
    halving = Halving([SCORE], Evaluation((1, 3), keep=0.5))
    assert decided(halving, [5, 4, 6, 1, 7, 6.5]) == [True, False, True, False, True, True]


def test_each_rung_has_its_own_company() -> None:
    halving = Halving([SCORE], Evaluation((1, 3, 9), keep=0.5))
    decided(halving, [50, 60], rung=0)
    assert decided(halving, [8, 7, 9], rung=1) == [True, False, True]


def test_nobody_goes_on_from_the_last_rung() -> None:
    assert decided(Halving([SCORE], Evaluation((1, 3))), [5, 6], rung=1) == [False, False]
    assert decided(Halving([SCORE], Evaluation()), [5, 6]) == [False, False]


def test_of_equals_the_earlier_go_on() -> None:
    assert decided(Halving([SCORE], Evaluation((1, 2), keep=0.5)), [5, 5, 5, 5]) == [
        True, False, False, False,
    ]  # fmt: skip


def test_with_several_objectives_rank_decides() -> None:
    """The small and poor one is on the front; the one that another dominates is not."""
    halving = Halving([SCORE, SMALL], Evaluation((1, 3), keep=0.7))
    found = [
        goes_on(halving, 0, score=score, params=params)
        for score, params in [(90, 500), (80, 600), (60, 10), (95, 400), (91, 900)]
    ]
    assert found == [True, False, True, True, False]


def test_a_search_trains_the_promising_for_longer(tmp_path: Path) -> None:
    loop = in_memory(RUNGS, "climbing", tmp_path, trials=16)
    stopped = [one for one in loop.records if one.stopped]
    whole = finished(loop.records)
    assert {one.rung for one in whole} == {2} and {one.rung for one in stopped} == {0, 1}
    assert all(one.cost == sum(2.0**k for k in range(one.rung + 1)) for one in loop.records)
    assert loop.spent == sum(one.cost for one in loop.records)
    assert {one.number for one in stopped} | {one.number for one in whole} == set(range(16))


@pytest.mark.parametrize("objectives", ["{minimize: params}", "{minimize: [macs, params]}"])
def test_rungs_are_for_what_they_change(objectives: str, tmp_path: Path) -> None:
    """What follows from the graph is as it is after any of them."""
    text = RUNGS.replace("{maximize: score}", objectives)
    study = begin(written(tmp_path, text), Plan(), folder=tmp_path / "s")
    searched = go_on(study, Staff())
    study.close()
    assert {(one.rung, one.stopped) for one in searched.records} == {(0, False)}


@pytest.mark.parametrize(("objective", "climbing"), [("synflow", False), ("accuracy", True)])
def test_scores_of_untrained_networks_have_no_rungs(
    objective: str, climbing: bool, tmp_path: Path
) -> None:
    path = written(tmp_path, RUNGS.replace("{maximize: score}", f"{{maximize: {objective}}}"))
    search = read(Candidate.read(path.read_text(), path))
    assert climbs(Setup(search, path, tmp_path, "installed", "train")) is climbing


def test_a_row_of_a_table_costs_once(tmp_path: Path) -> None:
    rows = "".join(f"{w},{d},{a},{w + d},10\n" for w in range(1, 41) for d in range(1, 7)
                   for a in ("relu", "tanh", "gelu"))  # fmt: skip
    (tmp_path / "t.csv").write_text(f"width,depth,act,score,cost\n{rows}")
    plan = Plan(table=str(tmp_path / "t.csv"))
    study = begin(written(tmp_path, RUNGS), plan, folder=tmp_path / "s")
    searched = go_on(study, Staff())
    study.close()
    assert {one.cost for one in searched.records if one.evaluated} == {10.0}


def test_what_is_stopped_early_is_not_among_the_best(tmp_path: Path) -> None:
    """A value after fewer epochs does not compare."""
    text = TWO + "  evaluate: {epochs: [1, 2], keep: 0.3}\n"
    loop = in_memory(text, "climbing", tmp_path, trials=12)
    assert all(one.rung == 1 for one in finished(loop.records))


def test_a_limit_of_what_is_trained_holds_at_the_end(tmp_path: Path) -> None:
    """The score climbs by 10 a rung."""
    limits = "  limits: {score: {least: 101}}\n"
    loop = in_memory(RUNGS + limits, "climbing", tmp_path, trials=16)
    limited = [one for one in loop.records if one.state == "limited" and one.evaluated]
    assert limited and all(one.rung == 2 for one in limited)
    whole = finished(loop.records)
    assert whole and all(one.values["score"] >= 101 > one.steps[0].values["score"] for one in whole)


def test_where_all_are_beyond_a_limit_at_the_end_none_is_the_best(tmp_path: Path) -> None:
    limits = "  limits: {score: {least: 999}}\n"
    loop = in_memory(RUNGS + limits, "climbing", tmp_path, trials=16)
    assert {one.rung for one in loop.records if one.state == "limited"} == {2}
    assert any(one.stopped for one in loop.records) and not finished(loop.records)


def test_a_limit_of_what_is_measured_before_training_holds_at_once(tmp_path: Path) -> None:
    text = RUNGS + "  limits: {latency_ms: 130}\n"
    loop = in_memory(text, "clocked", tmp_path, trials=16)
    assert {one.rung for one in loop.records if one.state == "limited"} == {0}
    assert all(one.values["latency_ms"] <= 130 for one in finished(loop.records))
