"""What `archc explain` tells: a page a code, a topic or a key, and one made from each op's class.

A code's page is `E301.md`, of a fixed form: a title `# E301: …`, its text, and, where the mistake
is one in a spec, two whole specs, fenced as `yaml wrong` and `yaml right`. A topic's page is named
in lower case and is free in form. `keys.md` has a section for each key of the language that no
topic is about, `## freeze: …`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
CODE = re.compile(r"[EW][0-9]{3}\Z")
_EXAMPLE = re.compile(r"^```(\w+) (wrong|right)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A fenced example of a page: its language, whether it is the wrong one, and its text."""

    language: str
    wrong: bool
    text: str


def codes() -> list[str]:
    """The codes that have a page, in order."""
    return [path.stem for path in _pages() if CODE.match(path.stem)]


def topics() -> list[str]:
    """The topics and the keys of the language, in order."""
    own = [path.stem for path in _pages() if not CODE.match(path.stem) and path.stem != "keys"]
    return sorted([*own, *_keys()])


@cache
def _keys() -> dict[str, str]:
    """The sections of keys.md as pages."""
    sections = re.split(
        r"^## (?=\w+: )", (FOLDER / "keys.md").read_text("utf-8"), flags=re.MULTILINE
    )
    named = (section.partition(": ") for section in sections if section)
    return {name: f"# {text.strip()}\n" for name, _, text in named}


def page(name: str) -> str | None:
    """The page of a code or a topic, as Markdown; None if there is none."""
    if name in _keys():
        return _keys()[name]
    path = FOLDER / f"{name}.md"
    return path.read_text(encoding="utf-8") if name in {*codes(), *topics()} else None


def title(name: str) -> str:
    """The title of a code's or topic's page, without the code."""
    first = (page(name) or "").partition("\n")[0].removeprefix("# ")
    return first.removeprefix(f"{name}: ")


def examples(text: str) -> Iterator[Example]:
    """The examples in a page."""
    for language, kind, body in _EXAMPLE.findall(text):
        yield Example(language, kind == "wrong", body)


def _pages() -> list[Path]:
    return sorted(FOLDER.glob("*.md"))
