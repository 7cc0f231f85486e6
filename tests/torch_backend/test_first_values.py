"""The first values that a source gives its weights by itself, where archc gives it none."""

from __future__ import annotations

from typing import Any

import pytest

import archc
import archc_torch

SPEC = """
archc: 1
inputs: {x: [N, 64]}
blocks:
  b:
    params: {pre: false, post: false}
    graph:
      - name: f
        do:
          - {linear: {out: 64, bias: false}, when: =pre, init: {weight: ones}}
          - {linear: {out: 64, bias: false}, init: {weight: {normal: 0.5}}}
          - {layer_norm, when: =post}
graph:
  - {b: {pre: true}, name: one}
  - {b, name: two}
  - {b: {post: true}, name: three}
"""


@pytest.mark.parametrize(("name", "place"), [("one", 1), ("two", 0), ("three", 0)])
def test_they_are_those_of_the_step_wherever_others_are_left_out(name: str, place: int) -> None:
    """The same statement says it for instances that have a step before it and that have not."""
    made: dict[str, Any] = {}
    exec(archc_torch.source(archc.compile_text(SPEC)), made)
    weight = getattr(made["Model"](), name).f[place].weight
    assert 0.45 < weight.std().item() < 0.55
