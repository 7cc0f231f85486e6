"""The zoo as test parameters: every spec, the largest in one of its smaller variants."""

from __future__ import annotations

from pathlib import Path

import pytest

SMALLER = {"stylegan": "stylegan32"}


def zoo(*without: str) -> list[object]:
    """A parameter `path` or `path:variant` for each spec, but for those named."""
    found = []
    for path in sorted((Path(__file__).parent.parent / "specs").glob("*.yaml")):
        if path.stem not in without:
            variant = SMALLER.get(path.stem)
            spec = f"{path}:{variant}" if variant else str(path)
            found.append(pytest.param(spec, id=path.stem))
    return found
