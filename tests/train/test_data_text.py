"""Texts as numbers: one long text, texts with a class, pairs of texts."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from archc.errors import InputError
from archc_train.data import load
from archc_train.data.part import DataSet, Order, stream
from archc_train.data.tokens import coder_of

TEXT = "".join(f"line {k}: the quick brown fox\n" for k in range(200))
PAIRS = "source\ttarget\n" + "".join(
    f"{k} may {1990 + k}\t{1990 + k}-05-{k:02}\n" for k in range(1, 41)
)


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text(TEXT)
    return str(tmp_path / "text.txt")


def first(data: DataSet, count: int = 4) -> dict[str, torch.Tensor]:
    return data.train.batch(torch.arange(count))


def test_characters_and_the_one_that_follows(text: str) -> None:
    found = load({"text": {"window": 20}}, {"val": 0.1}, 0, text)
    rows, coder = first(found), coder_of(found.facts)
    assert coder.decode(rows["tokens"][0].tolist()) == TEXT[:20]
    assert coder.decode(rows["next"][1].tolist()) == TEXT[21:41]
    assert found.facts["vocabulary"] == sorted(set(TEXT))
    assert (
        coder.decode(found.val.batch(torch.tensor([0]))["tokens"][0].tolist())
        == TEXT[-round(0.1 * len(TEXT)) :][:20]
    )
    with pytest.raises(InputError, match="'ß' is not in the vocabulary"):
        coder.encode("quiß")


def test_an_epoch_is_the_text_once_and_the_next_one_cuts_it_elsewhere(text: str) -> None:
    found = load({"text": {"window": 20}}, {}, 0, text)
    order = Order(len(found.train), 10, 0)
    assert abs(20 * len(found.train) - 0.9 * len(TEXT)) < 20
    epochs = [
        list(islice(stream(found.train, order, start), order.per_epoch))
        for start in (0, order.per_epoch)
    ]
    windows = [{bytes(row.numpy()) for batch in one for row in batch["tokens"]} for one in epochs]
    assert len(windows[0] & windows[1]) < len(windows[0]) / 2
    again = next(stream(found.train, order, order.per_epoch + 2))
    assert torch.equal(again["next"], epochs[1][2]["next"])


def test_parts_follow_each_other(text: str) -> None:
    found = load({"text": {"window": 10}}, {"val": 0.1, "test": 0.2}, 0, text)
    sizes = [len(part) * 10 / len(TEXT) for part in found.parts.values()]
    assert sizes == pytest.approx([0.72, 0.08, 0.2], abs=0.01)  # a tenth of what the test leaves


@pytest.mark.parametrize("kind", ["words", "bpe"])
def test_tokens_are_learnt_and_turn_back_into_text(text: str, kind: str, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    found = load({"text": {"window": 8, "tokenizer": kind, "vocab": 300}}, {}, 0, text)
    json.dumps(found.facts)  # they are kept with the run
    told = coder_of(found.facts).decode(first(found)["tokens"][0].tolist())
    assert " ".join(told.split()).startswith("line 0" if kind == "bpe" else "line 0 :")
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(found.facts["tokenizer"]))
    assert tokenizers.Tokenizer.from_file(str(path)).get_vocab_size() == len(
        found.facts["vocabulary"]
    )
    again = load({"text": {"window": 8, "tokenizer": str(path)}}, {}, 0, text)
    assert torch.equal(first(again)["tokens"], first(found)["tokens"])


def test_what_cannot_be_read_as_text_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00text" * 100)
    (tmp_path / "broken.json").write_text("{}")
    pytest.importorskip("tokenizers")
    for options, path, said in (
        ({}, tmp_path / "bytes.txt", "no UTF-8 text"),
        ({"window": 10_000}, text, "too few for windows of 10000"),
        ({"tokenizer": "word"}, text, "did you mean 'words'?"),
        ({"tokenizer": str(tmp_path / "broken.json")}, text, "is no tokenizer"),
        ({"only": {"label": 1}}, text, "label: true"),
        ({"vocab": 50}, text, "'vocab' is a size that is learnt, of words or byte pairs"),
        ({"tokenizer": "bpe", "vocab": 50}, text, "'vocab' is 256 at least, 256 bytes; found 50"),
        (
            {"tokenizer": "words", "vocab": 1},
            text,
            "'vocab' is 2 at least, a word and <unk>; found 1",
        ),
    ):
        with pytest.raises(InputError) as caught:
            load({"text": options}, {}, 0, str(path))
        assert said in str(caught.value)


LABELLED = "review,stars\n" + "".join(
    f"{'good ' * (k % 3 + 1)}film,{k % 2 + 1}\n" for k in range(30)
)


def test_labelled_texts_are_padded_to_the_longest_of_a_batch(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "a.csv").write_text(LABELLED)
    options = {"label": True, "fields": {"text": "review", "label": "stars"}}
    found = load({"text": options}, {}, 0, str(tmp_path / "a.csv"))
    assert {n: str(t) for n, t in found.types.items()} == {
        "tokens": "int64[N, T]", "mask": "bool[N, T]", "length": "int64[N]", "label": "int64[N]",
    }  # fmt: skip
    assert found.facts["labels"] == ["1", "2"]
    rows = first(found, 9)
    assert torch.equal(rows["mask"].sum(dim=1), rows["length"])
    assert torch.equal(rows["tokens"] == 0, ~rows["mask"])
    one = found.train.batch(torch.tensor([int(rows["length"].argmin())]))
    assert one["tokens"].shape[1] == int(rows["length"].min())
    before = load(
        {"text": {**options, "padding": "before", "window": 3}}, {}, 0, str(tmp_path / "a.csv")
    )
    last = first(before, 9)["tokens"][:, -1]
    assert bool((last != 0).all()) and int(first(before, 20)["length"].max()) == 3


def test_a_folder_of_texts_for_each_class(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    for part in ("train", "test"):
        for name in ("neg", "pos"):
            (tmp_path / part / name).mkdir(parents=True)
            for k in range(10):
                (tmp_path / part / name / f"{k}.txt").write_text(f"{name} text {k}")
    found = load({"text": {"label": True}}, {}, 0, str(tmp_path))
    assert found.facts["labels"] == ["neg", "pos"] and found.test is not None
    assert len(found.test) == 20 and len(found.train) == 18


def test_the_vocabulary_is_the_training_parts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "text,label\n" + "".join(f"word{k},{k % 2}\n" for k in range(40))
    )
    options = {"label": True, "tokenizer": "words"}
    pytest.importorskip("tokenizers")
    found = load({"text": options}, {}, 0, str(tmp_path / "a.csv"))
    assert len(found.facts["vocabulary"]) == 2 + len(found.train)
    assert first_of(found.val, "tokens") == {1}  # unknown
    again = load({"text": options}, {"seed": 5}, 0, str(tmp_path / "a.csv"), known=found.facts)
    assert again.facts["vocabulary"] == found.facts["vocabulary"]


def first_of(part, name: str) -> set[int]:
    return set(part.batch(torch.arange(len(part)))[name].unique().tolist())


@pytest.mark.parametrize("shared", [True, False])
def test_pairs_for_networks_from_sequence_to_sequence(tmp_path: Path, shared: bool) -> None:
    (tmp_path / "a.tsv").write_text(PAIRS)
    options = {"tokenizer": "characters", "shared": shared}
    found = load({"pairs": options}, {}, 0, str(tmp_path / "a.tsv"))
    rows = first(found, 6)
    assert {n: str(t) for n, t in found.types.items()} == {
        "source": "int64[N, S]", "mask": "bool[N, S]",
        "target": "int64[N, T]", "next": "int64[N, T]",
    }  # fmt: skip
    target, source = (
        coder_of(found.facts),
        coder_of(found.facts if shared else found.facts["source"]),
    )
    years = [source.decode(row.tolist()).split()[-1] for row in rows["source"]]
    for row, after, year in zip(rows["target"], rows["next"], years, strict=True):
        assert target.decode(row.tolist()).startswith(year)
        assert int(row[0]) == target.number("<s>") and target.number("</s>") in after
        real = after != 0
        assert torch.equal(row[real][1:], after[real][:-1])
    assert torch.equal(rows["source"] != 0, rows["mask"])


def test_pairs_without_names_in_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(PAIRS.partition("\n")[2])
    options = {"tokenizer": "characters", "header": False}
    assert (
        len(load({"pairs": options}, {"val": 4, "test": 4}, 0, str(tmp_path / "a.tsv")).train) == 32
    )
    with pytest.raises(InputError, match="no column 'source'"):
        load("pairs", {}, 0, str(tmp_path / "a.tsv"))


def test_numbers_of_characters_are_exact_for_every_text() -> None:
    from archc_train.data.tokens import Characters

    text = "naïve 💡 — ☃\n\t"
    coder = Characters.learnt([text], ("<pad>", "<unk>"))
    numbers = coder.encode(text)
    assert coder.decode(numbers.tolist()) == text and numbers.dtype == np.int64
    assert coder.encode("z").tolist() == [1]
