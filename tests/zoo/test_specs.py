"""What every spec of the zoo promises to its reader."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from statistics import median

import pytest

from archc.catalog import files, first_sentence, paper
from archc.ir.program import Program
from archc.pipeline import compile
from archc.zoo import variants

EVERY = pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
LONGEST = 135  # lines: the Transformer, with its cache and its step, is five models
USUAL = 80


@cache
def program(path: Path) -> Program:
    first, *_ = variants(path) or [None]
    return compile(path, variant=first)


@EVERY
def test_it_begins_with_what_it_is(path: Path) -> None:
    data = program(path).file.data
    assert list(data.entries)[:4] == ["archc", "name", "task", "doc"]
    task = program(path).task
    assert task == " ".join(task.split()) and 0 < len(task) <= 40
    assert not task.endswith(".")


@EVERY
def test_it_names_its_paper_and_says_what_was_new(path: Path) -> None:
    doc = program(path).doc
    found = paper(doc)
    assert found.title and found.authors, first_sentence(doc)
    assert found.year is not None and 1940 < found.year < 2100
    assert first_sentence(doc) == f"{found}.", "the first sentence is: Title (authors, year)."
    told = " ".join(doc.split())[len(first_sentence(doc)) :].split()
    assert 30 <= len(told) <= 160, f"{len(told)} words say what was new"


@EVERY
def test_nothing_in_it_is_warned_of(path: Path) -> None:
    for variant in variants(path) or [None]:
        assert compile(path, variant=variant).warnings == (), variant


@EVERY
def test_it_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


def test_the_median_spec_fits_a_screen_or_two() -> None:
    assert median(len(path.read_text("utf-8").splitlines()) for path in files()) < USUAL
