"""Text from runs: by a state, by a cache, or anew for each token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from train.specs import written

from archc.cli.main import main
from archc.pipeline import compile_text
from archc.train import read
from archc_train.writing import author, chosen, reader, window

TEXT = "the cat sat on the mat and the rat sat on the cat\n" * 12
HEAD = """
archc: 1
name: lm
params: {vocab: 20}
"""
TRAIN = """
train:
  data: {text: {path: TEXT, window: 12}}
  split: {val: 0.2}
  batch: 8
  steps: STEPS
  loss: {cross_entropy: [logits, next]}
  optimizer: {adam: {lr: 1.0e-2}}
"""
ANEW = (
    HEAD
    + """
inputs: {tokens: {shape: [N, T], dtype: int64}}
graph: [{embedding: {num: =vocab, dim: 12}, name: embed}, {lstm: {hidden: 16}, name: rnn}, {linear: =vocab, name: head, in: rnn.y}]
outputs: {logits: prev}
"""
)
STATE = (
    HEAD
    + """
models:
  lm:
    inputs:
      tokens: {shape: [N, T], dtype: int64}
      state: {shape: [1, N, 16], repeat: 2, optional: true}
    graph:
      - {embedding: {num: =vocab, dim: 12}, name: embed}
      - {lstm: {hidden: 16}, in: [prev, state.*], name: rnn}
      - {linear: =vocab, name: head, in: rnn.y}
    outputs: {logits: prev, state: ["rnn.h", "rnn.c"]}
  all:
    inputs: {tokens: {shape: [N, T], dtype: int64}}
    graph: [{lm, name: one}]
    outputs: {logits: one.logits}
  resume:
    inputs:
      tokens: {shape: [N, T], dtype: int64}
      state: {shape: [1, N, 16], repeat: 2}
    graph: [{lm, in: {tokens, state}, name: one}]
    outputs: {logits: one.logits, state: one.state}
"""
)


def fitted(folder: Path, text: str, steps: int = 60) -> Path:
    """A run of a language model over a small text."""
    (folder / "text.txt").write_text(TEXT)
    train = TRAIN.replace("TEXT", str(folder / "text.txt")).replace("STEPS", str(steps))
    if "models:" in text:
        train = train.replace("train:\n", "train:\n  model: all\n")
    spec = written(folder, text + train)
    assert main(["train", str(spec), "-o", str(folder / "run"), "--device", "cpu", "-q"]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fitted(tmp_path_factory.mktemp("lm"), ANEW)


def said(capsys: pytest.CaptureFixture[str], run: Path, *options: str) -> str:
    capsys.readouterr()
    assert main(["sample", str(run), *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, str)
    return found


def test_a_language_model_writes_on(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, run, "--prompt", "the c", "--length", "40")
    assert text.startswith("the c")
    assert len(text) == 45
    assert set(text) <= set(TEXT)
    assert text == said(capsys, run, "--prompt", "the c", "--length", "40")
    assert text != said(capsys, run, "--prompt", "the c", "--length", "40", "--seed", "1")
    assert said(capsys, run, "--length", "0") == "\n"


def test_temperature_and_the_likeliest(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = said(capsys, run, "--temperature", "0", "--length", "30")
    assert plain == said(capsys, run, "--top", "1", "--length", "30")
    logits = torch.tensor([0.0, 1.0, 2.0, 3.0])
    generator = torch.Generator().manual_seed(0)
    drawn = {chosen(logits, 1.0, 2, generator) for _ in range(200)}
    assert drawn == {2, 3}
    hot = [chosen(logits, 100.0, None, generator) for _ in range(400)]
    assert set(hot) == {0, 1, 2, 3}
    share = sum(chosen(logits, 0.5, None, generator) == 3 for _ in range(1000)) / 1000
    assert share == pytest.approx(float((2 * logits).softmax(0)[3]), abs=0.05)


@pytest.mark.parametrize(
    "options",
    [
        ("--prompt", "Q"),
        ("--prompt", ""),
        ("--top", "0"),
        ("--temperature", "-1"),
        ("--model", "x"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    run: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert main(["sample", str(run), *options]) in (1, 2)
    assert "error[E" in capsys.readouterr().err


def test_a_state_makes_the_time_linear_and_the_text_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import archc_torch
    from archc_train import writing

    program = compile_text(STATE + TRAIN.replace("STEPS", "1"))
    carrying = author(program, None)
    assert carrying is not None
    assert (carrying.model, carrying.tokens, dict(carrying.carried)) == (
        "resume",
        "tokens",
        {"state": "state"},
    )
    assert not carrying.grows
    plain = author(program, "all")
    assert plain is not None
    assert plain.carried == {}
    weights = archc_torch.module(program, model="all", seed=3).state_dict()
    read_by = {}
    texts = []
    for one in (carrying, plain):
        network = archc_torch.module(program, weights, model=one.model).eval()
        sizes: list[int] = []
        network.register_forward_pre_hook(
            lambda module, given, sizes=sizes: sizes.append(given[0].numel())
        )
        more, tokens = reader(one, network, 1000), [1, 2, 3]
        new = list(tokens)
        with torch.inference_mode():
            for _ in range(20):
                new = [int(more(new).argmax())]
                tokens += new
        texts.append(tokens)
        read_by[one.model] = sum(sizes)
    assert texts[0] == texts[1]
    assert read_by == {"resume": 3 + 19, "all": sum(range(3, 23))}
    assert writing.window(program, read(program).data) == 12


def test_a_classifier_of_texts_does_not_write() -> None:
    text = ANEW.replace("in: rnn.y}]", "in: rnn.y}, {mean: {axes: [1]}}]")
    assert author(compile_text(text), None) is None
    assert author(compile_text(ANEW), None) is not None


def test_the_window_is_the_datas() -> None:
    program = compile_text(ANEW + TRAIN.replace("STEPS", "1").replace(", window: 12", ""))
    assert window(program, read(program).data) == 128


def test_gpt2_writes_with_its_cache() -> None:
    import archc_torch
    from archc.pipeline import compile

    small = {"layers": 2, "dim": 16, "heads": 2, "vocab": 20, "context": 32}
    program = compile("gpt2", set=small)
    carrying = author(program, None)
    assert carrying is not None
    assert carrying.grows
    assert carrying.carried == {"past_keys": "keys", "past_values": "values"}
    plain = author(program, "gpt2")
    weights = archc_torch.module(program, seed=1).state_dict()
    texts = []
    for one, room in ((carrying, 32), (plain, 32), (carrying, 8)):
        network = archc_torch.module(one.program, weights, model=one.model).eval()
        more, new, tokens = reader(one, network, room), [1, 2, 3], [1, 2, 3]
        with torch.inference_mode():
            for _ in range(20):
                new = [int(more(new).argmax())]
                tokens += new
        texts.append(tokens)
    assert texts[0] == texts[1]
    assert texts[2][:8] == texts[0][:8]  # a full cache begins anew with its later half
    assert len(texts[2]) == 23
