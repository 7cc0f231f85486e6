"""What all pages have in common: links lead somewhere, and what is named is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from docs.runner import ROOT, blocks

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors that headings get on the usual sites."""
    titles = _HEADING.findall(_FENCED.sub("", text))
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = []
    for link in _LINK.findall(_FENCED.sub("", text)):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        found = target.exists()
        if found and anchor:
            found = anchor in anchors(target.read_text(encoding="utf-8"))
        if not found:
            broken.append(link)
    assert broken == []


def test_the_tree_in_the_architecture_is_the_tree() -> None:
    (tree,) = [block for block in blocks(ROOT / "ARCHITECTURE.md") if block.kind == "data"]
    folders, named = [ROOT], set()
    for row in tree.text.splitlines():
        depth = (len(row) - len(row.lstrip())) // 2
        del folders[depth + 1 :]
        words = [word for word in row.split() if re.fullmatch(r"\w+(/|\.py)", word)]
        for name in words:
            path = folders[depth] / name
            assert path.exists(), path
            named.add(path)
        if words[-1].endswith("/"):
            folders.append(folders[depth] / words[-1])
    core = {path for path in (ROOT / "archc").iterdir() if path.is_dir()} | {
        path for path in (ROOT / "backends").iterdir() if path.is_dir()
    }
    left_out = {path.name for path in core - named if path.name[0] not in "._"}
    assert left_out == set()


def test_pages_name_extras_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {
        (name, extra)
        for page in PAGES
        for name, extras in re.findall(
            r"pip install \"([\w-]+)\[([\w,]+)\]\"", page.read_text("utf-8")
        )
        for extra in extras.split(",")
    }
    known = {(project["name"], extra) for extra in project["optional-dependencies"]}
    assert found - known == set()
