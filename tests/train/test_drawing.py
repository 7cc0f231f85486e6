"""Pictures from runs: what they are made of is drawn as the training draws it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from train.specs import written

from archc.cli.main import main
from archc.pipeline import compile_text
from archc.train import read
from archc_train.drawing import artist, save_grid

PICTURES = """
archc: 1
name: gan
params: {colours: 1}
models:
  encoder: {inputs: {image: [N, =colours, 8, 8]}, graph: [flatten, {linear: 3, name: fc}], outputs: {code: prev}}
  decoder: {inputs: {z: [N, 3]}, graph: [{linear: 64, name: fc}, {reshape: {shape: [N, 1, 8, 8]}}], outputs: {logits: prev}}
  generator:
    inputs: {code: [N, 3], psi: [4], crossing: {shape: [], dtype: int64}, alpha: {shape: []}}
    graph: [{linear: 64, in: code, name: fc}, {reshape: {shape: [N, 1, 8, 8]}}, {mul: [prev, alpha]}]
    outputs: {image: prev}
train:
  data: {digits: {range: [0, 60]}}
  batch: 10
  steps: 1
  feed: {FEED}
  updates:
    - name: one
      model: [encoder, decoder, generator]
      graph:
        - {encoder: [image], name: e}
        - {decoder: [e], name: d}
        - {mse: [d, image], name: error}
        - {full: {shape: [4], value: 1.0}, name: p}
        - {generator: [e, p, 1, 1.0], name: g}
        - {mse: [g, image], name: other}
      loss: {error: 1, other: 1}
      optimizer: sgd
"""
FED = "code: {normal: [N, 3]}, psi: {ones: [4]}, crossing: {integers: {shape: [], low: 1, high: 3}}, alpha: =progress"


@pytest.mark.parametrize(("feed", "draws"), [("", "decoder"), (FED, "generator")])
def test_the_model_that_draws_is_found(feed: str, draws: str, tmp_path: Path) -> None:
    text = PICTURES.replace("FEED", feed)
    program = compile_text(text)
    assert artist(program, read(program), None) == draws
    assert artist(program, read(program), "encoder") is None
    run, picture = tmp_path / "run", tmp_path / "grid.png"
    spec = written(tmp_path, text)
    assert main(["train", str(spec), "-o", str(run), "--device", "cpu", "-q"]) == 0
    grids = []
    for seed in ("0", "0", "1"):
        assert main(["sample", str(run), "--count", "5", "--seed", seed, "-o", str(picture)]) == 0
        grids.append(picture.read_bytes())
    assert grids[0] == grids[1] != grids[2]


def test_a_grid_shows_the_pictures_as_they_were_before_they_were_prepared(tmp_path: Path) -> None:
    from PIL import Image

    images = np.stack([np.full((3, 2, 2), value) for value in (-1.0, 0.0, 1.0)])
    save_grid(images, tmp_path / "a.png", {"mean": [0.5, 0.5, 0.5], "deviation": [0.5, 0.5, 0.5]})
    with Image.open(tmp_path / "a.png") as file:
        grid = np.asarray(file)
    assert grid.shape == (2 * 4 + 2, 2 * 4 + 2, 3)
    assert [int(grid[y, x, 0]) for y, x in ((2, 2), (2, 6), (6, 2), (6, 6))] == [0, 128, 255, 255]
