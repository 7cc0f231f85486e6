"""`archc search` and `archc study` as they are typed."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from search import standin

from archc.cli.main import main
from archc.pipeline import compile

VARY = "  vary: {width: {int: [1, 40]}, depth: {int: [1, 6]}, act: [relu, tanh, gelu]}\n"
SCORE = ("--evaluate", "search.standin:score", "--workers", "0")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that the command line made."""
    folder = tmp_path_factory.mktemp("cli")
    spec = standin.written(folder, standin.TWO)
    assert main(["search", str(spec), "-o", str(folder / "s"), "-q", "--trials", "26", *SCORE]) == 0
    return folder / "s"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a verb says as JSON."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main(list(arguments))
    return code, capsys.readouterr().err


def test_a_search_leaves_a_study(study: Path) -> None:
    names = {path.name for path in study.iterdir()}
    assert names == {"spec.yaml", "study.json", "study.db", "report.html", "log.txt"}


def test_it_tells_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = standin.written(tmp_path)
    given = ("--trials", "5", "--strategy", "random", "--seed", "4", *SCORE)
    found = said(capsys, "search", str(spec), "-o", str(tmp_path / "s"), *given)
    assert found["study"] == (tmp_path / "s").as_posix()
    assert found["end"] == "budget" and found["evaluated"] == 5
    best = said(capsys, "study", "best", str(tmp_path / "s"))
    assert found["best"] == {"trial": best["trial"], "values": best["values"]}


def test_without_a_terminal_it_prints_a_line_a_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = standin.written(tmp_path)
    assert main(["search", str(spec), "-o", str(tmp_path / "s"), *SCORE]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in err.splitlines() if line.startswith("trial")] == [
        ["trial", str(k)] for k in range(12)
    ]
    assert "search   net for the greatest score" in err
    assert out.startswith("best  trial ") and "\x1b" not in out + err


