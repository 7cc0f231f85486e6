"""The `search:` section: what it means, and that everything wrong with it is said in one go."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from search.spaces import SPEC, opened, reread

from archc.cli.main import main
from archc.errors import SpecError
from archc.pipeline import compile, compile_text
from archc.search.holes import Choices, Real, Whole
from archc.search.reading import check, read
from archc.search.section import Evaluation, Limit, Moves, Objective, Search
from archc.spec.formula import Formula
from archc.spec.search import MOVES

HEAD = """\
archc: 1
params: {width: 16, depths: [1, 2], act: relu}
inputs: {x: [N, 8]}
blocks: {part: {graph: [relu]}}
graph:
  - {name: body, do: [{linear: =width, name: fc}, part]}
  - =act
search:
"""
END = "  objectives: {maximize: a}\n  budget: {trials: 9}\n"


def section(text: str) -> Search:
    return read(compile_text(HEAD + text))


def codes(text: str) -> list[str]:
    return [one.code for one in check(compile_text(HEAD + text))]


def test_paths_walk_lists_and_records_of_the_defaults() -> None:
    search, _ = opened(SPEC)
    assert [hole.name for hole in search.holes] == [
        "width", "depths.0", "depths.1", "act", "drop", "edges.a", "edges.b",
    ]  # fmt: skip
    assert search.holes[1].path == ("depths", 0) and search.holes[5].path == ("edges", "a")


def test_domains_are_choices_whole_numbers_and_numbers() -> None:
    holes = {hole.name: hole for hole in opened(SPEC)[0].holes}
    assert holes["width"].domain == Choices((16, 24, 32)) and holes["width"].when is True
    assert holes["act"].domain == Choices(("relu", "gelu", {"leaky_relu": 0.2}))
    assert holes["depths.1"].domain == Whole(1, 4)
    assert holes["drop"].domain == Real(0.01, 0.5, log=True)
    assert isinstance(holes["drop"].when, Formula)


def test_what_is_varied_may_begin_with_an_op_and_its_attributes() -> None:
    """As in a candidate that another search found."""
    search, origin = opened(SPEC.replace("act: relu\n", "act: {leaky_relu: 0.2}\n"))
    assert all(reread(origin.with_values({"act": one})).digest for one in ("relu", "gelu"))
    assert search.holes[3].domain == Choices(("relu", "gelu", {"leaky_relu": 0.2}))


def test_the_whole_section() -> None:
    found = section("""\
  vary: {depths.*: {int: [1, =width]}}
  moves: {within: body, kinds: [swap]}
  objectives: {maximize: [accuracy, margin], minimize: params}
  limits: {macs: 1.0e6, params: {least: 10, most: 1000}}
  strategy: {pareto: {population: 20}}
  budget: {trials: 50, seconds: 3600}
  evaluate: {epochs: [1, 3], keep: 0.5, inherit: true, timeout: 60, threads: 2}
  seed: 7
