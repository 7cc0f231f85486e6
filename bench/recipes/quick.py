"""Tiny sets in the place of those that recipes want, so that every recipe can be tried at once."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.recipes.prepare import outlines

COUNT = 80
STATES = ("train", "t10k")
GAIT = [
    f"{part}_{way}"
    for part in ("ankle", "leg", "trunk")
    for way in ("horiz_fwd", "vert", "horiz_lateral")
]


def tiny(folder: Path) -> dict[str, Path]:
    """Sets by the names that recipes call them, of as many items as a batch or two need."""
    picks = np.random.Generator(np.random.Philox(0))
    images = picks.integers(0, 256, size=(COUNT, 28, 28)).astype(np.uint8)
    label = np.arange(COUNT) % 10
    np.savez(folder / "mnist.npz", x_train=images, y_train=label, x_test=images, y_test=label)
    outlines(folder / "mnist.npz", folder / "outlines")
    text = "To be, or not to be: that is the question.\n"
    (folder / "text.txt").write_text(text * 300, encoding="utf-8")
    rows = [
        f"{'good' if k % 2 else 'bad'} film {k % 7},{'praise' if k % 2 else 'blame'}"
        for k in range(COUNT)
    ]
    (folder / "lemmas").mkdir()
    pairs = [f"ni{letter}a,{letter}a" for letter in "abcdefghijklmnoprstuvwyz'"]
    for part in ("train", "val", "test"):
        words = "\n".join(["source,target", *pairs])
        (folder / "lemmas" / f"{part}.csv").write_text(words, encoding="utf-8")
    (folder / "sentiment.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return {
        "mnist": folder / "mnist.npz",
        "fashion_mnist": idx(folder / "idx", images, label),
        "outlines": folder / "outlines",
        "tinyshakespeare": folder / "text.txt",
        "sentiment": folder / "sentiment.csv",
        "lemmas": folder / "lemmas",
        "japanese_vowels": vowels(folder / "vowels", picks),
        "gait": table(folder / "gait.csv", picks, GAIT, 1000),
        "pulse": table(folder / "pulse.csv", picks, ["value"], 7501),
    }


def idx(folder: Path, images: NDArray[np.uint8], label: NDArray[np.int64]) -> Path:
    """The four files of MNIST's own form."""
    folder.mkdir()
    for part in STATES:
        for name, values in (("images-idx3", images), ("labels-idx1", label.astype(np.uint8))):
            head = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
            path = folder / f"{part}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(head + values.tobytes(), mtime=0))
    return folder


def vowels(folder: Path, picks: np.random.Generator) -> Path:
    """Sequences of twelve channels and of different lengths, of nine classes."""
    folder.mkdir()
    for part in ("TRAIN", "TEST"):
        lines = ["@classLabel true " + " ".join(map(str, range(1, 10))), "@data"]
        for k in range(180):
            channels = picks.standard_normal((12, 7 + k % 5)).round(3)
            lines.append(":".join(",".join(map(str, one)) for one in channels) + f":{k % 9 + 1}")
        (folder / f"JapaneseVowels_{part}.ts").write_text("\n".join(lines), encoding="utf-8")
    return folder


def table(path: Path, picks: np.random.Generator, columns: list[str], rows: int) -> Path:
    """A series of so many rows, the last one unusual."""
    values = picks.standard_normal((rows, len(columns))).round(3)
    lines = [",".join([*map(str, row), str(int(k == rows - 1))]) for k, row in enumerate(values)]
    path.write_text("\n".join([",".join([*columns, "is_anomaly"]), *lines]), encoding="utf-8")
    return path
