"""Small specs on which PyTorch and onnxruntime would once have differed, or one of them failed."""

from __future__ import annotations

import pytest

from archc.pipeline import compile_text
from archc_ort.verify import verify

SPECS = {
    "a size read behind a step that is left out elsewhere": """
inputs: {image: [N, 3, H, W]}
blocks:
  branch:
    params: {pool: false}
    graph:
      - {avg_pool2d: 2, when: =pool}
      - {conv2d: {out: 8, kernel: 3, padding: 1}, name: conv}
      - resize: {size: "=x.shape[2:]", mode: bilinear}
graph:
  - {branch, in: image, name: a}
  - {branch: {pool: true}, in: image, name: b}
  - add: [a, b]
""",
    "numbers that grow beside a factor": """
inputs: {image: [N, 3, 8, 8]}
blocks:
  unit: {params: {out: int}, graph: [{conv2d: {out: =out, kernel: 3, padding: 1}}, relu]}
  tower:
    params: {planes: int}
    graph:
      - name: body
        do: [{unit: =2 * planes}, {unit: =3 * planes}, {unit: =4 * planes}, {unit: =5 * planes}]
graph: [{tower: 8, name: a}, {tower: 16, name: b}]
""",
    "numbers that are taken away": """
inputs: {image: [N, 64, 8, 8]}
blocks:
  unit: {params: {out: int}, graph: [{conv2d: {out: =out, kernel: 1}}, relu]}
  tower:
    graph:
      - name: body
        do:
          - {unit: =x.channels - 8}
          - {unit: =x.channels - 16}
          - {unit: =x.channels - 24}
          - {unit: =x.channels - 32}
graph: [{tower, name: a}, {conv2d: {out: 56, kernel: 1}, name: c}, {tower, name: b}]
""",
    "a factor that rounds down in single precision": """
inputs: {image: [N, 3, 90, 90]}
graph: [{resize: {scale: 1.3, mode: bilinear}}]
""",
    "a factor that rounds up in single precision": """
inputs: {image: [N, 3, 100, 100]}
graph: [{resize: {scale: 0.29, mode: bilinear}}]
""",
    "a dilated pooling that keeps the size": """
inputs: {image: [N, 4, 9, W]}
graph: [{max_pool2d: {kernel: 3, stride: 1, dilation: 2, padding: 2}}]
""",
    "a part that is all": """
inputs: {x: [N, 6]}
graph: [{split: {into: [a]}, name: s}, relu]
""",
    "a part of a size that is all": """
inputs: {x: [N, 6]}
graph: [{split: {into: [a], sizes: [6]}, name: s}, {linear: 3}]
""",
    "the only one of a list": """
inputs: {x: [N, 1, 6]}
graph: [{unstack: {into: [a], axis: 1}, name: s}, {linear: 3}]
""",
    "causal attention of more queries than keys": """
inputs: {mem: [N, S, 4], x: [N, T, 4]}
graph: [{attention: {causal: true}, in: [x, mem, mem]}]
""",
    "causal attention of more keys than queries": """
inputs: {x: [N, T, 4], mem: [N, S, 4]}
graph: [{attention: {causal: true}, in: [x, mem, mem]}]
""",
}


@pytest.mark.parametrize("name", SPECS)
def test_both_give_the_same(name: str) -> None:
    verdict = verify(compile_text(f"archc: 1\n{SPECS[name]}"), sizes=3)
    assert verdict.passed, verdict


def test_the_first_of_more_queries_than_keys_attend_to_nothing() -> None:
    program = compile_text(f"archc: 1\n{SPECS['causal attention of more queries than keys']}")
    assert verify(program, at={"N": 2, "T": 5, "S": 3}).passed
