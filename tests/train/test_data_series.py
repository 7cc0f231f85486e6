"""Windows of time series, and sequences with a class each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from archc.errors import InputError
from archc_train.data import DataSet, load
from archc_train.data.sequences import read_ts

pandas = pytest.importorskip("pandas")


@pytest.fixture
def series(tmp_path: Path) -> str:
    steps = np.arange(200)
    frame = pandas.DataFrame({"when": [f"day {k}" for k in steps], "a": steps, "b": steps % 7})
    frame["odd"] = (steps % 50 == 49).astype(int)
    frame.to_csv(tmp_path / "s.csv", index=False)
    return str(tmp_path / "s.csv")


def raw(data: DataSet, part, name: str) -> torch.Tensor:
    """A field in the units of the file."""
    rows = part.batch(torch.arange(len(part)))[name]
    known = data.facts["scale"][name]
    return rows * torch.tensor(known["deviation"]) + torch.tensor(known["mean"])


def test_a_history_and_its_future(series: str) -> None:
    options = {"history": 10, "horizon": 3, "columns": ["a", "b"], "target": "a"}
    found = load({"windows": options}, {"val": 20, "test": 30}, 0, series)
    assert {n: str(t) for n, t in found.types.items()} == {
        "history": "float32[N, 10, 2]", "future": "float32[N, 3, 1]",
    }  # fmt: skip
    spans = {"train": (0, 150), "val": (150, 170), "test": (170, 200)}
    for name, part in found.parts.items():
        history, future = (raw(found, part, field) for field in ("history", "future"))
        assert torch.allclose(future[:, 0, 0] - history[:, -1, 0], torch.ones(len(part)), atol=1e-3)
        first, last = future.min(), future.max()  # `a` is the row's number
        low, high = spans[name]
        assert (round(float(first)), round(float(last))) == (
            low + (10 if name == "train" else 0),
            high - 1,
        )


def test_the_scale_is_the_training_parts(series: str) -> None:
    found = load({"windows": {"series": 10, "columns": "a"}}, {"val": 20, "test": 30}, 0, series)
    assert found.facts["scale"]["series"]["mean"] == [pytest.approx(74.5)]
    plain = load({"windows": {"series": 10, "columns": "a", "scale": False}}, {}, 0, series)
    assert plain.train.batch(torch.tensor([5]))["series"][0, :, 0].tolist() == list(range(5, 15))
    again = load({"windows": {"series": 10, "columns": "b"}}, {}, 0, series, known=found.facts)
    assert again.facts["scale"] == found.facts["scale"]


def test_horizons_may_be_chosen(series: str) -> None:
    found = load({"windows": {"history": 5, "horizon": [1, 12], "columns": "a"}}, {}, 0, series)
    history, future = (raw(found, found.train, name) for name in ("history", "future"))
    ahead = future[:, :, 0] - history[:, -1:, 0]
    assert torch.allclose(ahead, torch.tensor([1.0, 12.0]).expand_as(ahead), atol=1e-3)


def test_windows_of_unusual_rows_are_marked(series: str) -> None:
    options = {"series": 10, "label": "odd"}
    found = load({"windows": options}, {"val": 20, "test": 30}, 0, series)
    assert str(found.types["series"]) == "float32[N, 10, 2]"  # neither the mark nor a text
    rows = found.train.batch(torch.arange(len(found.train)))["label"]
    assert rows.nonzero()[:, 0].tolist() == [*range(40, 50), *range(90, 100), *range(140, 141)]


@pytest.mark.parametrize("name", ["sunspots", "co2", "macrodata"])
def test_series_that_come_with_statsmodels(name: str) -> None:
    pytest.importorskip("statsmodels")
    found = load({name: {"history": 12, "horizon": 3}}, {}, 0)
    channels = {"macrodata": 12}.get(name, 1)
    assert str(found.types["history"]) == f"float32[N, 12, {channels}]"
    for part in found.parts.values():
        assert bool(torch.isfinite(part.batch(torch.arange(len(part)))["history"]).all())


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({}, "E806", "history: 48"),
        ({"series": 100}, "E806", "too few for a window of 100"),
        ({"history": 5, "horizon": 500}, "E806", "too few for a window of 505"),
        ({"history": 5, "columns": ["a", "when"]}, "E807", "holds no numbers"),
        ({"history": 5, "columns": ["a", "c"]}, "E807", "no column 'c'"),
        ({"history": 5, "columns": "a", "target": "b"}, "E807", "the columns are a"),
        ({"history": 5, "horizon": 0}, "E806", "how many rows ahead"),
    ],
)
def test_windows_that_cannot_be(series: str, options: dict, code: str, said: str) -> None:
    with pytest.raises(InputError, match=code) as caught:
        load({"windows": options}, {}, 0, series)
    assert said in str(caught.value)


def test_missing_values_are_an_error_or_lie_between_their_neighbours(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(
        "a\n" + "".join("\n" if k == 7 else f"{k}\n" for k in range(100))
    )
    frame = pandas.DataFrame({"a": [float(k) if k != 7 else None for k in range(100)]})
    frame.to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(InputError, match=r"row 8 of s\.csv"):
        load({"windows": {"series": 5}}, {}, 0, str(tmp_path / "s.csv"))
    options = {"series": 5, "missing": "interpolate", "scale": False}
    found = load({"windows": options}, {}, 0, str(tmp_path / "s.csv"))
    assert found.train.batch(torch.tensor([5]))["series"][0, :, 0].tolist() == [5, 6, 7, 8, 9]


TS = (
    """# a comment
