"""The searches in specs/searches/ and what they found: each is run small, and builds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archc_torch
from archc.cli.main import main
from archc.pipeline import compile

SPECS = Path(__file__).parents[2] / "specs" / "searches"
SEARCHES = sorted(path.stem for path in SPECS.glob("*.yaml") if "\nsearch:" in path.read_text())
OTHERS = sorted(path for path in SPECS.rglob("*.yaml") if path.stem not in SEARCHES)


def pictures(folder: Path) -> Path:
    draws, arrays = np.random.default_rng(0), dict[str, Any]()
    for part, count in (("train", 400), ("test", 10)):
        arrays[f"x_{part}"] = draws.integers(0, 256, (count, 28, 28), "uint8")
        arrays[f"y_{part}"] = np.arange(count) % 10
    np.savez(folder / "pictures.npz", **arrays)
    return folder / "pictures.npz"


def letters(folder: Path) -> Path:
    draws = np.random.default_rng(0)
    text = "".join(chr(97 + k) for k in draws.integers(0, 26, 20_000))
    (folder / "letters.txt").write_text(text)
    return folder / "letters.txt"


DATA = {"fashion_mnist": pictures, "characters": letters}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_begins(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, study = str(DATA[name](tmp_path)), str(tmp_path / "study")
    spec, given = str(SPECS / f"{name}.yaml"), ("--trials", "2", "--workers", "1")
    assert main(["check", spec]) == 0
    assert main(["search", spec, "-o", study, "--data", data, *given, "-q"]) == 0
    capsys.readouterr()
    assert main(["study", "show", study, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["evaluated"] == 2
    assert {one["state"] for one in shown["records"]} <= {"complete", "limited"}, shown["records"]


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_what_is_compared_builds(path: Path) -> None:
    file = compile(path).file
    assert file is not None
    for variant in (None, *file.variants):
        archc_torch.module(compile(path, variant=variant))
