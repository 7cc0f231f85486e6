"""Pages that run from top to bottom: what they print is what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.runner import ROOT, Session, blocks

PAGES = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "docs/walkthrough.md"]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_its_code_prints(name: str, tmp_path: Path) -> None:
    page = ROOT / name
    Session(page, tmp_path).run(blocks(page))
