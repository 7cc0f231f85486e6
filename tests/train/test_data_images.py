"""Pictures in folders: in memory or read by worker processes, and the same for `archc run`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from archc.errors import InputError
from archc.pipeline import compile_text
from archc.preprocess import Preprocess
from archc_train.data import load
from archc_train.data.part import DataSet, Order, stream
from archc_train.data.pictures import Streaming

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    picks = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name / "more").mkdir(parents=True)
        for k in range(12):
            pixels = picks.integers(0, 256, (20 + k, 24, 3), dtype=np.uint8)
            place = folder / name / ("more" if k == 3 else ".")
            Image.fromarray(pixels).save(place / f"{k:02}.png")
    return folder


def test_a_folder_a_class(photos: Path) -> None:
    found = load({"images": {"size": 16}}, {"val": 4, "test": 4}, 0, str(photos))
    assert str(found.types["image"]) == "float32[N, 3, 16, 16]"
    assert found.facts["labels"] == ["cat", "dog"]
    assert [len(part) for part in found.parts.values()] == [16, 4, 4]
    assert found.test is not None
    assert torch.bincount(found.test.batch(torch.arange(4))["label"]).tolist() == [2, 2]


def test_pictures_alone_have_no_label_and_parts_may_be_folders(
    photos: Path, tmp_path: Path
) -> None:
    found = load({"images": {"size": 8}}, {}, 0, str(photos / "cat"))
    assert set(found.types) == {"image"}
    assert sum(map(len, found.parts.values())) == 12
    for part in ("train", "val"):
        (tmp_path / part).mkdir()
        for k in range(5):
            Image.new("RGB", (6, 6), (k, k, k)).save(tmp_path / part / f"{k}.png")
    found = load("images", {}, 0, str(tmp_path))
    assert set(found.types) == {"image"} and len(found.val) == 5 and found.test is None


def test_what_is_read_by_workers_is_what_is_held_in_memory(photos: Path) -> None:
    options = {
        "size": [12, 10],
        "colours": "BGR",
        "normalize": {"mean": [0.5], "deviation": [0.25]},
    }
    held, lazy = (
        load({"images": {**options, **more}}, {"val": 4}, 0, str(photos))
        for more in ({}, {"memory": 0})
    )
    assert isinstance(lazy.train, Streaming) and not isinstance(held.train, Streaming)
    order = Order(len(lazy.train), 5, 0)
    state = torch.get_rng_state()
    batches = list(islice(stream(lazy.train, order, 2), 4))
    assert torch.equal(state, torch.get_rng_state())  # the training's own draws do not move
    expected = list(islice(stream(held.train, order, 2), 4))
    for one, other in zip(batches, expected, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in other)
    items = torch.arange(4)
    assert torch.equal(lazy.val.batch(items)["image"], held.val.batch(items)["image"])


def broken(photos: Path, folder: Path) -> str:
    shutil.copytree(photos, folder, dirs_exist_ok=True)
    (folder / "cat" / "00.png").write_bytes(b"\x89PNG and then nothing")
    data = (folder / "dog" / "05.png").read_bytes()
    (folder / "dog" / "05.png").write_bytes(data[: len(data) // 2])
    return str(folder)


@pytest.mark.parametrize("memory", [0, 1])
def test_pictures_that_cannot_be_read_are_an_error_or_skipped(
    photos: Path, tmp_path: Path, memory: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = broken(photos, tmp_path)
    options = {"size": 8, "memory": memory}

    def read_all() -> None:
        whole = load({"images": options}, {"val": 3, "test": 3}, 0, path)
        for part in whole.parts.values():
            part.batch(torch.arange(len(part)))

    with pytest.raises(InputError) as caught:
        read_all()
    found = caught.value.diagnostics
    assert {one.code for one in found} == {"E808"} and "unreadable: skip" in found[0].help
    if memory:
        assert {Path(one.message.split()[0]).name for one in found} == {"00.png", "05.png"}
    kept = load({"images": {**options, "unreadable": "skip"}}, {"val": 3, "test": 3}, 0, path)
    rows = [part.batch(torch.arange(len(part)))["image"] for part in kept.parts.values()]
    assert sum(map(len, rows)) == 22
    assert kept.facts["unreadable"] == 2
    labels = [part.batch(torch.arange(len(part)))["label"] for part in kept.parts.values()]
    assert torch.cat(labels).bincount().tolist() == [11, 11]
    assert "00.png" in caplog.text and "05.png" in caplog.text


def test_pictures_of_different_sizes_need_a_size(photos: Path) -> None:
    with pytest.raises(InputError, match=r"differ in size.*\n.*size: \[64, 64\]"):
        load("images", {}, 0, str(photos))


@pytest.mark.parametrize(
    "options",
    [
        {"size": 16},
        {"size": 20, "crop": 14, "pad": 3},
        {"size": [9, 13], "colours": "grey", "invert": True},
        {"size": [8, 8], "normalize": True, "pad": 2, "colours": "BGR"},
    ],
)
def test_a_raw_picture_gets_the_same_preprocessing_in_archc_run(
    photos: Path, options: dict
) -> None:
    feeds = pytest.importorskip("archc_ort.feeds")
    found = load({"images": options}, {}, 0, str(photos))
    rows = found.train.batch(torch.arange(len(found.train)))["image"].numpy()
    wanted = feeds.Wanted("image", "float32", (None, *rows.shape[1:]))
    section = found.facts["preprocess"]
    for path in sorted(photos.rglob("*.png"))[:3]:
        row = feeds.load(wanted, path, section)
        parts = [p.batch(torch.arange(len(p)))["image"].numpy() for p in found.parts.values()]
        assert any((row[0] == other).all() for part in parts for other in part)


def test_a_digit_of_the_set_gets_the_same_preprocessing_in_archc_run(tmp_path: Path) -> None:
    feeds = pytest.importorskip("archc_ort.feeds")
    data = pytest.importorskip("sklearn.datasets").load_digits()
    pixels = (data.images[7] * (255 / 16)).round().astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "seven.png")
    found = load({"digits": {"normalize": True, "pad": 4}}, {}, 0)
    wanted = feeds.Wanted("image", "float32", (None, 1, 16, 16))
    row = feeds.load(wanted, tmp_path / "seven.png", found.facts["preprocess"])
    parts = [part.batch(torch.arange(len(part)))["image"].numpy() for part in found.parts.values()]
    assert any((row[0] == other).all() for part in parts for other in part)


def test_a_section_is_read_and_written_alike() -> None:
    for section in ({}, {"size": 8}, {"size": [8, 9], "crop": [4, 5], "pad": 1, "mean": [0.5]}):
        assert Preprocess.of(section).as_section() == section


def test_statistics_are_those_of_the_training_images() -> None:
    found = load({"digits": {"normalize": True, "invert": True}}, {}, 0)
    image = found.train.batch(torch.arange(len(found.train)))["image"]
    assert abs(float(image.mean())) < 1e-5 and abs(float(image.std(correction=0)) - 1) < 1e-5


def test_images_of_one_colour_cannot_be_normalised(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((20, 4, 4), np.uint8))
    with pytest.raises(InputError, match="all of one colour"):
        load({"npz": {"normalize": True}}, {}, 0, str(tmp_path / "a.npz"))
    with pytest.raises(InputError, match="2 numbers for 1 channels"):
        load({"npz": {"mean": [0, 1]}}, {}, 0, str(tmp_path / "a.npz"))


def test_what_the_data_taught_goes_into_the_onnx_file(tmp_path: Path) -> None:
    onnx, ort = pytest.importorskip("archc_onnx"), pytest.importorskip("archc_ort")
    program = compile_text("archc: 1\nname: net\ninputs: {x: [N, 13]}\ngraph: [{linear: 3}]\n")
    facts = {**load("wine", {}, 0).facts, "vocabulary": ["a", "b"], "columns": ["unused"]}
    onnx.export(replace(program, metadata=facts), tmp_path / "m.onnx")
    found = ort.metadata(ort.open_session(tmp_path / "m.onnx"))
    assert found["scale"] == facts["scale"] and found["vocabulary"] == ["a", "b"]
    assert found["labels"] == facts["labels"] and "columns" not in found


# ---- several images


def stored(path: Path, **images: np.ndarray) -> dict[str, object]:
    """An .npz file of images, as the data of a spec."""
    np.savez(path, **images)
    return {"npz": {"path": str(path), "normalize": True}}


def alike(one: DataSet, other: DataSet) -> bool:
    rows = [data.train.batch(torch.arange(len(data.train))) for data in (one, other)]
    return rows[0].keys() == rows[1].keys() and all(
        torch.equal(value, rows[1][name]) for name, value in rows[0].items()
    )


@pytest.mark.parametrize("shape", [(30, 16, 16), (30, 8, 8, 3), (30, 8, 8)])
def test_each_image_of_an_item_stays_as_it_was_prepared(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    """Of another size, of other colours or of other statistics than the first."""
    picks = np.random.default_rng(0)
    low = picks.integers(0, 100, (30, 8, 8), dtype=np.uint8)
    data = stored(tmp_path / "a.npz", low=low, high=picks.integers(0, 256, shape, dtype=np.uint8))
    found = load(data, {}, 0)
    facts = json.loads(json.dumps(found.facts))  # as a run keeps them
    again = load(data, {}, 0, known=facts, preprocess=facts["preprocess"])
    assert alike(found, again) and again.types == found.types


def test_sources_do_not_take_over_what_was_learnt_of_others(tmp_path: Path) -> None:
    data = {
        **stored(tmp_path / "a.npz", one=np.arange(30 * 64, dtype=np.uint8).reshape(30, 8, 8)),
        "digits": {"size": [16, 16]},
    }
    data["npz"] |= {"pad": 2}  # type: ignore[operator]
    found = load(data, {}, 0)
    facts = json.loads(json.dumps(found.facts))
    assert alike(found, load(data, {}, 0, known=facts, preprocess=facts["preprocess"]))


@pytest.mark.parametrize("turn", [90, 180])
def test_turned_pictures_are_turned_once(turn: int, tmp_path: Path) -> None:
    feeds = pytest.importorskip("archc_ort.feeds")
    pixels = np.random.default_rng(0).integers(0, 256, (30, 6, 10), dtype=np.uint8)
    data = {"npz": {"path": str(tmp_path / "a.npz"), "turn": turn}}
    np.savez(tmp_path / "a.npz", image=pixels)
    found = load(data, {}, 0)
    facts = json.loads(json.dumps(found.facts))
    assert alike(found, load(data, {}, 0, known=facts, preprocess=facts["preprocess"]))
    first = found.train.batch(torch.arange(1))["image"].numpy()
    upright = (first[0, 0] * 255).round().astype(np.uint8)  # as whoever runs it sees it
    Image.fromarray(upright).save(tmp_path / "one.png")
    wanted = feeds.Wanted("image", "float32", (None, *first.shape[1:]))
    assert np.array_equal(feeds.load(wanted, tmp_path / "one.png", facts["preprocess"]), first)


def test_a_number_to_scale_images_by_leaves_vectors_alone(tmp_path: Path) -> None:
    images, boxes = np.full((30, 4, 4), 8, np.uint8), np.full((30, 4), 3.0, np.float32)
    boxes[::2] = 5
    np.savez(tmp_path / "a.npz", image=images, box=boxes)
    for scale, pixel, scaled in ((0.5, 4.0, False), (True, 8 / 255, True), (False, 8 / 255, False)):
        found = load({"npz": {"path": str(tmp_path / "a.npz"), "scale": scale}}, {}, 0)
        rows = found.train.batch(torch.arange(len(found.train)))
        assert float(rows["image"].max()) == pytest.approx(pixel)
        assert set(rows["box"].flatten().tolist()) == {3.0, 5.0} or scaled


# ---- hostile and broken ones


def test_a_picture_that_a_worker_cannot_read_is_told_as_any_other(tmp_path: Path) -> None:
    for k in range(24):
        Image.new("RGB", (8, 8), (k, k, k)).save(tmp_path / f"{k:02}.png")
    found = load({"images": {"memory": 0}}, {"val": 2, "test": 2}, 0, str(tmp_path))
    for path in tmp_path.glob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"E808.*is not a picture that can be read"):
        list(islice(stream(found.train, Order(20, 4, 0), 0, lambda items: items), 2))


def test_a_picture_is_not_blown_up_beyond_all_bounds(tmp_path: Path) -> None:
    """By its shorter side, a line of pixels would become a picture of tens of gigabytes."""
    Image.new("L", (100_000, 1)).save(tmp_path / "line.png")
    with (
        Image.open(tmp_path / "line.png") as image,
        pytest.raises(ValueError, match="it would have 25600000 x 256 pixels"),
    ):
        Preprocess.of({"size": 256}).shaped(image)
    feeds = pytest.importorskip("archc_ort.feeds")
    wanted = feeds.Wanted("image", "float32", (None, 1, 256, 256))
    with pytest.raises(InputError, match="E644"):
        feeds.load(wanted, tmp_path / "line.png", {"size": 256})
