"""Inputs from files, hostile ones included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archc.errors import InputError

feeds = pytest.importorskip("archc_ort.feeds")
Image = pytest.importorskip("PIL.Image")

IMAGE = feeds.Wanted("image", "float32", (None, 3, 4, 4))
TOKENS = feeds.Wanted("tokens", "int64", (None, None))


def test_arrays_json_and_archives(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[1, 2]], dtype=np.int32))
    np.savez(tmp_path / "b.npz", tokens=np.array([[3, 4]]), other=np.zeros(2))
    (tmp_path / "c.json").write_text("[5, 6]")  # the first dimension of one item is added
    found = [feeds.load(TOKENS, tmp_path / name) for name in ("a.npy", "b.npz", "c.json")]
    assert [one.tolist() for one in found] == [[[1, 2]], [[3, 4]], [[5, 6]]]
    assert {one.dtype.name for one in found} == {"int64"}


def test_a_number_stays_a_number(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("0.5")
    np.save(tmp_path / "b.npy", np.float32(0.5))
    alpha = feeds.Wanted("alpha", "float32", ())
    for name in ("a.json", "b.npy"):
        found = feeds.load(alpha, tmp_path / name)
        assert (found.shape, found.dtype, found) == ((), np.float32, 0.5)


def test_pictures_are_shaped_as_preprocess_says(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16, 3), dtype=np.uint8)
    pixels[:, 4:12] = 255  # the middle half is white
    path = tmp_path / "p.png"
    Image.fromarray(pixels).save(path)
    plain = feeds.load(IMAGE, path)
    assert plain.shape == (1, 3, 4, 4) and plain.max() <= 1
    cropped = feeds.load(IMAGE, path, {"size": 8})  # 8 x 16, of which the middle 4 x 4 is left
    assert (cropped == 1).all()
    normal = feeds.load(IMAGE, path, {"size": 8, "mean": [1, 1, 1], "deviation": [2, 2, 2]})
    assert (normal == 0).all()


def test_rows_of_numbers_are_scaled_and_arrays_are_fed_as_they_are(tmp_path: Path) -> None:
    rows = feeds.Wanted("x", "float32", (None, 2))
    (tmp_path / "a.json").write_text("[[3, 30], [5, 10]]")
    (tmp_path / "b.json").write_text("[3, 30, 4]")
    np.save(tmp_path / "c.npy", np.array([[3.0, 30.0]]))
    scale = {"mean": [1, 10], "deviation": [2, 20]}
    assert feeds.load(rows, tmp_path / "a.json", scale=scale).tolist() == [[1, 1], [2, 0]]
    assert feeds.load(rows, tmp_path / "c.npy", scale=scale).tolist() == [[3, 30]]
    with pytest.raises(InputError, match=r"E645.*found \[1, 3\]"):
        feeds.load(rows, tmp_path / "b.json", scale=scale)
    for wrong in ({}, {"mean": [1], "deviation": [1]}, {**scale, "deviation": [0, 1]},
                  {**scale, "mean": ["x", {}]}, {**scale, "mean": 3}):  # fmt: skip
        with pytest.raises(InputError, match=r"E645.*does not fit"):
            feeds.load(rows, tmp_path / "a.json", scale=wrong)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.npy", b"\x93NUMPY garbage", "E643"),
        ("a.json", b"[[1, 2], [3]]", "E643"),
        ("a.json", b'["x"]', "E643"),
        ("a.json", b"[" * 100_000, "E643"),
        ("a.json", b"[[1.5]]", "E645"),
        ("a.json", b"1", "E645"),
        ("a.txt", b"1", "E643"),
        ("a.png", b"\x89PNG garbage", "E643"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\n", "E643"),
    ],
)
def test_what_is_no_input_is_refused(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    wanted = IMAGE if name.endswith("png") else TOKENS
    with pytest.raises(InputError) as caught:
        feeds.load(wanted, path)
    assert caught.value.diagnostics[0].code == code


def test_pickles_and_absurd_pictures_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="E643"):
        feeds.load(TOKENS, tmp_path / "o.npy")
    huge = tmp_path / "huge.bmp"
    header = b"BM" + (54).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    size = (40).to_bytes(4, "little") + (50_000).to_bytes(4, "little") * 2
    huge.write_bytes(header + size + b"\x01\x00\x18\x00" + bytes(24))
    with pytest.raises(InputError) as caught:
        feeds.load(IMAGE, huge)
    assert caught.value.diagnostics[0].code in ("E643", "E644")


def test_a_picture_is_opened_as_one_whatever_it_is_called(
    tmp_path: Path,
) -> None:
    """Pillow would run a program on some: only the formats of pictures are tried."""
    path = tmp_path / "p.png"
    Image.new("RGB", (4, 4)).save(path, "EPS")
    with pytest.raises(InputError, match="cannot identify image file"):
        feeds.load(IMAGE, path)


def test_numbers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    bytes_ = feeds.Wanted("x", "uint8", (None,))
    (tmp_path / "a.json").write_text("[300, 1]")
    np.save(tmp_path / "b.npy", np.array([3, -1]))
    for name in ("a.json", "b.npy"):
        with pytest.raises(InputError, match=r"E645.*uint8.*cannot hold"):
            feeds.load(bytes_, tmp_path / name)


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", tokens=np.zeros((1, 4000), np.int64))
    monkeypatch.setattr(feeds, "MAX_BYTES", 20_000)
    with pytest.raises(InputError, match="E644"):
        feeds.load(TOKENS, tmp_path / "a.npz")
    monkeypatch.undo()
    monkeypatch.setattr(np, "load", None)  # the header tells that the rank is another one
    with pytest.raises(InputError, match="E645"):
        feeds.load(IMAGE, tmp_path / "a.npz")


@pytest.mark.parametrize(
    "section",
    [
        "size", {"size": "x"}, {"size": [100_000, 100_000]}, {"mean": [1, 2]}, {"crop": [1]},
        {"pad": -3}, {"deviation": [0, 1, 1]}, {"unknown": 1},
    ],
)  # fmt: skip
def test_what_a_file_says_of_pictures_is_checked(tmp_path: Path, section: object) -> None:
    path = tmp_path / "p.png"
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(InputError, match=r"E645.*'preprocess'"):
        feeds.load(IMAGE, path, section)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        feeds.load(TOKENS, tmp_path / "none.json")
