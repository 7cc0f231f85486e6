"""A search that cannot come to anything says so of the user's file, before there is a study."""

from __future__ import annotations

from pathlib import Path

import pytest
from search.standin import SPEC

from archc.cli.main import main

TRAIN = """\
train:
  data: digits
  loss: {mse: [output, x]}
  optimizer: adam
  metrics: {gap: {mae: [output, x]}}
"""
VARY = SPEC[SPEC.index("  vary:") : SPEC.index("  objectives:")]
SCORED = ["--evaluate", "search.standin:score"]
CASES = {
    "a misspelt metric": (
        SPEC.replace("maximize: score", "minimize: gpa") + TRAIN, [], "E862", "did you mean 'gap'",
    ),
    "a misspelt limit": (
        SPEC.replace("score", "loss") + "  limits: {latency: 3}\n" + TRAIN, [], "E862", "latency",
    ),
    "no training": (SPEC, [], "E801", "--evaluate"),
    "no training for a score": (SPEC.replace("score", "synflow"), [], "E801", "synflow}"),
    "an empty list": (SPEC.replace(VARY, "  vary: {}\n"), SCORED, "E850", "vary: {}"),
    "one choice, as it is": (SPEC.replace(VARY, "  vary: {width: [8]}\n"), SCORED, "E850", "vary:"),
    "no such move": (
        SPEC.replace(VARY, "  moves: {kinds: [heads]}\n"), SCORED, "E856", "of the kinds heads",
    ),
    "no such move beside what varies": (
        SPEC.replace("  objectives:", "  moves: {kinds: [heads]}\n  objectives:"), SCORED,
        "E856", "of the kinds heads",
    ),
    "no move there": (
        SPEC.replace(VARY, "  moves: {within: head}\n"), SCORED, "E856", "'head' is a single step",
    ),
    "a budget that nothing spends": (
        SPEC.replace("maximize: score", "minimize: params").replace("{trials: 12}", "{seconds: 9}"),
        [], "E862", "takes no time",
    ),
    "phases": (
        SPEC.replace("score", "gap") + TRAIN + "  phases: [{epochs: 1}, {epochs: 2}]\n", [],
        "E862", "in one phase",
    ),
    "a misspelt count": (
        SPEC.replace("maximize: score", "minimize: parms"), [], "E801", "did you mean 'params'",
    ),
    "choices that are all wrong": (
        SPEC.replace(VARY, "  vary: {width: [-4, 0]}\n"), SCORED, "E207", "of 50 that were drawn",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_is_said_of_the_spec(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text, arguments, code, said = CASES[name]
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(text, encoding="utf-8")
    assert main(["search", "mine.yaml", *arguments]) == 1
    err = capsys.readouterr().err
    assert f"error[{code}]" in err and said in err and "--> mine.yaml:" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


SPARSE = """\
archc: 1
name: sparse
params: {c: 8, g: 1}
inputs: {image: [N, 3, 4, 4]}
graph: [{conv2d: {out: =c, kernel: 1}}, {conv2d: {out: 96, kernel: 1, groups: =g}}]
search:
  vary: {c: {int: [8, 96]}, g: {int: [1, 96]}}
  objectives: {minimize: params}
  strategy: random
  budget: {trials: 50}
"""


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_search_goes_on_where_little_that_is_drawn_is_right(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "sparse.yaml"
    path.write_text(SPARSE, encoding="utf-8")
    given = ["search", str(path), "-o", str(tmp_path / "s"), "-q", "--workers", "0"]
    assert main([*given, "--seed", str(seed)]) == 0


def test_chosen_parameters_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One choice is a change where the spec begins elsewhere."""
    path = tmp_path / "mine.yaml"
    path.write_text(SPEC.replace(VARY, "  vary: {width: [8]}\n"), encoding="utf-8")
    given = ["search", str(path), "-o", str(tmp_path / "s"), "-q", *SCORED, "--workers", "0"]
    assert main([*given, "--set", "width=9"]) == 0
    assert "nothing new came of" in capsys.readouterr().err
