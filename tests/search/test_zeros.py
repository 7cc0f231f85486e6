"""What the digest takes for zero, where zeros disappear, and where they do not."""

from __future__ import annotations

import pytest

from archc.pipeline import compile_text


def of(graph: str, before: str = "") -> str:
    """The digest of steps on float32 x [N, 4], c [N, 1], p [N, 4, 6, 6] and int64 k [N]."""
    steps = "\n".join("  " + line for line in graph.strip("\n").splitlines())
    inputs = "{x: [N, 4], c: [N, 1], p: [N, 4, 6, 6], k: {shape: [N], dtype: int64}}"
    return compile_text(
        f"archc: 1\nname: net\ninputs: {inputs}\n{before}\ngraph:\n{steps}\n"
    ).digest


# The graphs of each list are one function.
EQUAL = {
    "zeros": [
        "- zeros_like",
        "- zeros: {shape: [N, 4]}",
        "- full: {shape: [N, 4], value: 0}",
        "- mul: [x, 0]",
        "- constant: {value: [0.0, 0, -0.0, 0]}\n- expand: {shape: [N, 4]}",
        "- zeros_like\n- relu\n- neg\n- gelu\n- softshrink",
        "- zeros_like\n- {dropout: 0.5}\n- rms_norm\n- {linear: {out: 4, bias: false}}",
        "- zeros_like\n- {linear: {out: 9, bias: false}}\n- {slice: {axis: 1, stop: 4}}",
        "- {zeros_like, name: z}\n- {add: [z, z]}\n- {sub: [prev, z]}\n- {maximum: [prev, z]}",
        "- {zeros_like, in: p}\n- {avg_pool2d: 2}\n- {max_pool2d: 3}\n- {flatten: 1}",
        "- {zeros_like, in: c, name: z}\n- {concat: [z, z, z, z]}",
        "- {zeros_like, name: z}\n- {linear: 4, in: x}\n- {mul: [prev, z]}\n- {mul: [prev, x]}",
        "- {zeros_like, in: k}\n- {cast: float32}\n- {unsqueeze: 1}\n- {mul: [prev, x]}",
    ],
    "sums": [
        "- {tanh, name: t}\n- {add: [t, x]}",
        "- {tanh, name: t}\n- {zeros_like, name: z}\n- {add: [z, t, x, z]}",
        "- {tanh, name: t}\n- {zeros_like, name: z}\n- {add: [z, t]}\n- {add: [prev, x]}",
        "- {tanh, name: t}\n- {add: [t, 0, x]}",
        "- {tanh, name: t}\n- {zeros_like, in: c, name: z}\n- {add: [t, z, x]}",
        "- {zeros_like, name: z}\n- {add: [x, z]}\n- tanh\n- {add: [x, prev]}",
    ],
    "a sum of which one operand is left": [
        "- tanh",
        "- {zeros_like, name: z}\n- {tanh, in: x}\n- {add: [prev, z]}",
        "- {tanh, name: t}\n- {zeros_like, name: z}\n- {mul: [x, z]}\n- {add: [z, t, prev]}",
    ],
    "a shape that comes from zeros alone": [
        "- {zeros_like, name: z}\n- {add: [c, z]}",
        "- {zeros: {shape: [4]}, name: z}\n- {zeros_like, in: c, name: y}\n- {add: [z, c, y]}",
    ],
    "or": [
        "- {greater: [x, 0]}",
        "- {greater: [x, 0], name: g}\n- {zeros_like, in: g, name: z}\n- {logical_or: [z, g]}",
    ],
    "a weight that counts elsewhere": [
        "- {weight: {shape: [4]}, name: w}\n- {mul: [x, w]}",
        """
- {weight: {shape: [4]}, name: w}
- {zeros_like, in: x, name: z}
- {mul: [z, w], name: dead}
- {mul: [x, w]}
- {add: [prev, dead]}
""",
    ],
    "the kernel of a convolution of zeros": [
        f"""
- {{zeros_like, in: p}}
- conv2d: {{out: 4, kernel: {kernel}, padding: {padding}, bias: false}}
- batch_norm
- {{add: [prev, p]}}
"""
        for kernel, padding in ((1, 0), (3, 1))
    ],
}

