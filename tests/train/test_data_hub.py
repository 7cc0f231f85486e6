"""Sets of Hugging Face's `datasets`: saved, as files, and by name, which is fetched when asked."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from archc.errors import InputError
from archc_train.data import load

datasets = pytest.importorskip("datasets")


def test_a_folder_that_datasets_saved(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    datasets.disable_progress_bars()
    pictures = [image.fromarray(np.full((5, 5), k, np.uint8)) for k in range(20)]
    rows = {
        "img": pictures,
        "kind": [0, 1] * 10,
        "words": ["a b", "b a a"] * 10,
        "v": [[1.0, 2.0]] * 20,
    }
    names = datasets.ClassLabel(names=["no", "yes"])
    datasets.Dataset.from_dict(rows).cast_column("kind", names).save_to_disk(tmp_path / "set")
    fields = {"image": "img", "label": "kind", "x": "v"}
    found = load({"hub": {"fields": fields, "colours": "grey"}}, {}, 0, str(tmp_path / "set"))
    assert {n: str(t) for n, t in found.types.items()} == {
        "image": "float32[N, 1, 5, 5]", "label": "int64[N]", "x": "float32[N, 2]",
    }  # fmt: skip
    assert found.facts["labels"] == ["no", "yes"]
    options = {"label": True, "fields": {"text": "words", "label": "kind"}}
    found = load({"text": options}, {}, 0, str(tmp_path / "set"))
    assert found.facts["labels"] == ["no", "yes"] and "tokens" in found.types


def test_parquet_files_as_the_hub_lays_them_out(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    datasets.disable_progress_bars()
    pictures = [image.fromarray(np.full((5, 5), k, np.uint8)) for k in range(20)]
    names = datasets.Features(
        {"img": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])}
    )
    made = datasets.Dataset.from_dict({"img": pictures, "label": [0, 1] * 10}, features=names)
    for k, name in enumerate(
        ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")
    ):
        made.select(range(5 * k, 5 * k + 5)).to_parquet(tmp_path / f"{name}.parquet")
    found = load(
        {"images_of_mine": {"img": "image", "colours": "grey"}}, {"val": 2}, 0, str(tmp_path)
    )
    assert [len(part) for part in found.parts.values()] == [8, 2, 5]
    assert str(found.types["image"]) == "float32[N, 1, 5, 5]" and found.facts["labels"] == [
        "a",
        "b",
    ]
    assert found.columns == {"image"}  # to be used, and classes only where somebody wants them


def test_a_set_is_fetched_only_when_that_is_asked_for(monkeypatch) -> None:
    asked = []

    def fetch(name: str, config: str | None) -> object:
        asked.append((name, config))
        return datasets.DatasetDict(
            {"train": datasets.Dataset.from_dict({"x": [[1.0], [2.0]] * 20})}
        )

    monkeypatch.setattr(datasets, "load_dataset", fetch)
    data = {"hub": {"name": "someone/something", "config": "small"}}
    with pytest.raises(InputError, match="--download"):
        load(data, {}, 0)
    assert asked == []
    assert str(load(data, {}, 0, download=True).types["x"]) == "float32[N, 1]"
    assert asked == [("someone/something", "small")]


def test_an_item_without_a_class_has_none(tmp_path: Path) -> None:
    """As the Hub hides those of many test parts: -1 is not the last class."""
    datasets.disable_progress_bars()
    features = datasets.Features(
        {"x": datasets.Value("float32"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    rows = {"x": [*map(float, range(20))], "label": [0, 1] * 9 + [-1, 0]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "set")
    with pytest.raises(InputError, match="'label' is empty in row"):
        load({"table": {}}, {}, 0, str(tmp_path / "set"))
    found = load({"table": {"missing": "drop"}}, {}, 0, str(tmp_path / "set"))
    assert sum(map(len, found.parts.values())) == 19


def parquet(folder: Path, rows: list[object], feature: object) -> None:
    """A file whose metadata says what its column holds, as a stranger may write it."""
    import pyarrow as pa
    from pyarrow import parquet as files

    schema = datasets.Features({"image": feature}).arrow_schema
    made = pa.Table.from_pydict({"image": rows}, schema=schema)
    files.write_table(made, folder / "train-00000-of-00001.parquet")


@pytest.mark.parametrize("path", ["https://127.0.0.1:9/a.png", "{folder}/own.png"])
def test_a_set_has_no_say_in_which_files_are_opened(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new("L", (4, 4)).save(tmp_path / "own.png")
    rows = [{"bytes": None, "path": path.format(folder=tmp_path)}] * 20
    parquet(tmp_path, rows, datasets.Image())
    monkeypatch.setattr(datasets.Image, "decode_example", None)
    with pytest.raises(InputError, match=r"none of the 20 pictures can be read"):
        load("hub", {}, 0, str(tmp_path))


def test_pictures_of_a_set_are_of_the_formats_that_may_be_opened(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    written = BytesIO()
    image.new("L", (4, 4)).save(written, "EPS")  # for which Pillow runs a program
    parquet(tmp_path, [{"bytes": written.getvalue(), "path": None}] * 20, datasets.Image())
    with pytest.raises(InputError, match="none of the 20 pictures can be read"):
        load("hub", {}, 0, str(tmp_path))


def test_lists_of_pictures_are_no_numbers(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    written = BytesIO()
    image.new("L", (4, 4)).save(written, "PNG")
    rows = [[{"bytes": written.getvalue(), "path": None}] * 2] * 20
    parquet(tmp_path, rows, datasets.Sequence(datasets.Image()))
    with pytest.raises(InputError, match=r"E807.*'image' holds no numbers"):
        load("hub", {}, 0, str(tmp_path))
