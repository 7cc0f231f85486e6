"""Structural moves one after another: a spec stays one however many are made."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from archc.pipeline import compile_text
from archc.search.candidate import Candidate, network_digest
from archc.search.moves import moves
from archc.search.section import Moves

SPECS = Path(__file__).parents[2] / "specs"

ORIGINS = {
    "resnet": {"block": "basic", "depths": [2, 2, 2, 2]},
    "mobilenet_v2": {
        "resolution": 64,
        "stages": [
            {"expand": 1, "out": 16, "layers": 1, "stride": 1},
            {"expand": 6, "out": 24, "layers": 2, "stride": 2},
        ],
    },
    "gpt2": {"vocab": 64, "context": 16, "dim": 24, "heads": 4, "layers": 3},
    "language_model": {"vocab": 64, "dim": 24, "hidden": 24, "layers": 1},
}


@pytest.mark.parametrize("name", ORIGINS)
def test_chains_of_random_moves_stay_specs(name: str) -> None:
    path = SPECS / f"{name}.yaml"
    origin = Candidate.read(path.read_text(encoding="utf-8"), path).with_values(ORIGINS[name])
    candidate, random = origin, Random(f"7 {name}")
    kinds: Counter[str] = Counter()
    digests = {candidate.digest}
    for step in range(25):
        made = moves(candidate).draw(random)
        assert made is not None
        candidate = made.made(candidate)
        kinds[made.kind] += 1
        digests.add(candidate.digest)
        if step % 5 == 4:
            read_again = compile_text(candidate.text())
            assert network_digest(read_again) == candidate.network, made.what
    assert len(kinds) >= 6
    assert len(digests) > 20
    again, random = origin, Random(f"7 {name}")
    for _ in range(10):
        found = moves(again).draw(random)
        assert found is not None
        again = found.made(again)
    assert again.digest in digests  # the same seed makes the same moves


@pytest.mark.parametrize("varied", [False, True])
def test_what_is_varied_is_left_to_its_own_domain(varied: bool) -> None:
    text = """\
archc: 1
name: net
params: {n: 2, width: 8}
inputs: {x: [N, 8]}
graph: [{linear: =width, repeat: =n}, relu]
search:
  vary: {VARIED: {int: [1, 2]}}
  objectives: {maximize: score}
  budget: {trials: 9}
"""
    text = text.replace("VARIED", "n" if varied else "width")
    candidate = Candidate.read(text, Path("net.yaml"))
    assert [move.values for move in moves(candidate).all("repeat")] == (
        [] if varied else [{"n": 3}, {"n": 1}]
    )


def test_copies_of_blocks_go_when_nothing_calls_them_any_more() -> None:
    text = """\
archc: 1
name: net
inputs: {x: [N, 8]}
blocks:
  half: {graph: [{linear: 8}, relu]}
  unit: {graph: [{half, name: a}, {half, name: b}]}
graph: [{unit, name: a}, {unit, name: b}, {linear: 8}, relu]
"""
    candidate, random = Candidate.read(text, Path("net.yaml")), Random(1)
    counts: list[int] = []
    for _ in range(150):
        made = moves(candidate, Moves(kinds=("swap", "remove", "duplicate"))).draw(random)
        assert made is not None
        candidate = made.made(candidate)
        shown = re.sub(r"\s+", " ", candidate.text())
        copies = [name for name in candidate.file.blocks if name not in ("half", "unit")]
        counts.append(len(copies))
        for name in copies:
            assert len(re.findall(rf"\b{name}\b", shown)) > 1, name
    assert any(after < before for before, after in pairwise(counts))
