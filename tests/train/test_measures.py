"""What recipes are measured against: the forecasts of other models, and words of other texts."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

import archc
import archc_torch
from archc_train.data.pairs import SPECIAL
from archc_train.data.part import Fields
from archc_train.data.ragged import Ragged
from archc_train.data.raw import Request
from archc_train.data.tokens import PAD, UNKNOWN, Characters, coder
from bench.recipes.measures import vector_forecasts
from bench.recipes.measures.bag_of_words import texts
from bench.recipes.measures.forecasts import smoothed
from bench.recipes.measures.new_lemmas import coded
from bench.recipes.prepare import INNER, TABLE, sentiment, split
from bench.recipes.table import SPECS

PICKS = np.random.Generator(np.random.Philox(0))


def waves(rows: int, period: int) -> np.ndarray:
    """Two series `[rows, 2]` that repeat, with a little noise."""
    turn = 2 * np.pi * np.arange(rows) / period
    clean = np.stack([np.sin(turn), np.cos(turn) + 0.5 * np.sin(2 * turn)], axis=1)
    return clean + 0.01 * PICKS.standard_normal(clean.shape)


def test_a_season_is_the_distance_at_which_rows_are_most_alike() -> None:
    assert vector_forecasts.season(waves(1000, 50)) == 50


def test_a_vector_autoregression_forecasts_from_every_window() -> None:
    values = waves(1500, 50)
    past = np.stack([values[k : k + 60] for k in range(1200, 1300)])
    truth = np.stack([values[k + 60 : k + 80] for k in range(1200, 1300)])
    told = vector_forecasts.regressed(values[:1200], past, 20)
    assert told.shape == truth.shape
    assert np.abs(told - truth).mean() < 0.05


def test_smoothing_has_seasons_of_any_length() -> None:
    values = waves(700, 50)[:, 0]
    told = smoothed(values, np.arange(3), 600, [1, 25, 50], period=50)
    truth = np.array([[values[600 + k + h - 1] for h in (1, 25, 50)] for k in range(3)])
    assert np.abs(told - truth).max() < 0.15


def test_what_follows_a_text_does_not_change_what_its_runs_say() -> None:
    program = archc.compile(SPECS / "sentiment.yaml", set={"places": 211})
    network = archc_torch.module(program).eval()
    with torch.no_grad():
        for value in network.parameters():
            value.normal_(generator=torch.Generator().manual_seed(value.numel()))
    text = torch.randint(1, 40, (3, 12), generator=torch.Generator().manual_seed(0))
    padded = torch.cat([text, torch.zeros(3, 9, dtype=torch.int64)], dim=1)
    torch.testing.assert_close(network(text), network(padded))
    assert not torch.allclose(network(text), network(text.flip(1)))


def test_a_review_is_praise_or_blame_by_its_rating(tmp_path: Path) -> None:
    rows = ["1\t2.5\tA Joy", "2\t-1.75\tDull, twice", "3\t0.25\tSo so"]
    inner = packed("hutto/" + TABLE, "\n".join(rows).encode())
    archive = tmp_path / "source.tar.gz"
    archive.write_bytes(packed("vader/" + INNER, inner))
    sentiment(archive, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    assert found == [["text", "label"], [" a joy ", "praise"], [" dull, twice ", "blame"]]


def packed(name: str, held: bytes) -> bytes:
    """A compressed archive of one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        about = tarfile.TarInfo(name)
        about.size = len(held)
        archive.addfile(about, io.BytesIO(held))
    return out.getvalue()


@pytest.mark.parametrize("kind", ["characters", "words"])
def test_a_bag_of_words_is_made_of_whole_words(kind: str) -> None:
    told = ["good film", "a bad one"]
    learnt = coder(Request("a", "text", {"tokenizer": kind}, {}, 0), told, (PAD, UNKNOWN), kind)
    rows = [learnt.encode(one) for one in told]
    tokens = Ragged.of(rows, pad=learnt.number(PAD), mask="mask", length="length", before=False)
    assert texts(Fields(dict(tokens.fields("tokens"))), learnt) == told


def test_no_form_of_a_new_lemma_is_trained_on(tmp_path: Path) -> None:
    pairs = [(f"{prefix}{k}", str(k)) for k in range(40) for prefix in ("ni", "u", "a", "tu", "m")]
    split(list(pairs), tmp_path, train=120, rest=20)
    parts = {}
    for name in ("train", "val", "test", "new_lemmas"):
        lines = (tmp_path / f"{name}.csv").read_text("utf-8").splitlines()
        parts[name] = [tuple(line.split(",")) for line in lines[1:]]
    assert {name: len(rows) for name, rows in parts.items()} == {
        "train": 120, "val": 20, "test": 20, "new_lemmas": 20,
    }  # fmt: skip
    written = [row for rows in parts.values() for row in rows]
    assert len(set(written)) == len(written) and set(written) <= set(pairs)
    new = {lemma for _, lemma in parts["new_lemmas"]}
    assert len(new) == 4
    assert not new & {lemma for name in ("train", "val", "test") for _, lemma in parts[name]}


def test_pairs_of_a_file_are_coded_as_training_codes_them() -> None:
    (batch,) = coded(Characters.learnt(["ab"], SPECIAL), [("ab", "b"), ("b", "ba")])
    assert batch["source"].tolist() == [[4, 5, 2], [5, 2, 0]]
    assert batch["mask"].tolist() == [[True, True, True], [True, True, False]]
    assert batch["next"].tolist() == [[5, 2, 0], [5, 4, 2]]
