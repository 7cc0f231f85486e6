"""What recipes have reached, docs/recipes.json: one record a training, the newest counts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from archc.files import replacing
from bench.recipes.table import ROOT

FILE = ROOT / "docs" / "recipes.json"


@dataclass(frozen=True, slots=True)
class Result:
    """One training's numbers, and the seconds it took, data and evaluations included."""

    recipe: str
    seed: int
    numbers: dict[str, float]
    seconds: float
    threads: int
    date: str
    command: str


def read(path: Path = FILE) -> list[Result]:
    """All records."""
    if not path.exists():
        return []
    return [Result(**one) for one in json.loads(path.read_text("utf-8"))]


def add(found: Iterable[Result], path: Path = FILE) -> None:
    """Puts records in the place of those of the same recipe and seed, in a fixed order."""
    kept = {(one.recipe, one.seed): one for one in [*read(path), *found]}
    records = [asdict(kept[key]) for key in sorted(kept)]
    with replacing(path) as file:
        file.write((json.dumps(records, indent=1) + "\n").encode())
