"""Searches that are written awkwardly run, or say what is wrong; nothing of the user's is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from search import standin
from search.spaces import SPEC, opened, told

from archc.cli.main import main
from archc.errors import UsageError
from archc.search.candidate import Candidate
from archc.search.evaluating import function
from archc.search.holes import Choices, Real, Whole
from archc.search.section import Limit
from archc.search.space import Space
from archc.search.statics import beyond, statics
from archc.search.strategies import strategy

SCORE = ("--evaluate", "search.standin:score", "--workers", "0", "-q")


def params(candidate: Candidate) -> dict[str, float]:
    return {"score": float(candidate.program.params)}


@pytest.mark.parametrize("name", ["evolution", "pareto"])
@pytest.mark.parametrize("population", [2, 8, 30])
def test_a_population_may_be_smaller_than_the_usual_tournament(name: str, population: int) -> None:
    search, origin = opened(SPEC, strategy=name, options={"population": population})
    trials = told(strategy(search, origin), params, 40)
    assert len({trial.candidate.digest for trial in trials}) > 20


@pytest.mark.parametrize("name", ["evolution", "local", "reinforce", "surrogate"])
def test_a_spec_may_begin_outside_its_own_space(name: str) -> None:
    text = SPEC.replace("drop: 0.1", "drop: 0.0").replace("width: 16", "width: 8")
    search, origin = opened(text, strategy=name, options={})
    for trial in told(strategy(search, origin), params, 40):
        drop, width = (trial.candidate.parameters[key] for key in ("drop", "width"))
        assert (drop >= 0.01) if width > 16 else (drop == 0.0)


HALVES = """\
archc: 1
name: halves
params: {width: 16, groups: 1}
inputs: {image: [N, 4, 8, 8]}
graph:
  - {conv2d: {out: 12, kernel: 3, padding: 1}, name: stem}
  - name: body
    do: [{conv2d: {out: =width, kernel: 3, padding: 1, groups: =groups}}, relu]
  - global_avg_pool
  - {linear: 10, name: head}
search:
  vary: {width: [12, 16, 20], groups: [1, 2, 3, 4, 5, 6]}
  moves: {within: [body]}
  objectives: {maximize: score}
  budget: {trials: 40}