@problemName Small
@classLabel true up down
@data
1,2,3:4,5,6:up
9,8:7,6:down
"""
    + "1,2:3,4:up\n5,6:7,8:down\n" * 20
)


def test_sequences_of_different_lengths(tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"Small_{part}.ts").write_text(TS)
        (tmp_path / f"Small_eq_{part}.ts").write_text("nonsense")
    found = load(None, {"val": 4}, 0, str(tmp_path))
    assert {n: str(t) for n, t in found.types.items()} == {
        "series": "float32[N, T, 2]", "mask": "bool[N, T]",
        "length": "int64[N]", "label": "int64[N]",
    }  # fmt: skip
    assert found.facts["labels"] == ["up", "down"] and found.test is not None
    rows = found.test.batch(torch.tensor([0, 1]))
    assert rows["series"][0].T.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert rows["series"][1].T.tolist() == [[9, 8, 0], [7, 6, 0]]
    assert rows["mask"][1].tolist() == [True, True, False] and rows["length"].tolist() == [3, 2]
    assert rows["label"].tolist() == [0, 1]


def test_japanese_vowels_are_found_where_a_package_brings_them(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "somepackage" / "datasets" / "data" / "JapaneseVowels"
    folder.mkdir(parents=True)
    (tmp_path / "somepackage" / "__init__.py").write_text("raise RuntimeError('not imported')")
    for part in ("TRAIN", "TEST"):
        (folder / f"JapaneseVowels_{part}.ts").write_text(TS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("archc_train.data.sequences.PACKAGES", ("nosuchpackage", "somepackage"))
    assert (
        "series"
        in load({"japanese_vowels": {"padding": "before", "scale": True}}, {"val": 4}, 0).types
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,x:2,3:up", "line 5"),
        ("1,2:3:up", "line 5"),
        ("1,?:2,3:up", "line 5"),
        ("1,2:up", "channels"),
        ("up", "no class"),
    ],
)
def test_lines_that_are_no_sequence_are_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.ts").write_text(TS.replace("1,2,3:4,5,6:up", line))
    with pytest.raises(InputError, match="E806") as caught:
        read_ts(tmp_path / "a.ts")
    assert said in str(caught.value)


def test_parts_follow_each_other_in_time_however_they_are_saved(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    rows = {"test": range(80, 100), "train": range(80)}
    parts = {name: datasets.Dataset.from_dict({"a": [*map(float, v)]}) for name, v in rows.items()}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "set")
    options = {"history": 4, "horizon": 1, "scale": False}
    found = load({"windows": options}, {"val": 8}, 0, str(tmp_path / "set"))
    told = {
        name: part.batch(torch.arange(len(part)))["future"].flatten().tolist()
        for name, part in found.parts.items()
    }
    assert told == {
        "train": [*map(float, range(4, 72))],
        "val": [*map(float, range(76, 80))],
        "test": [*map(float, range(84, 100))],
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"missing": "drop"}, "without some of its rows is another series"),
        ({"label": "when"}, "'when' holds no numbers"),
    ],
)
def test_what_a_series_does_not_take(options: dict[str, str], said: str, series: str) -> None:
    with pytest.raises(InputError, match=said):
        load({"windows": {"series": 10, **options}}, {}, 0, series)


def test_a_column_that_never_changes_is_left_as_far_apart_as_it_is(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"a": np.arange(1000.0), "tariff": 12.34})
    frame.loc[900:, "tariff"] = 12.5
    frame.to_csv(tmp_path / "s.csv", index=False)
    found = load({"windows": {"series": 5}}, {"val": 50, "test": 100}, 0, str(tmp_path / "s.csv"))
    last = found.parts["test"].batch(torch.tensor([90]))["series"][0, -1, 1]
    assert float(last) == pytest.approx(0.16, abs=1e-5)