""")
    assert found.holes[0].domain == Whole(1, 16)
    assert found.moves == Moves(("swap",), ("body",))
    assert found.objectives == (
        Objective("accuracy", True), Objective("margin", True), Objective("params", False),
    )  # fmt: skip
    assert found.limits == (Limit("macs", None, 1.0e6), Limit("params", 10, 1000))
    assert (found.strategy, found.options) == ("pareto", {"population": 20})
    assert (found.trials, found.seconds, found.seed) == (50, 3600, 7)
    assert found.evaluation == Evaluation((1, 3), 0.5, True, 60, 2)


def test_what_is_not_said() -> None:
    found = section("  moves: {}\n" + END)
    assert found.moves == Moves(MOVES, ()) and found.holes == ()
    assert (found.strategy, found.options, found.seed) == ("evolution", {}, 0)
    assert (found.evaluation, found.seconds) == (Evaluation(), None)


def test_several_objectives_are_for_a_strategy_that_knows_them() -> None:
    both = "  vary: {width: [8]}\n  objectives: {maximize: [a, b]}\n  budget: {trials: 1}\n"
    assert section(both).strategy == "pareto"
    assert section(both + "  strategy: random\n").strategy == "random"
    assert codes(both + "  strategy: evolution\n") == ["E855"]


def test_a_spec_a_file_and_a_candidate_have_one_section() -> None:
    search, origin = opened(SPEC)
    assert read(origin.file) == read(origin.program) == search


def test_a_spec_without_the_section() -> None:
    program = compile_text("archc: 1\ninputs: {x: [N, 8]}\ngraph: [relu]\n")
    assert check(program) == []
    with pytest.raises(SpecError, match="E850"):
        read(program)


@pytest.mark.parametrize(
    ("name", "found"), [("body", []), ("part", []), ("fc", ["E856"]), ("body.fc", ["E856"])]
)
def test_moves_are_within_steps_that_hold_steps_and_blocks(name: str, found: list[str]) -> None:
    assert codes(f"  moves: {{within: {name}}}\n" + END) == found


def test_numbers_that_no_training_gives_are_warned_of() -> None:
    """A function may give them, so it is no error; without a `train:` section nothing is known."""
    train = (
        "train: {data: digits, loss: {mse: [output, x]}, optimizer: adam, metrics: {m: output}}\n"
    )
    asked = "  vary: {width: [8]}\n  budget: {trials: 9}\n  limits: {param: 9, latency_ms: 3}\n"
    text = f"{asked}  objectives: {{maximize: [m, accuracy], minimize: [loss, macs]}}\n"
    found = check(compile_text(HEAD + text + train))
    assert [(one.code, one.severity, one.message) for one in found] == [
        ("W904", "warning", "no evaluation gives 'param'"),
        ("W904", "warning", "no evaluation gives 'accuracy'"),
    ]
    assert [one.help for one in found if one.help.startswith("did")] == ["did you mean 'params'?"]
    assert check(compile_text(HEAD + text)) == []
    assert read(compile_text(HEAD + text + train)).limits[0].name == "param"


def test_all_findings_come_at_once_from_top_to_bottom() -> None:
    program = compile_text(
        HEAD
        + """\
  vary: {widht: [8], depths.2: [1], act: [relu, rellu], width: {int: [9, 1]}}
  moves: {within: boby}
  objectives: {maximize: a, minimize: a}
  limits: {macs: lots}
  strategy: evolve
  budget: {trial: 9}
"""
    )
    found = check(program)
    assert [one.code for one in found] == [
        "E219", "E851", "E204", "E852", "E856", "E211", "E202", "E204", "E201",
    ]  # fmt: skip
    assert [one.place.line for one in found if one.place] == [9, 9, 9, 9, 10, 11, 12, 13, 14]
    assert found[0].help == "did you mean 'width'?" and found[4].help == "did you mean 'body'?"


@pytest.mark.parametrize("said", ["objectives: {minimize: cost}", "limits: {cost: 10}"])
def test_what_an_evaluation_costs_is_no_number_to_search_by(said: str) -> None:
    section = "  vary: {width: [8, 16]}\n  budget: {trials: 9}\n"
    if said.startswith("limits"):
        section += "  objectives: {maximize: a}\n"
    found = check(compile_text(f"{HEAD}{section}  {said}\n"))
    assert [(one.code, one.message) for one in found] == [
        ("E211", "'cost' is what an evaluation costs, in seconds")
    ]


def test_the_zoo_s_section_is_right() -> None:
    program = compile("nasbench201")
    assert check(program) == []
    assert len(read(program).holes) == 6


def test_the_verb_judges_the_section(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(HEAD + "  vary: {widht: [8]}\n" + END, encoding="utf-8")
    assert main(["check", path.as_posix(), "--json"]) == 1
    assert [one["code"] for one in json.loads(capsys.readouterr().out)] == ["E219"]


def test_a_candidate_has_the_section_too() -> None:
    search, origin = opened(SPEC)
    found = read(reread(origin.with_values({"width": 24})))
    assert [hole.path for hole in found.holes] == [hole.path for hole in search.holes]
    assert replace(found, holes=()) == replace(search, holes=())