"""


@pytest.mark.parametrize(
    "name", ["random", "local", "evolution", "pareto", "reinforce", "surrogate"]
)
def test_values_that_do_not_go_together_are_no_candidates(name: str) -> None:
    """Moves are found in the typed graph, which some of the values do not have."""
    search, origin = opened(HALVES, strategy=name, options={})
    for trial in told(strategy(search, origin), params, 40):
        assert trial.candidate.program.params > 0


def test_where_a_condition_has_no_value_the_hole_is_at_rest() -> None:
    text = SPEC.replace("[16, 24, 32]", "[0, 24]").replace("=width > 16", "=10 // width < 1")
    search, origin = opened(text)
    space = Space(search, origin)
    none = space.with_values(origin, {("width",): 0, ("drop",): 0.4})
    some = space.with_values(origin, {("width",): 24, ("drop",): 0.4})
    assert (none.parameters["drop"], some.parameters["drop"]) == (0.1, 0.4)


def test_the_nearest_value_of_a_domain_stands_for_one_outside() -> None:
    assert Whole(32, 64).near(16) == [32, 33]
    assert [Whole(2, 4).within(value) for value in (1, 3, 9, "a")] == [2, 3, 4, 2]
    assert [Real(0.5, 1.0).within(value) for value in (0.0, 0.7, 3)] == [0.5, 0.7, 1.0]
    assert Choices((4, 1, 9)).within(8) == 9
    assert Choices(("relu", "tanh")).within("gelu") == "relu"


def test_what_is_not_finite_is_beyond_any_limit() -> None:
    assert beyond({"a": float("nan")}, [Limit("a", most=1.0)]) == "a is nan, and has a limit"


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("limits: {parms: 10}", "E862", "did you mean 'params'?"),
        ("objectives: {maximize: score, minimize: cost}", "E211", "'cost' is what an evaluation"),
    ],
)
def test_numbers_that_nothing_can_give_are_told(
    change: str, code: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = standin.SPEC
    if change.startswith("objectives"):
        text = text.replace("objectives: {maximize: score}", change)
    else:
        text = text.replace("  seed: 3", f"  {change}\n  seed: 3")
    spec = standin.written(tmp_path, text)
    assert main(["search", str(spec), "-o", str(tmp_path / "s"), *SCORE]) != 0
    out = capsys.readouterr().err
    assert code in out
    assert says in out


@pytest.mark.parametrize("name", ["broken:score", ":score"])
def test_a_module_that_cannot_be_imported_is_not_our_fault(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("def score(\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="cannot be imported") as caught:
        function(name, opened(SPEC)[0])
    assert caught.value.diagnostics[0].code == "E862"


def test_a_study_beside_a_spec_of_its_own_name_leaves_it(tmp_path: Path) -> None:
    own = tmp_path / "spec.yaml"
    own.write_text(standin.SPEC, encoding="utf-8")
    given = ("--set", "width=3", "--trials", "2", *SCORE)
    assert main(["search", str(own), "-o", str(tmp_path), *given]) == 1
    assert own.read_text("utf-8") == standin.SPEC


@pytest.mark.parametrize(
    "given", [("--seed", "-1"), ("--gpus", "1"), ("--ray", "auto", "--gpus", "-1")]
)
def test_numbers_that_mean_nothing_are_refused_at_once(
    given: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = standin.written(tmp_path)
    assert main(["search", str(spec), "-o", str(tmp_path / "s"), *given, *SCORE]) == 2
    assert "E706" in capsys.readouterr().err and not (tmp_path / "s").exists()


def test_a_command_that_fails_takes_away_what_it_made_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, folder = standin.written(tmp_path), tmp_path / "s"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    given = ("--evaluate", "search.standin:nobody", "--workers", "0")
    assert main(["search", str(spec), "-o", str(folder), *given]) != 0
    assert "E862" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("given", [(), ("--set", "width=3")])
def test_what_is_wrong_is_told_of_the_file_that_stays(
    given: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = "train: {data: {arrays: no.npz}, loss: {cross_entropy: [prev, y]}, optimizer: adam}\n"
    text = standin.SPEC.replace("search:\n", f"{train}search:\n")
    text = text.replace("maximize: score", "minimize: loss").replace("[prev, y]", "[head, y]")
    spec, folder = standin.written(tmp_path, text), tmp_path / "s"
    assert main(["search", str(spec), "-o", str(folder), "--workers", "0", *given]) != 0
    said = capsys.readouterr().err
    assert "E806" in said and f"{spec}:{text[: text.index('train:')].count(chr(10)) + 1}:" in said
    assert not folder.exists()


WIDE = """\
archc: 1
name: net
inputs: {x: [N, 64]}
graph:
  - name: body
    do:
      - {linear: 256, name: a}
      - relu
      - {linear: 256, name: b}
      - relu
      - {linear: 256, name: c}
      - relu
  - {linear: 10, name: head}
search:
  moves: {kinds: [width, remove, insert]}
  objectives: {maximize: score}
  limits: {params: 20000}
  budget: {trials: 12}
"""


@pytest.mark.parametrize("name", ["random", "local", "evolution", "pareto", "reinforce"])
def test_a_spec_far_beyond_its_own_limit_is_no_dead_end(name: str) -> None:
    """A few moves take a small part of it away: what is nearest is gone on from."""
    one = strategy(*opened(WIDE, strategy=name))
    search, _ = opened(WIDE)
    kept = [
        trial.number
        for trial in told(one, lambda candidate: {"score": 1.0}, 12)
        if not beyond(statics(trial.candidate, search), search.limits)
    ]
    assert len(kept) >= 8


def test_a_password_on_the_command_line_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, url = standin.written(tmp_path), "postgresql+pg8000://me:geheim@localhost/db"
    monkeypatch.setattr("sys.argv", ["archc", "search", "net.yaml", "--storage", url])
    assert main(["search", str(spec), "-o", str(tmp_path / "s"), "--trials", "1", *SCORE]) == 0
    about = json.loads((tmp_path / "s" / "study.json").read_text("utf-8"))
    command = about["environment"]["command"]
    assert "geheim" not in command
    assert "me:***@localhost" in command
