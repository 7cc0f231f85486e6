"""docs/data.md: it names every source and option that there is, and its snippets are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archc.errors import ArchcError
from archc.pipeline import compile_text
from archc.train import read
from archc.train.kinds import KINDS, OPTIONS
from archc_train.data import data_of
from archc_train.data.sources import READERS

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NET = "archc: 1\nname: net\ninputs: {image: [N, 1, 8, 8]}\ngraph: [flatten, {linear: 2}]\n"


def rows(heading: str) -> dict[str, str]:
    """A section's table: the words in the first column, and the row."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found: dict[str, str] = {}
    for line in re.findall(r"^\| (`.*) \|$", section, re.MULTILINE):
        first = line.partition(" | ")[0]
        found.update(dict.fromkeys(re.findall(r"`(\w+)`", first), line))
    return found


def test_every_source_is_named() -> None:
    assert set(rows("Sources")) == set(KINDS) == set(READERS)


def test_every_option_is_explained() -> None:
    named = {word for h in ("Images", "Texts, tables, series", "Which items") for word in rows(h)}
    rest = {"path", "name", "config"}  # of `path` and `hub` the text tells
    assert named | rest == set(OPTIONS)
    assert {option for kind in KINDS.values() for option in kind.options} | {"path"} == set(OPTIONS)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippets_are_sections_that_are_understood(snippet: str) -> None:
    if "data:" not in snippet:
        snippet = snippet.replace("train:\n", "train:\n  data: digits\n")
    text = NET + snippet.rstrip() + "\n  loss: {mse: [output, 0]}\n  optimizer: adam\n"
    program = compile_text(text)
    try:
        data_of(program, read(program))
    except ArchcError as error:  # the files and the package of the examples are not here
        found = error.diagnostics[0]
        assert found.code == "E806" and (
            "no file or folder" in found.message or "apt-get" in found.help
        )
