"""A run's curves: the picture, the page that needs nothing else, and TensorBoard."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from train.specs import written

from archc.cli.main import main
from archc_train.board import Board
from archc_train.curves import borders, groups, panels, points, titled, vectors
from archc_train.report import number
from archc_train.run import Run

TWO_PHASES = [
    {"phase": 0, "turn": 2, "epoch": 0.5, "loss": 3.0, "rate.train": 0.1, "time": 1},
    {"phase": 0, "turn": 4, "epoch": 1.0, "loss": 2.0, "val.loss": 2.5, "time": 2},
    {"phase": 1, "turn": 1, "epoch": 0.5, "loss": 1.0, "val.loss": None, "time": 3},
]
HOSTILE = """
archc: 1
name: net
doc: A paper <script>alert(1)</script> & its "title".
inputs: {image: [N, 1, 8, 8]}
graph: [flatten, {linear: 10, name: head}]   # <b>bold</b>
outputs: {logits: prev}
train:
  data: {digits: {range: [0, 200]}}
  batch: 20
  steps: 16
  evaluate: 8
  loss: {cross_entropy: [logits, label]}
  optimizer: {sgd: {lr: 0.1}}
  metrics: {"right <i>$x$": {accuracy: [logits, label]}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("<run>&")
    path = folder / "<u>run&amp;"
    assert (
        main(["train", str(written(folder, HOSTILE)), "-o", str(path), "--device", "cpu", "-q"])
        == 0
    )
    return path


def test_phases_stand_one_after_the_other() -> None:
    found = points(TWO_PHASES)
    assert found["loss"] == [(0.5, 3.0), (1.0, 2.0), (1.5, 1.0)]
    assert found["val.loss"] == [(1.0, 2.5)]  # what was not finite is left out
    assert list(borders(TWO_PHASES)) == [1.0]


def test_training_and_validation_share_a_panel_and_rates_come_last() -> None:
    found = groups(
        {"rate.train": [], "accuracy": [], "val.accuracy": [], "val.loss": [], "loss": []}
    )
    assert list(found) == ["loss", "accuracy", "rate.train"]
    assert found["loss"] == ["val.loss", "loss"]
    assert titled("rate.train") == "learning rate"
    assert titled("rate.critic") == "learning rate of critic"


def test_the_picture_shows_the_curves() -> None:
    image = np.asarray(Image.open(io.BytesIO(panels(points(TWO_PHASES), [1.0]))).convert("RGB"))
    assert image.shape[1] > 2 * image.shape[0]  # two panels side by side
    colours = {tuple(colour) for colour in image.reshape(-1, 3)[::7].tolist()}
    assert (194, 65, 12) in {tuple(colour) for colour in image.reshape(-1, 3).tolist()}
    assert len(colours) > 10


class Page(HTMLParser):
    """What is in a page: tags, links and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = ("src", "href", "xlink:href")
        self.links += [value or "" for name, value in attrs if name in names]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(run: Path) -> None:
    text = (run / "report.html").read_text("utf-8")
    page = Page(text)
    assert {"script", "link", "i", "u", "img"}.isdisjoint(page.tags)
    assert page.links
    assert all(link.startswith("#") for link in page.links)  # to what is in the page itself
    assert "http" not in text
    assert "<u>run&amp;" in page.text  # the folder's name
    assert "<b>bold</b>" in page.text  # a comment of the spec
    assert "<script>alert(1)</script>" in page.text
    assert "right <i>$x$" in page.text
    assert page.tags.count("b") == 3  # the numbers on the cards: epoch, loss, accuracy


def test_the_page_has_numbers_settings_and_environment(run: Path) -> None:
    text = Page((run / "report.html").read_text("utf-8")).text
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    for record in records:
        if "val.loss" in record:
            assert f"{record['val.loss']:#.5g}" in text
    for word in ("650 parameters", "seed", "torch", "python", "command", "cross_entropy"):
        assert word in text


def test_the_row_of_the_kept_weights_is_marked(run: Path) -> None:
    text = (run / "report.html").read_text("utf-8")
    (row,) = re.findall(r'<tr class="best">(.*?)</tr>', text)
    best = json.loads(json.dumps(Run.open(run).saved()["best"]))
    assert f"<td>{best['loss']:#.5g}</td>" in row


def test_numbers_stand_under_each_other_and_whole_ones_as_such() -> None:
    shown = [number(one) for one in (0.18, 0.099, 1.5, 12.0, 0, 1e-7, None)]
    assert shown == ["0.18000", "0.09900", "1.5000", "12", "0", "1.0000e-07", "-"]


def test_the_pages_curves_have_its_colours_and_text_that_can_be_read_out() -> None:
    loss, rate = vectors(points(TWO_PHASES), [1.0])
    assert 'aria-label="loss"' in loss
    assert ">learning rate</text>" in rate
    assert "var(--mark)" in loss  # validation, in the page's own colour
    assert "var(--mark)" not in rate
    for one in (loss, rate):  # ink is the text's, so that a dark page can be read
        assert "currentColor" in one
        assert "#000000" not in one


def test_steep_losses_are_drawn_over_logarithms_and_others_as_they_are() -> None:
    def ticks(values: list[float], name: str = "loss") -> list[str]:
        (drawn,) = vectors({name: [(float(k), one) for k, one in enumerate(values)]}, [])
        return re.findall(r">([\d.]+)</text>", drawn)

    assert {"1", "0.1", "0.01"} <= set(ticks([3.0, 0.1, 0.004]))
    assert "0.01" not in ticks([3.0, 0.1, 0.004], "accuracy")
    assert ticks([3.0, 0.1, 0.0])  # nought has no logarithm


def test_tensorboard_has_the_numbers_over_all_phases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.summary.writer import event_file_writer as writer

    # Its files are read in the order of their names: the second, then how many this process wrote,
    # as a word, by which 10 is before 9.
    monkeypatch.setattr(writer, "_global_uid", writer.AtomicCounter(0))
    run = Run(tmp_path)
    for phase, turns in ((0, 2), (1, 3)):
        board = Board(run, phase, 0)
        for turn in range(1, turns + 1):
            run.log({"phase": phase, "turn": turn, "epoch": 0.0, "loss": turn})
            board.add(turn, {"loss": turn, "val.loss": 2 * turn})
        board.close()
    board = Board(run, 1, 1)  # the last two turns are made again
    board.add(2, {"loss": 20.0})
    board.close()
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"loss", "val/loss"} <= set(found.Tags()["scalars"])
    told = [(one.step, one.value) for one in found.Scalars("loss")]
    assert told == [(1, 1.0), (2, 2.0), (3, 1.0), (4, 20.0)]