# No two graphs of a list are one function.
DIFFERENT = {
    "how often a sum has an operand": [
        "- identity", "- {add: [x, x]}", "- {add: [x, x, x]}", "- zeros_like",
        "- {add: [x, x], name: s}\n- {add: [s, s]}",
    ],
    "types": [
        "- zeros_like", "- {zeros_like, in: c}", "- {zeros_like, in: p}", "- {zeros_like, in: k}",
        "- zeros: {shape: [4]}", "- zeros: {shape: [N, 4], dtype: float64}",
        "- zeros: {shape: [4, N]}", "- zeros: {shape: [=2 * N, 4]}",
    ],
    "zeros that a sum has its shape from": [
        "- {identity, in: c}",
        "- {zeros_like, name: z}\n- {add: [c, z]}",
        "- {zeros: {shape: [N, 5]}, name: z}\n- {add: [c, z]}",
        "- {zeros: {shape: [1, N, 1]}, name: z}\n- {add: [c, z]}",
    ],
    "zeros that are put beside": [
        "- {zeros_like, name: z}\n- {concat: [x, z]}",
        "- {zeros_like, name: z}\n- {concat: [z, x]}",
        "- {zeros_like, name: z}\n- {concat: [x, z, z]}",
        "- {ones_like, name: z}\n- {concat: [x, z]}",
        "- {concat: [x, x]}",
    ],
    "other operands than those of sums": [
        "- identity", "- {zeros_like, name: z}\n- {maximum: [x, z]}",
        "- {zeros_like, name: z}\n- {minimum: [x, z]}",
        "- {zeros_like, name: z}\n- {sub: [z, x]}",
        "- {zeros_like, name: z}\n- {stack: [x, z]}", "- zeros_like",
    ],
    "ops that do not keep zeros": [
        "- zeros_like", "- zeros_like\n- sigmoid", "- zeros_like\n- cos", "- zeros_like\n- exp",
        "- zeros_like\n- softmax", "- zeros_like\n- {linear: 4}", "- zeros_like\n- layer_norm",
        "- zeros_like\n- batch_norm", "- zeros_like\n- {batch_norm: {affine: false}}",
        "- zeros_like\n- {clamp: {min: 0.5}}",
        "- zeros_like\n- {threshold: {threshold: 1, value: 2}}",
        "- zeros_like\n- {rms_norm: {eps: 0}}", "- ones_like", "- full: {shape: [N, 4], value: 1}",
    ],
    "padding": [
        "- {zeros_like, in: p}\n- {pad: {spatial: 1}}",
        "- {zeros_like, in: p}\n- {pad: {spatial: 1, value: 1}}",
    ],
    "weights that begin with zeros": [
        "- identity",
        "- {weight: {value: [0, 0, 0, 0]}, name: w}\n- {add: [x, w]}",
        "- {weight: {value: [0, 0, 0, 0]}, name: w, freeze: true}\n- {add: [x, w]}",
    ],
    "which shift a convolution of zeros leaves": [
        "- {zeros_like, in: p}\n- batch_norm\n- {add: [prev, p]}",
        "- {zeros_like, in: p}\n- batch_norm\n- batch_norm\n- {add: [prev, p]}",
        """
- {zeros_like, in: p, name: z}
- {batch_norm, name: a}
- {batch_norm, in: z, name: b}
- {add: [a, b, p]}
""",
        "- {zeros_like, in: p}\n- {batch_norm, name: a}\n- {add: [a, a, p]}",
    ],
}  # fmt: skip


@pytest.mark.parametrize("graphs", EQUAL.values(), ids=EQUAL)
def test_one_function_has_one_digest(graphs: list[str]) -> None:
    assert [graph for graph in graphs if of(graph) != of(graphs[0])] == []


@pytest.mark.parametrize("graphs", DIFFERENT.values(), ids=DIFFERENT)
def test_different_functions_have_different_digests(graphs: list[str]) -> None:
    found: dict[str, list[str]] = {}
    for graph in graphs:
        found.setdefault(of(graph), []).append(graph)
    assert [same for same in found.values() if len(same) > 1] == []


def test_a_parameter_that_passes_through_counts_as_its_number() -> None:
    """Two calls of one definition, of which one makes zeros of zeros."""
    blocks = "blocks: {at_least: {params: {low: 0.5}, graph: [{clamp: {min: =low}}]}}"
    zeros, other = of("- zeros_like"), of("- zeros_like\n- {clamp: {min: 0.25}}")
    assert of("- zeros_like\n- {at_least: -0.5}", blocks) == zeros
    assert of("- zeros_like\n- {at_least: 0.25}", blocks) == other != zeros
    both = "- {zeros_like, name: z}\n- {at_least: %s, in: z}\n- {at_least: %s, in: z}"
    assert of(both % (-0.5, 0.25), blocks) == other


def test_zeros_of_a_model_have_the_sizes_that_it_is_called_with() -> None:
    def two(first: str, second: str) -> str:
        return compile_text(f"""
archc: 1
name: net
models:
  part: {{inputs: {{z: [B, 4]}}, graph: [zeros_like]}}
  net:
    inputs: {{x: [N, 4]}}
    graph:
      - {{concat: {{axis: 0}}, in: [x, x], name: xx}}
      - {{part: [{first}], name: a}}
      - {{part: [{second}], name: b}}
    outputs: {{a: a, b: b}}
""").digest

    assert len({two("x", "xx"), two("xx", "x"), two("x", "x"), two("xx", "xx")}) == 4


def test_zeros_that_a_scan_begins_with_count() -> None:
    def scan(state: str) -> str:
        return compile_text(f"""
archc: 1
name: net
inputs: {{x: [N, T, 4]}}
blocks:
  step:
    inputs: [item, state]
    graph: [{{add: [item, state], name: s}}]
    outputs: {{state: s}}
graph:
  - {{{state}: {{shape: [N, 4]}}, name: h}}
  - {{step, in: {{item: x, state: h}}, scan: [item]}}
""").digest

    assert scan("zeros") != scan("ones")
