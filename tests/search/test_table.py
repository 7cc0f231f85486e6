"""A table of results in place of evaluations."""

from __future__ import annotations

from pathlib import Path

import pytest
from search.spaces import SMALL, opened

from archc.errors import EvaluationError, InputError
from archc.search.evaluating import Setup
from archc.search.table import Table
from archc.search.trial import Task

ROWS = """\
first,second,score,cost
relu,tanh,0.5,10
relu,relu,0.25,12.5
"""
NESTED = """\
archc: 1
params: {edges: {a: relu}, width: 8, drop: 0.5}
inputs: {x: [N, 4]}
graph: [{linear: =width}, =edges.a, {dropout: =drop}]
search:
  vary: {edges.*: [relu, {leaky_relu: 0.2}], width: [8, 16], drop: {float: [0, 1]}}
  objectives: {maximize: score}
  budget: {trials: 5}
"""


def table(folder: Path, rows: str, text: str = SMALL, name: str = "t.csv") -> Table:
    (folder / "t.csv").write_text(rows, encoding="utf-8")
    search, _ = opened(text)
    return Table(Setup(search, Path("net.yaml"), folder, "table", (folder / name).as_posix()))


def looked_up(made: Table, values: dict[str, object], text: str = SMALL) -> dict[str, float]:
    _, origin = opened(text)
    return dict(made(origin.with_values(values), Task(0, Path())))


def test_a_candidate_has_the_numbers_of_its_row(tmp_path: Path) -> None:
    made = table(tmp_path, ROWS)
    assert looked_up(made, {}) == {"score": 0.5, "cost": 10.0}
    assert looked_up(made, {"second": "relu"}) == {"score": 0.25, "cost": 12.5}


def test_columns_are_called_as_holes_or_as_their_last_parts(tmp_path: Path) -> None:
    rows = "edges.a,width,drop,score\nrelu,8,0.50,1\n{leaky_relu: 0.2},16.0,0.5,2\n"
    rows = rows.replace("{leaky_relu: 0.2}", '"{leaky_relu: 0.2}"')
    for text in (rows, rows.replace("edges.a", "a")):
        made = table(tmp_path, text, NESTED)
        assert looked_up(made, {}, NESTED) == {"score": 1.0}
        other = {"edges": {"a": {"leaky_relu": 0.2}}, "width": 16}
        assert looked_up(made, other, NESTED) == {"score": 2.0}


def test_a_file_beside_it_says_how_the_table_calls_things(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(
        "file: t.csv\ncolumns: {one: first, two: second, acc: score, s: cost}\n"
        "values: {nonlinear: relu}\n"
    )
    made = table(tmp_path, "one,two,acc,s\nnonlinear,tanh,0.5,3\n", name="t.yaml")
    assert looked_up(made, {}) == {"score": 0.5, "cost": 3.0}


def test_a_candidate_without_a_row_has_failed(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"t\.csv has no row for first: tanh, second: tanh"):
        looked_up(table(tmp_path, ROWS), {"first": "tanh"})


def test_a_number_is_told_as_it_is_written(tmp_path: Path) -> None:
    made = table(tmp_path, "edges.a,width,drop,score\nrelu,8,0.5,1\n", NESTED)
    with pytest.raises(EvaluationError, match=r"width: 16(,|$)"):
        looked_up(made, {"width": 16}, NESTED)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "no rows"),
        ("first,second,score\n", "no rows"),
        ("first,score\nrelu,1\n", "no column 'second'"),
        ("first,second,second,score\na,b,c,1\n", "no column 'second'"),
        ("first,second,scoer\nrelu,tanh,1\n", "no column 'score', which the search asks for"),
        ("first,second,score\nrelu,tanh\n", "row 2 has 2 values"),
        ("first,second,score\nrelu,tanh,high\n", "row 2 has no number for score: 'high'"),
        ("first,second,score\nrelu,tanh,nan\n", "row 2 has no number for score"),
        ("first,second,score\nrelu,tanh,1\nrelu,tanh,2\n", "row 3 is about a candidate"),
    ],
)
def test_a_table_that_does_not_fit_says_why(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(InputError, match="E858") as caught:
        table(tmp_path, rows)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("fiel: t.csv\n", "did you mean 'file'"),
        ("columns: {a: b}\n", "which file"),
        ("file: t.csv\nvalues: [a]\n", "how that calls things"),
        ("file: other.csv\n", "cannot be read"),
    ],
)
def test_a_description_that_is_wrong_says_why(tmp_path: Path, about: str, said: str) -> None:
    (tmp_path / "t.yaml").write_text(about)
    with pytest.raises(InputError, match="E858") as caught:
        table(tmp_path, ROWS, name="t.yaml")
    assert said in str(caught.value)


def test_a_table_knows_nothing_of_changes_of_the_graph(tmp_path: Path) -> None:
    text = SMALL.replace("graph: [=first, =second]", "graph: [{name: all, do: [=first, =second]}]")
    text = text.replace("search:", "search:\n  moves: {within: [all]}")
    with pytest.raises(InputError, match=r"E858.*'moves' change the graph"):
        table(tmp_path, ROWS, text)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        table(tmp_path, ROWS, name="no.csv")
