"""A study's page: what is in it, and that a browser shows it, with nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest
from search import standin
from search.spaces import SPEC, opened

from archc.search.drawing import Axis, Marks, chart
from archc.search.page import page, volumes, write
from archc.search.ranking import hypervolume, point
from archc.search.record import Record, front
from archc.search.section import Objective
from archc.search.study import Study

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Elements(HTMLParser):
    """All elements with their attributes, and the text outside of styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag  # everything is closed where it was opened

    def handle_data(self, data: str) -> None:
        self.words += "" if self.open[-1:] == ["style"] else data


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    text = standin.TWO.replace("name: net\n", 'name: net\ndoc: "<b>bold</b> & more"\n')
    found = standin.searched(tmp_path_factory.mktemp("page"), text, trials=14)
    write(found, found.records)
    yield found
    found.close()


def test_it_needs_nothing_from_elsewhere(study: Study) -> None:
    text = (study.folder / "report.html").read_text("utf-8")
    elements = Elements(text)
    assert {tag for tag, _ in elements.found}.isdisjoint({"script", "link", "img", "iframe"})
    targets = [
        value
        for _, given in elements.found
        for key, value in given.items()
        if key in ("href", "src")
    ]
    assert targets and all((one or "").startswith("#trial-") for one in targets)
    assert "url(" not in text and "http" not in text
    assert "color-scheme: light dark" in text


def test_it_tells_everything(study: Study) -> None:
    elements = Elements((study.folder / "report.html").read_text("utf-8"))
    ids = [given["id"] for _, given in elements.found if "id" in given]
    places = [f"trial-{one.number}" for one in study.records]
    assert ids == ["front", "family", "lineage", "trials", *places]
    charts = [given for tag, given in elements.found if tag == "svg"]
    assert [one["aria-label"] for one in charts] == [
        "score over seconds of evaluation", "params over score",
        "hypervolume over seconds of evaluation", "family tree",
    ]  # fmt: skip
    members = front(study.records, study.search.objectives)
    for one in members:
        assert f"{one.values['score']:#.5g}" in elements.words
    assert all(one.change in elements.words for one in study.records)
    assert "<b>bold</b> & more" in elements.words  # as text


def test_every_evaluated_trial_is_in_the_family(study: Study) -> None:
    text = page(study, study.records)
    family = text[text.index('<svg class="family"') :]
    family = family[: family.index("</svg>")]
    drawn = {int(one) for one in re.findall(r'href="#trial-(\d+)"', family)}
    assert drawn == {one.number for one in study.records if one.evaluated}
    assert family.count("<path") == sum(len(one.parents) for one in study.records if one.evaluated)


def test_hostile_text_stays_text(study: Study) -> None:
    wrong = "<script>alert(1)</script>"
    records = [Record(0, "", "", change=wrong, state="failed", why=wrong, told=1, evaluated=True)]
    assert wrong not in page(study, records)


def test_a_study_without_trials_has_a_page(study: Study) -> None:
    assert "none yet" in Elements(page(study, [])).words


@pytest.mark.parametrize(
    "values", [[0.0, 1.0], [5.0, 5.0], [-3e-9, 4e-9], [1e3, 2e9], [0.91, 0.9100001], [0.0, 0.0]]
)
def test_an_axis_has_round_ticks_within_it(values: list[float]) -> None:
    axis = Axis.around(values)
    assert 2 <= len(axis.ticks) <= 12
    assert all(-1e-9 <= axis.share(one) <= 1 + 1e-9 for one in [*values, *axis.ticks])
    digits = {f"{one:.12g}".strip("-0.").rstrip("0") for one in axis.ticks}
    assert all(len(one.replace(".", "").partition("e")[0]) <= 8 for one in digits)


def test_the_hypervolume_is_added_up_point_by_point() -> None:
    """Each adds what it alone dominates; at the end it is that of all."""
    draws = Random(0)
    objectives = tuple(Objective(name, False) for name in "abc")
    search = replace(opened(SPEC)[0], objectives=objectives)
    records = [
        Record(k, "", "", state="complete", told=k + 1, values={n: draws.random() for n in "abc"})
        for k in range(40)
    ]
    points = [point(one.values, objectives) for one in records]
    low, high = map(min, zip(*points, strict=True)), map(max, zip(*points, strict=True))
    ends = list(zip(low, high, strict=True))
    scaled = [tuple((x - a) / (b - a) for x, (a, b) in zip(p, ends, strict=True)) for p in points]
    curve = volumes(records, search, {k: float(k) for k in range(40)})
    for at, volume in curve[:-1]:
        whole = hypervolume(scaled[: int(at) + 1], (1.0, 1.0, 1.0))
        assert volume == pytest.approx(whole, abs=1e-12)


def test_no_points_no_chart() -> None:
    assert chart([Marks([], "each")], "x", "y") == ""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH")
def test_a_browser_shows_it(study: Study, tmp_path: Path) -> None:
    """It lays the page out, in both schemes: pictures are not empty, and they differ."""
    assert CHROMIUM is not None
    path = study.folder / "report.html"
    pictures = []
    for scheme in ("light", "dark"):
        picture = tmp_path / f"{scheme}.png"
        done = subprocess.run(
            [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / scheme}", "--window-size=1000,1600",
             f"--screenshot={picture}", *(["--force-dark-mode"] if scheme == "dark" else []),
             path.as_uri()],
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        pictures.append(picture.read_bytes())
    assert pictures[0] != pictures[1]
    dumped = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'dom'}", "--dump-dom", path.as_uri()],
        capture_output=True, timeout=120, check=True,
    ).stdout.decode()  # fmt: skip
    shown, written = Elements(dumped), Elements(path.read_text("utf-8"))
    assert len([tag for tag, _ in shown.found if tag == "circle"]) == len(
        [tag for tag, _ in written.found if tag == "circle"]
    )
    assert len([tag for tag, _ in shown.found if tag == "tr"]) == len(
        [tag for tag, _ in written.found if tag == "tr"]
    )
