"""`docs/language.md`: every snippet does what the page says, and the page leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.runner import ROOT, Block, Session, blocks, check_spec, parameters

from archc.init import INITIALISERS
from archc.ir.types import DTYPES
from archc.spec.ast import MODIFIERS, TYPE_NAMES
from archc.spec.functions import FUNCTIONS
from archc.spec.skeleton import SKELETON

PAGE = ROOT / "docs" / "language.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("block", parameters(PAGE))
def test_a_snippet_does_what_the_page_says(block: Block, tmp_path: Path) -> None:
    check_spec(block, tmp_path)


def test_commands_print_what_the_page_says(tmp_path: Path) -> None:
    shown = [block for block in blocks(PAGE) if block.name or block.language == "console"]
    Session(PAGE, tmp_path).run(shown)


@pytest.mark.parametrize(
    "words",
    [MODIFIERS, TYPE_NAMES, DTYPES, INITIALISERS, FUNCTIONS, SKELETON["properties"]],
    ids=["modifiers", "types of parameters", "dtypes", "initialisers", "functions", "keys"],
)
def test_the_page_names_everything_there_is(words: list[str]) -> None:
    said = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))
    assert [word for word in words if word not in said] == []