def test_a_live_table_shows_the_front(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from archc.cli import searching

    monkeypatch.setattr(searching, "is_terminal", lambda stream: True)
    monkeypatch.setattr(searching, "EVERY", 0.0)
    monkeypatch.setenv("COLUMNS", "120")
    spec = standin.written(tmp_path, standin.TWO)
    assert main(["search", str(spec), "-o", str(tmp_path / "s"), *SCORE]) == 0
    shown = capsys.readouterr().err
    assert "12 of 12 evaluated" in shown and "duplicates avoided" in shown
    assert "0 failed" in shown and "a minute" in shown


def test_the_live_table_counts_each_trial_once(tmp_path: Path) -> None:
    """Though one is told before others that were begun earlier."""
    from archc.cli.searching import Display, summary

    found = standin.searched(tmp_path, trials=4)
    empty = Display(Namespace(quiet=False, json=False), standin.begun(tmp_path / "other"))
    with redirect_stderr(StringIO()):
        empty(found.records[3])
        found.close()
        empty.study.close()
        assert list(empty.records) == [3]
        empty(found.records[0])
    assert summary(list(empty.records.values()))["evaluated"] == 2


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_what_gives_way_in_the_live_table_are_the_words(columns: int, tmp_path: Path) -> None:
    from rich.console import Console

    from archc.cli.searching import Display

    found = standin.searched(tmp_path, standin.TWO, trials=4)
    display = Display(Namespace(quiet=False, json=False), found)
    found.close()
    display.front = [replace(one, change="a long story, " * 30) for one in display.front]
    console = Console(width=columns, record=True, file=StringIO())
    console.print(display.picture())
    text = console.export_text()
    assert all(len(line) <= columns for line in text.splitlines())
    lines = text.splitlines()
    rows = lines[next(k for k, line in enumerate(lines) if line.startswith("trial")) + 1 :]
    for one, line in zip(display.front, rows, strict=True):
        assert line.split()[0] == str(one.number)
        assert line.split()[1] == f"{one.values['score']:.5g}"
        assert line.rstrip().endswith("…") and "a long" in line


def test_a_terminal_that_draws_nothing_over_gets_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from archc.cli import searching

    monkeypatch.setattr(searching, "is_terminal", lambda stream: True)
    monkeypatch.setenv("TERM", "dumb")
    spec = standin.written(tmp_path)
    assert main(["search", str(spec), "-o", str(tmp_path / "s"), *SCORE]) == 0
    err = capsys.readouterr().err
    assert "\ntrial   11  " in err and "\x1b" not in err


def test_a_spent_budget_is_said_and_not_lowered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, folder = standin.written(tmp_path), str(tmp_path / "s")
    assert main(["search", str(spec), "-o", folder, "-q", "--trials", "4", *SCORE]) == 0
    assert main(["search", "--resume", folder]) == 0
    assert "the budget is spent: --trials and" in capsys.readouterr().err
    code, err = failed(capsys, "search", "--resume", folder, "--trials", "3")
    assert code == 2 and "error[E706]: 4 trials of" in err
    assert json.loads((tmp_path / "s" / "study.json").read_text())["search"]["trials"] == 4


def test_a_folder_with_a_space_is_said_as_a_command_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, folder = standin.written(tmp_path), tmp_path / "my study"
    assert main(["search", str(spec), "-o", str(folder), "--trials", "2", *SCORE]) == 0
    out, err = capsys.readouterr()
    assert f"archc study front '{folder.as_posix()}'" in err and "retrain" not in err
    assert out.splitlines()[-1] == folder.as_posix()


def test_what_an_evaluation_prints_is_not_what_the_command_gives(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = standin.written(tmp_path)
    for workers in ("0", "1"):
        given = ("-o", str(tmp_path / workers), "--trials", "2", "--workers", workers, "--json")
        assert main(["search", str(spec), "--evaluate", "search.standin:talking", *given]) == 0
        out, err = capfd.readouterr()
        assert json.loads(out)["evaluated"] == 2 and "well, well" in err


def test_what_was_drawn_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, folder = standin.written(tmp_path), str(tmp_path / "s")
    given = ("--strategy", "random", "--trials", "4", "-q")
    assert main(["search", str(spec), "-o", folder, *given, *SCORE]) == 0
    for one in said(capsys, "study", "show", folder)["records"][1:]:
        held = one["parameters"]
        words = f"width {held['width']}, depth {held['depth']}, act {held['act']}"
        assert one["change"] == f"drawn: {words}"


def test_what_is_met_again_is_counted_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not as one more failure, nor as one more that is beyond a limit."""
    text = standin.SPEC.replace(VARY, "  vary: {width: {int: [1, 6]}}\n")
    spec, folder = standin.written(tmp_path, text), str(tmp_path / "s")
    given = ("--evaluate", "search.standin:failing", "--workers", "0", "-o", folder)
    assert main(["search", str(spec), *given]) == 0
    assert "of a network that had been seen\n" in capsys.readouterr().err
    shown = said(capsys, "study", "show", folder)
    own = [one for one in shown["records"] if one["twin"] is None]
    assert shown["failed"] == sum(one["state"] == "failed" for one in own) > 0
    assert shown["trials"] - shown["duplicates"] <= len(own) == shown["evaluated"]


def test_an_export_writes_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lib.yaml").write_text("archc: 1\nname: lib\nblocks: {b: {graph: [relu]}}\n")
    text = standin.SPEC.replace("inputs:", "use: [lib.yaml]\ninputs:", 1)
    spec, folder = standin.written(tmp_path, text), str(tmp_path / "s")
    assert main(["search", str(spec), "-o", folder, "-q", "--trials", "2", *SCORE]) == 0
    given = ("study", "export", folder, "1", "-o", str(tmp_path))
    assert main(list(given)) == 0  # lib.yaml is what it would write
    (tmp_path / "lib.yaml").write_text("mine")
    code, err = failed(capsys, *given)
    assert code == 1 and "error[E860]" in err and "lib.yaml is there already" in err
    assert (tmp_path / "lib.yaml").read_text() == "mine"
    code, err = failed(capsys, "study", "export", folder, "1", "-o", str(spec))
    assert code == 1 and "error[E521]" in err


def test_other_variants_are_no_part_of_a_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is changed for one need not hold for their parameters."""
    text = standin.SPEC.replace("inputs:", "variants: {thin: {width: 3}}\ninputs:", 1)
    text = text.replace(VARY, "  moves: {}\n")
    spec, folder = standin.written(tmp_path, text), str(tmp_path / "s")
    assert main(["search", str(spec), "-o", folder, "-q", "--trials", "12", *SCORE]) == 0
    assert "variants:" not in (tmp_path / "s" / "spec.yaml").read_text()
    numbers = [str(k) for k in range(12)]
    paths = said(capsys, "study", "export", folder, *numbers)
    assert main(["check", *paths.values()]) == 0


def test_a_study_that_is_done_gets_more_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = standin.written(tmp_path)
    folder = str(tmp_path / "s")
    assert main(["search", str(spec), "-o", folder, "-q", "--trials", "4", *SCORE]) == 0
    before = said(capsys, "study", "show", folder)["records"]
    assert said(capsys, "search", "--resume", folder, "--trials", "7")["evaluated"] == 7
    after = said(capsys, "study", "show", folder)["records"]
    assert after[: len(before)] == before


def test_the_front_are_specs(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "study", "front", str(study))
    assert [one["trial"] for one in found] == said(capsys, "study", "show", str(study))["front"]
    assert found[0]["values"]["score"] >= found[-1]["values"]["score"]
    paths = said(capsys, "study", "export", str(study))
    assert sorted(paths) == sorted(str(one["trial"]) for one in found)
    for one in found:
        assert Path(paths[str(one["trial"])]).read_text() == one["spec"]
        assert compile(paths[str(one["trial"])]).digest == one["digest"]


def test_the_winner_is_a_spec_like_any_other(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "export", str(study), "--best", "-o", str(tmp_path)]) == 0
    path = capsys.readouterr().out.strip()
    assert main(["check", path]) == 0
    best = said(capsys, "study", "best", str(study))
    assert Path(path).read_text() == best["spec"]
    number = str(best["trial"])
    assert main(["study", "export", str(study), "-q", "-o", str(tmp_path / "again"), number]) == 0
    assert (tmp_path / "again" / f"{int(number):04}.yaml").read_text() == best["spec"]


def test_a_lineage_is_a_chain_of_differences(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = said(capsys, "study", "show", str(study))["records"]
    child = next(one for one in reversed(records) if one["parents"])
    steps = said(capsys, "study", "lineage", str(study), str(child["trial"]))
    assert steps[-1]["trial"] == child["trial"] and steps[0]["parents"] == []
    for before, step in pairwise(steps):
        assert step["parents"][0] == before["trial"]
        assert step["difference"]["a"]["params"] == before["values"]["params"]
        assert step["difference"]["b"]["params"] == step["values"]["params"]
        assert not step["difference"]["same"]
    assert main(["study", "lineage", str(study), str(child["trial"])]) == 0
    shown = capsys.readouterr().out
    for step in steps:
        assert f"trial {step['trial']}: {step['change']}" in shown
        changed = [line for line in step["diff"].splitlines()[2:] if line[0] in "+-"]
        assert changed and all(f"  {line}" in shown.splitlines() for line in changed)
    assert steps[0]["diff"].startswith("--- the spec\n")
    assert "parameters  " not in shown
    assert main(["study", "lineage", str(study), str(child["trial"]), "--all"]) == 0
    assert "parameters  " in capsys.readouterr().out


def test_what_was_drawn_is_told_from_the_spec_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The diff of the first step makes the trial's spec of the one that the search began with."""
    text = standin.SPEC.replace(VARY, "  moves: {}\n")
    spec, folder = standin.written(tmp_path, text), str(tmp_path / "s")
    assert main(["search", str(spec), "-o", folder, "-q", "--trials", "6", *SCORE]) == 0
    shown = said(capsys, "study", "show", folder)["records"]
    moved = next(one for one in shown if one["change"].startswith("drawn: "))
    [step] = said(capsys, "study", "lineage", folder, str(moved["trial"]))
    assert step["diff"] and step["difference"]["a"]["params"] == compile(spec).params


@pytest.mark.parametrize("action", ["show", "best", "front", "lineage", "page", "export"])
def test_every_action_is_for_people_too(
    action: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", action, str(study)]) == 0
    assert capsys.readouterr().out.strip()


def test_all_trials_are_listed_where_asked(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "show", str(study), "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 12


@pytest.mark.parametrize("strategy", ["random", "local", "evolution", "reinforce", "surrogate"])
def test_the_spec_as_it_is_comes_first(
    strategy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, folder = standin.written(tmp_path), str(tmp_path / "s")
    given = ("--strategy", strategy, "--trials", "3", "-q")
    assert main(["search", str(spec), "-o", folder, *given, *SCORE]) == 0
    first = said(capsys, "study", "show", folder)["records"][0]
    assert first["digest"] == compile(spec).digest and first["change"] == "the spec as it is"
    [step] = said(capsys, "study", "lineage", folder, "0")
    assert step["difference"]["same"] and not step["diff"]
    assert main(["study", "lineage", folder, "0"]) == 0
    assert "trial 0: the spec as it is" in capsys.readouterr().out


def test_a_table_scores_in_place_of_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = standin.SPEC.replace(
        "{width: {int: [1, 40]}, depth: {int: [1, 6]}, act: [relu, tanh, gelu]}",
        "{width: [1, 2, 3], act: [relu, tanh]}",
    )
    rows = [f"{w},{act},{w + len(act)},2.5" for w in (1, 2, 3) for act in ("relu", "tanh")]
    (tmp_path / "t.csv").write_text("\n".join(["width,act,score,cost", *rows]) + "\n")
    spec = standin.written(tmp_path, text)
    given = ("--table", str(tmp_path / "t.csv"), "--strategy", "random")
    found = said(capsys, "search", str(spec), "-o", str(tmp_path / "s"), *given)
    assert found["end"] == "exhausted"
    assert found["evaluated"] == 6 and found["seconds"] == 15.0
    assert found["duplicates"] >= 100
    assert found["best"]["values"]["score"] == 7.0


def test_why_nothing_new_was_found_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = standin.SPEC.replace(VARY, "  vary: {width: [-4, 8], act: [relu, tanh]}\n")
    spec = standin.written(tmp_path, text)
    assert main(["search", str(spec), "-o", str(tmp_path / "s"), "-q", *SCORE]) == 0
    why = "linear: out: expected a whole number of at least 1, found -4"
    assert capsys.readouterr().err.splitlines() == [
        "nothing new came of 100 proposals in a row",
        "  100 of a network that had been seen",
        f"2 candidates were left out as no valid spec, most often: {why}",
    ]
    shown = said(capsys, "study", "show", str(tmp_path / "s"))
    assert (shown["evaluated"], shown["trials"]) == (2, 102) and shown["duplicates"] < 110


LOST = [
    ("failing", "{int: [1, 40]}", "[4, 8]", "12 failed, most often: MemoryError: out of memory"),
    (
        "score",
        "{trials: 12}",
        "{trials: 12}\n  limits: {score: 1}",
        "12 beyond a limit, most often",
    ),
]


@pytest.mark.parametrize(("function", "old", "new", "said_"), LOST)
def test_a_search_without_a_result_fails_and_says_why(
    function: str, old: str, new: str, said_: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    text = standin.SPEC.replace(old, new)
    spec, folder = standin.written(tmp_path, text), str(tmp_path / "s")
    given = ["--evaluate", f"search.standin:{function}", "--workers", "0"]
    code, err = failed(capsys, "search", str(spec), "-o", folder, *given)
    assert code == 1 and "error[E867]" in err and said_ in err and "study best" not in err
    for action in ("best", "front", "export", "lineage", "retrain"):
        code, err = failed(capsys, "study", action, folder)
        assert code == 1 and "error[E864]" in err and said_ in err
    assert main(["study", "show", folder, "--all"]) == 0
    assert ": out of memory" in (out := capsys.readouterr().out) or ", more than 1" in out
    assert main(["search", "--resume", folder, "--json"]) == 1
    [found] = json.loads(capsys.readouterr().out)
    assert found["code"] == "E867" and said_ in found["message"]


def test_how_a_trial_ended_is_said_in_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = standin.written(tmp_path, standin.RUNGS)
    given = ("-o", str(tmp_path / "s"), "--evaluate", "search.standin:climbing", "--workers", "0")
    assert main(["search", str(spec), *given]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trial")]
    shown = said(capsys, "study", "show", str(tmp_path / "s"))["records"]
    stopped = {one["trial"]: one["rung"] + 1 for one in shown if one["stopped"]}
    assert stopped
    for line in lines:
        rung = stopped.get(int(line.split()[1]))
        assert line.endswith(f"stopped after rung {rung}") == (rung is not None)


@pytest.mark.parametrize(
    ("arguments", "code", "said_"),
    [
        ([], "E706", "give a spec"),
        (["net.yaml", "--resume", "x"], "E706", "give a spec"),
        (["--resume", "x", "--seed", "3"], "E706", "--seed is for a new one"),
        (["--resume", "x", "--seed", "0"], "E706", "--seed is for a new one"),
        (["--resume", "x", "--device", "cpu"], "E706", "--device is for a new one"),
        (["--resume", "x", "--set", "width=3"], "E706", "--set is for a new one"),
        (["--resume", "nowhere"], "E860", "no study"),
        (["net.yaml", "--trials", "0"], "E706", "--trials"),
        (["net.yaml", "--seconds", "nan"], "E706", "--seconds"),
        (["net.yaml", "--workers", "-1"], "E706", "--workers"),
        (["net.yaml", "--ray", "auto", "--workers", "0"], "E706", "at least 1 with --ray"),
        (["net.yaml", "--table", "x", "--evaluate", "y"], "E706", "two ways"),
        (["net.yaml", "--evaluate", "nobody"], "E862", "no evaluator 'nobody'"),
    ],
)
def test_wrong_usage_is_said(
    arguments: Sequence[str], code: str, said_: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    standin.written(tmp_path)
    monkeypatch.chdir(tmp_path)
    found, err = failed(capsys, "search", *arguments)
    assert found in (1, 2) and f"error[{code}]" in err and said_ in err


def test_what_came_to_nothing_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, folder = standin.written(tmp_path), str(tmp_path / "s")
    given = ("search", str(spec), "-o", folder, "--workers", "0")
    assert "error[E862]" in failed(capsys, *given, "--evaluate", "search.standin:scoer")[1]
    untidy = "search.standin:untidy"  # it leaves a file in the trial's folder
    assert "error[E862]" in failed(capsys, *given, "--evaluate", untidy)[1]
    assert not Path(folder).exists()
    standin.written(tmp_path, standin.SPEC + "# mended\n")
    assert main([*given, "-q", "--evaluate", "search.standin:score"]) == 0
    assert failed(capsys, *given, "--evaluate", "search.standin:score")[1].startswith("error[E860]")


def test_a_trial_that_is_not_there_is_said(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "error[E864]" in failed(capsys, "study", "export", str(study), "999")[1]


def test_a_spec_without_a_section_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = standin.SPEC[: standin.SPEC.index("search:")]
    found, err = failed(capsys, "search", str(standin.written(tmp_path, text)))
    assert found == 1 and "error[E850]" in err
