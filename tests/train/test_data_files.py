"""Data in files: what is read, and what is said of files that are not what they should be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from archc.errors import InputError
from archc_train.data import describe, load
from archc_train.data.idx import read_idx


def idx(values: np.ndarray, kind: int = 8) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, kind, values.ndim]) + sizes + values.tobytes()


def mnist_folder(folder: Path, train: int = 40, test: int = 10) -> Path:
    picks = np.random.default_rng(0)
    folder.mkdir()
    for prefix, count in (("train", train), ("t10k", test)):
        images = picks.integers(0, 256, (count, 6, 6), dtype=np.uint8)
        labels = (np.arange(count) % 5).astype(np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


def code(*args, **more) -> tuple[str, str]:
    """The code and the text of what is said."""
    with pytest.raises(InputError) as caught:
        load(*args, **more)
    return caught.value.diagnostics[0].code, str(caught.value)


def test_idx_files_packed_and_not(tmp_path: Path) -> None:
    found = load({"mnist": {"pad": 1}}, {"val": 10}, 0, str(mnist_folder(tmp_path / "mnist")))
    assert {name: len(part) for name, part in found.parts.items()} == {
        "train": 30, "val": 10, "test": 10,
    }  # fmt: skip
    assert str(found.types["image"]) == "float32[N, 1, 8, 8]"
    assert str(found.types["label"]) == "int64[N]"
    assert found.facts["preprocess"]["size"] == [6, 6] and found.facts["preprocess"]["pad"] == 1


@pytest.mark.parametrize(
    ("kind", "dtype"), [(9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")]
)
def test_every_type_of_idx(tmp_path: Path, kind: int, dtype: str) -> None:
    values = np.arange(6).reshape(2, 3).astype(dtype)
    (tmp_path / "a").write_bytes(idx(values, kind))
    assert np.array_equal(read_idx(tmp_path / "a"), values)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no IDX file"),
        (b"\0\0\x08\x03\0\0", "should hold"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "should hold 5 values"),
        (b"<html>", "no IDX file"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "should hold"),
    ],
)
def test_what_is_no_idx_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    folder = mnist_folder(tmp_path / "mnist")
    (folder / "train-labels-idx1-ubyte").write_bytes(content)
    assert code("mnist", {}, 0, str(folder))[0] == "E806"
    told = code("mnist", {}, 0, str(folder))[1]
    assert said in told and "help: an IDX file is 00 00" in told


def test_a_file_of_idx_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = mnist_folder(tmp_path / "mnist")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    assert "t10k-labels-idx1-ubyte" in code("mnist", {}, 0, str(folder))[1]


def test_archives_with_and_without_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    images = np.zeros((20, 4, 4), dtype=np.uint8)
    images[::2] = 255
    labels = (np.arange(20) % 2).astype(np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images[:4], y_test=labels[:4])
    found = load(None, {"val": 0.2}, 0, str(path))
    assert [len(part) for part in found.parts.values()] == [16, 4, 4]
    assert str(found.types["image"]) == "float32[N, 1, 4, 4]"
    np.savez(path, x=np.ones((20, 3), np.float32), y=np.ones((20, 2), np.float32))
    found = load({"npz": {"x": "history"}}, {}, 0, str(path))
    assert {n: str(t) for n, t in found.types.items()} == {
        "history": "float32[N, 3]", "y": "float32[N, 2]",
    }  # fmt: skip
    np.savez(path, x=np.ones((20, 3), np.float32), y=labels)  # no images: names are as they are
    assert set(load("npz", {}, 0, str(path)).types) == {"x", "y"}


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((3, 2)), "y": np.zeros(4)}, "x: 3, y: 4"),
        ({"x": np.array([{"a": 1}], dtype=object)}, "Python objects"),
        ({"x_train": np.zeros((3, 2)), "y_test": np.zeros(3)}, "other fields"),
        ({"x_test": np.zeros(3)}, "no training part"),
        ({"x": np.zeros((30, 2)), "n": np.float32(1)}, "single number"),
        ({"x": np.array([1.0] * 19 + [np.nan])}, "not finite"),
    ],
)
def test_archives_that_are_no_data(tmp_path: Path, arrays: dict, said: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    found = code("npz", {}, 0, str(tmp_path / "a.npz"))
    assert found[0] == "E806" and said in found[1]


TABLE = "width,height,colour,kind\n" + "\n".join(
    f"{k},{2 * k + 0.5},{'red' if k % 3 else 'blue'},{'cat' if k % 2 else 'dog'}" for k in range(40)
)


def table(tmp_path: Path, text: str = TABLE, name: str = "a.csv") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_columns_become_fields_by_name(tmp_path: Path) -> None:
    fields = {"x": ["width", "height"], "label": "kind", "tint": "colour"}
    found = load({"table": {"fields": fields, "scale": True}}, {}, 0, table(tmp_path))
    assert {n: str(t) for n, t in found.types.items()} == {
        "x": "float32[N, 2]", "label": "int64[N]", "tint": "int64[N]",
    }  # fmt: skip
    assert found.facts["labels"] == ["cat", "dog"]
    assert found.facts["labels.tint"] == ["blue", "red"]
    rows = found.train.batch(torch.arange(len(found.train)))["x"]
    assert torch.allclose(rows.mean(dim=0), torch.zeros(2), atol=1e-6)  # the training part's own
    assert torch.allclose(rows.std(dim=0, correction=0), torch.ones(2), atol=1e-6)


def test_all_other_numbers_are_a_star(tmp_path: Path) -> None:
    fields = {"x": "*", "target": "height"}
    found = load({"table": {"fields": fields}}, {}, 0, table(tmp_path))
    assert str(found.types["x"]) == "float32[N, 1]" and str(found.types["target"]) == "float32[N]"


def test_parquet_json_lines_and_parts_in_a_folder(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": range(20), "label": [k % 2 for k in range(20)]})
    folder = tmp_path / "set"
    folder.mkdir()
    frame.to_parquet(folder / "train.parquet")
    frame[:4].to_json(folder / "test.jsonl", lines=True, orient="records")
    found = load("table", {"val": 5}, 0, str(folder))
    assert [len(part) for part in found.parts.values()] == [15, 5, 4]


@pytest.mark.parametrize(
    ("text", "options", "expected", "said"),
    [
        (TABLE, {"fields": {"x": ["width", "hight"]}}, "E807", "did you mean 'height'"),
        (TABLE, {"fields": {"x": ["width", "kind"]}}, "E807", "holds no numbers"),
        (
            TABLE.replace("7,14.5", "7,"),
            {"fields": {"x": "height"}},
            "E806",
            "the column 'height' is empty in row 8 of a.csv",
        ),
        (
            TABLE.replace("7,14.5", "7,inf"),
            {"fields": {"x": ["height"]}},
            "E806",
            "the column 'height' is not finite in row 8 of a.csv",
        ),
        ("a;b\n1;2\n", {}, "E806", "write it anew: pandas.read_csv('a.csv', sep=';')"),
        ("a,b\n1,2\n3,4,5\n", {}, "E806", "cannot be read as a table"),
        ("", {}, "E806", "cannot be read as a table"),
        ("a,b\n", {}, "E806", "no rows"),
        ("a,b\nx,y\nz,w\n", {}, "E807", "no columns of numbers"),
    ],
)
def test_tables_that_do_not_fit(
    tmp_path: Path, text: str, options: dict, expected: str, said: str
) -> None:
    found = code({"table": options}, {}, 0, table(tmp_path, text))
    assert found[0] == expected and said in found[1]


def test_rows_with_empty_cells_can_be_dropped(tmp_path: Path) -> None:
    options = {"fields": {"x": ["width", "height"]}, "missing": "drop"}
    found = load(
        {"table": options}, {"val": 5, "test": 5}, 0, table(tmp_path, TABLE.replace("7,14.5", "7,"))
    )
    assert len(found.train) == 29


def test_a_column_to_drop_rows_by_that_is_not_there(tmp_path: Path) -> None:
    fields = {"x": ["widht"], "label": "kind"}
    with pytest.raises(InputError, match=r"E807.*no column 'widht'"):
        load({"table": {"fields": fields, "missing": "drop"}}, {}, 0, table(tmp_path))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_texts_of_digits_stay_as_they_are_written(suffix: str, tmp_path: Path) -> None:
    rows = [(f"{k}+7", f"{k + 7:04}.50") for k in range(40)]
    if suffix == ".jsonl":
        lines = [json.dumps({"source": one, "target": other}) for one, other in rows]
    else:
        mark = "," if suffix == ".csv" else "\t"
        lines = [mark.join(row) for row in [("source", "target"), *rows]]
    (tmp_path / f"a{suffix}").write_text("\n".join(lines))
    found = load({"pairs": {"tokenizer": "characters"}}, {}, 0, str(tmp_path / f"a{suffix}"))
    row = found.train.batch(torch.arange(1))["target"][0]
    words = found.facts["vocabulary"]
    assert "".join(words[int(one)] for one in row[1:8])[-3:] == ".50"
    assert len(row) == 8  # with <s>


def test_a_word_for_missing_is_one_among_numbers_and_a_text_among_texts(tmp_path: Path) -> None:
    text = TABLE.replace("7,14.5", "7,NA").replace("dog", "NA")
    options = {"fields": {"x": "height", "label": "kind"}, "missing": "drop"}
    found = load({"table": options}, {"val": 5, "test": 5}, 0, table(tmp_path, text))
    assert len(found.train) == 29 and found.facts["labels"] == ["NA", "cat"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("fashion_mnist", "apt-get install dataset-fashion-mnist"),
        ("mnist", "--data mnist.npz"),
        ("japanese_vowels", "pip install aeon"),
        ({"hub": {"name": "someone/something"}}, "--download"),
        ({"text": {"hub": "someone/something", "label": True}}, "--download"),
        ("cifar10", "no data called 'cifar10'"),
        ("digts", "did you mean 'digits'?"),
        ("t.csv", "help: data: {table: t.csv}"),
        ({"fashion_mnist": "/no/such/folder"}, "apt-get install dataset-fashion-mnist"),
        ({"fashion_mnist": "/"}, "apt-get install dataset-fashion-mnist"),
        ({"mnist": "/"}, "--data mnist.npz with x_train, y_train, x_test, y_test"),
        ({"images": {"path": "/no/such/folder"}}, "there is no file or folder"),
        ({"digits": {"normalise": True}}, "did you mean 'normalize'?"),
        ({"digits": {"pad": "wide"}}, "'pad' is a whole number"),
        ({"digits": {"size": [1, 2, 3]}}, "'size' is the shorter side"),
        (None, "--data PATH"),
    ],
)
def test_data_that_is_not_here_says_where_to_get_it(data, said: str, monkeypatch) -> None:
    monkeypatch.setattr("archc_train.data.idx.DEBIAN", Path("/no/such/folder"))
    monkeypatch.setattr("archc_train.data.sequences.PACKAGES", ())
    found = code(data, {}, 0)
    assert found[0] == "E806" and said in found[1]


def test_numbers_that_are_none_are_told_by_their_items_in_the_file(tmp_path: Path) -> None:
    values = np.zeros((40, 3), np.float32)
    values[17, 1] = np.nan
    np.savez(tmp_path / "a.npz", x=values)
    found = code("npz", {}, 0, str(tmp_path / "a.npz"))
    assert found[0] == "E806" and "the field 'x' is not finite at item 17" in found[1]
    np.savez(tmp_path / "a.npz", x_train=np.zeros((40, 3)), x_test=values.astype(np.float64) + 1e39)
    assert (
        "is not finite at item 0 of the test part, and at 39 more"
        in code("npz", {}, 0, str(tmp_path / "a.npz"))[1]
    )


def test_a_path_alone_tells_what_it_is(tmp_path: Path) -> None:
    assert "x" in load(None, {}, 0, table(tmp_path)).types
    assert "tokens" in load(None, {}, 0, table(tmp_path, "abc " * 400, "a.txt")).types
    assert "image" in load(None, {}, 0, str(mnist_folder(tmp_path / "m"))).types
    assert "x" in load("digits", {}, 0, table(tmp_path)).types  # in place of what the spec names
    (tmp_path / "empty").mkdir()
    assert "holds no data" in code(None, {}, 0, str(tmp_path / "empty"))[1]
    assert "no kind of data" in code(None, {}, 0, table(tmp_path, "", "a.doc"))[1]


def test_a_set_is_described_in_a_few_lines() -> None:
    assert describe(load("digits", {}, 0)).splitlines()[:4] == [
        "digits: 1,455 train, 162 val, 180 test",
        "  image  float32[N, 1, 8, 8]  0 to 1, 0.305 ± 0.38",
        "  label  int64[N]             0 to 9",
        "  labels: 10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    ]
