"""Data that a run is only measured on: what there is of it, by what the run learnt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archc.errors import InputError
from archc_train.data import load
from archc_train.data.part import DataSet

Data = dict[str, dict[str, Any]]
TABLE: Data = {"table": {"fields": {"x": "a", "label": "kind"}}}
TEXT: Data = {"text": {"window": 4}}
TEXTS: Data = {"text": {"label": True}}
PAIRS: Data = {"pairs": {"tokenizer": "words"}}
WINDOWS: Data = {"windows": {"history": 3, "horizon": 2}}
SEQUENCES: Data = {"sequences": {"scale": True}}


def table(path: Path, count: int, kinds: str = "uvw") -> None:
    rows = "".join(f"{k},{kinds[k % len(kinds)]}\n" for k in range(count))
    path.write_text("a,kind\n" + rows)


def text(path: Path, count: int) -> None:
    path.write_text("abcd" * count)


def texts(path: Path, count: int) -> None:
    rows = "".join(f"word{k % 3},{['no', 'yes'][k % 2]}\n" for k in range(count))
    path.write_text("text,label\n" + rows)


def texts_in_folders(path: Path, count: int) -> None:
    for name in ("neg", "pos"):
        (path / name).mkdir(parents=True)
        for k in range(count // 2):
            (path / name / f"{k}.txt").write_text("some text")


def pairs(path: Path, count: int) -> None:
    path.write_text("source,target\n" + "".join(f"w{k % 3},v{k % 2}\n" for k in range(count)))


def windows(path: Path, count: int) -> None:
    path.write_text("v\n" + "".join(f"{k}\n" for k in range(count + 4)))


def sequences(path: Path, count: int) -> None:
    rows = "".join(f"{k},{k + 1}:{['up', 'down'][k % 2]}\n" for k in range(count))
    path.write_text(f"@classLabel true up down\n@data\n{rows}")


def images(path: Path, count: int) -> None:
    picks = np.random.default_rng(count)
    np.savez(path, image=picks.integers(0, 256, (count, 4, 4), np.uint8), label=np.arange(count))


def pictures(path: Path, count: int) -> None:
    image = pytest.importorskip("PIL.Image")
    for name in ("cat", "dog"):
        (path / name).mkdir(parents=True)
        for k in range(count // 2):
            image.new("RGB", (4, 4), (k, k + 1, k + 2)).save(path / name / f"{k}.png")


CASES: dict[str, tuple[Data, str, Callable[[Path, int], None]]] = {
    "table": (TABLE, ".csv", table),
    "text": (TEXT, ".txt", text),
    "texts": (TEXTS, ".csv", texts),
    "texts_in_folders": (TEXTS, "", texts_in_folders),
    "pairs": (PAIRS, ".csv", pairs),
    "windows": (WINDOWS, ".csv", windows),
    "sequences": (SEQUENCES, ".ts", sequences),
    "images": ({"npz": {"normalize": True}}, ".npz", images),
    "pictures": ({"images": {"normalize": True}}, "", pictures),
}


def measured(data: Data, path: Path, facts: Any, part: str | None = None) -> DataSet:
    return load(data, {}, 0, str(path), known=facts, measured=True, part=part)


@pytest.mark.parametrize("name", CASES)
def test_all_of_data_without_parts_is_measured_and_its_test_part_of_other(
    tmp_path: Path, name: str
) -> None:
    data, suffix, write = CASES[name]
    if name in ("texts", "texts_in_folders", "pairs"):
        pytest.importorskip("tokenizers")
    own, other, parts = tmp_path / f"own{suffix}", tmp_path / f"other{suffix}", tmp_path / "parts"
    write(own, 60)
    facts = load(data, {}, 0, str(own)).facts
    write(other, 4)
    found = measured(data, other, facts)
    assert {part: len(items) for part, items in found.parts.items()} == {
        "all": 3 if name == "text" else 4
    }
    learnt = ("scale", "labels", "vocabulary", "preprocess")
    assert {key: found.facts.get(key) for key in learnt} == {key: facts.get(key) for key in learnt}
    if name in ("text", "images"):  # one file that has no parts in any case
        return
    parts.mkdir()
    write(parts / {"sequences": "X_TEST.ts"}.get(name, f"test{suffix}"), 4)
    assert {part: len(items) for part, items in measured(data, parts, facts).parts.items()} == {
        "test": 4
    }
    if name != "pictures":  # whose training takes `test` for a class
        with pytest.raises(InputError, match="has no training part: there is test"):
            load(data, {}, 0, str(parts))


def test_a_part_that_is_asked_for_is_split_off_as_in_training(tmp_path: Path) -> None:
    table(tmp_path / "own.csv", 60)
    facts = load(TABLE, {}, 0, str(tmp_path / "own.csv")).facts
    found = measured(TABLE, tmp_path / "own.csv", facts, "val")
    assert {part: len(items) for part, items in found.parts.items()} == {
        "train": 49, "val": 5, "test": 6,
    }  # fmt: skip


def test_classes_keep_their_numbers_and_others_are_told(tmp_path: Path) -> None:
    table(tmp_path / "own.csv", 60)
    facts = load(TABLE, {}, 0, str(tmp_path / "own.csv")).facts
    table(tmp_path / "other.csv", 4, "wv")
    found = measured(TABLE, tmp_path / "other.csv", facts)
    assert found.parts["all"].batch(torch.arange(4))["label"].tolist() == [2, 1, 2, 1]
    table(tmp_path / "other.csv", 4, "wz")
    with pytest.raises(InputError) as caught:
        measured(TABLE, tmp_path / "other.csv", facts)
    [one] = caught.value.diagnostics
    assert one.message == f"{tmp_path}/other.csv: the network was trained on no class 'z'"
    assert one.help == "its classes are u, v, w"


def test_sets_of_packages_are_scaled_alike_wherever_other_rows_lie(tmp_path: Path) -> None:
    pytest.importorskip("statsmodels")
    facts = load("iris", {}, 0).facts
    (tmp_path / "i.csv").write_text("a,b,c,d,label\n5,3,1,0,setosa\n6,2,5,2,virginica\n")
    found = measured({"iris": {}}, tmp_path / "i.csv", facts).parts["all"].batch(torch.arange(2))
    mean, deviation = (np.array(facts["scale"]["x"][key]) for key in ("mean", "deviation"))
    expected = (np.array([5, 3, 1, 0]) - mean) / deviation
    assert np.allclose(found["x"][0], expected, atol=1e-6)
    assert found["label"].tolist() == [0, 2]
    data: Data = {"co2": {"history": 3, "horizon": 1}}
    facts = load(data, {}, 0).facts
    (tmp_path / "c.csv").write_text("co2\n" + "".join(f"{k}\n" for k in range(300, 310)))
    windows = measured(data, tmp_path / "c.csv", facts)
    assert windows.facts["scale"] == facts["scale"] and len(windows.parts["all"]) == 7


def test_classes_of_a_field_that_is_not_the_label_are_known_by_its_own_name(
    tmp_path: Path,
) -> None:
    data = {"table": {"fields": {"label": "a", "kind": "kind"}}}
    table(tmp_path / "own.csv", 60)
    facts = load(data, {}, 0, str(tmp_path / "own.csv")).facts
    again = load(data, {}, 0, str(tmp_path / "own.csv"), known=facts)
    assert again.facts == facts and facts["labels.kind"] == ["u", "v", "w"]


def test_what_was_learnt_holds_for_renamed_fields_and_for_each_of_several_sources(
    tmp_path: Path,
) -> None:
    for folder, count in (("own", 60), ("other", 6)):
        (tmp_path / folder).mkdir()
        table(tmp_path / folder / "one.csv", count, "uv")
        table(tmp_path / folder / "two.csv", count, "xy")
    options = {"fields": {"x": ["a"], "label": "kind"}, "scale": True}
    sources = {"one": {"table": options}, "two": {"table": options}}
    data = {"one": {"label": "first"}, "two": {"x": "y"}}
    facts = load(data, {}, 0, str(tmp_path / "own"), sources=sources).facts
    found = load(data, {}, 0, str(tmp_path / "other"), sources=sources, known=facts, measured=True)
    assert found.facts == facts and set(facts["scale"]) == {"x", "y"}
    assert found.parts["all"].batch(torch.arange(2))["label"].tolist() == [0, 1]
