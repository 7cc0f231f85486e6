"""Test cases as text files: a line `==== name` begins each section."""

from __future__ import annotations

from pathlib import Path


def sections(path: Path) -> dict[str, str]:
    """The sections of a file by name, in order, each ending in one line break."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("==== "):
            lines = found.setdefault(line[5:].strip(), [])
        else:
            lines.append(line)
    return {name: "\n".join(lines).strip("\n") + "\n" for name, lines in found.items()}
