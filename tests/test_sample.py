"""Inputs to try a network with stay within what they index."""

from __future__ import annotations

from pathlib import Path

import pytest

from archc.pipeline import compile
from archc.sample import bindings, inputs

CASES = {
    "one_hot": ("i: {shape: [N], dtype: int64}", "[{one_hot: 2}]", 2),
    "a table of an open size": (
        "x: [N, T, 8], i: {shape: [N, 1, 8], dtype: int64}",
        "[{gather: {axis: 1}, in: [x, i]}]",
        2,  # T is at least that
    ),
    "something added on the way": (
        "i: {shape: [N, 2], dtype: int64}",
        "[{constant: {value: [0, 10]}, name: k}, {add: [i, k]}, {embedding: {num: 11, dim: 4}}]",
        1,
    ),
    "a block on the way": (
        "i: {shape: [N], dtype: int64}",
        "[{later: {}}, {embedding: {num: 3, dim: 4}}]",
        1,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_indices_are_within_their_tables(case: str, tmp_path: Path) -> None:
    given, graph, rows = CASES[case]
    path = tmp_path / "net.yaml"
    text = (
        f"archc: 1\nname: net\ninputs: {{{given}}}\nblocks: {{later: {{graph: [{{add: [x, 2]}}]}}}}"
    )
    path.write_text(f"{text}\ngraph: {graph}\n")
    model = compile(path).model
    for sizes in bindings(model):
        for seed in range(20):
            assert inputs(model, sizes, seed)["i"].max() < max(rows, sizes.get("T", 0))
