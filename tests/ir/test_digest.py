"""The digest: what it does not see, and what it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from zoo_files import zoo

from archc.errors import SpecError
from archc.ir.digest import digest
from archc.ir.parse import parse
from archc.ir.text import text
from archc.passes import CommonSubexpressions, DeadCode, Specialise, flatten
from archc.pipeline import compile, compile_text

SPECS = Path(__file__).parents[2] / "specs"


def of(graph, *, inputs="{x: [N, 4]}", outputs=None, before="", **settings):
    """The digest of a spec with this graph."""
    tail = f"outputs: {outputs}\n" if outputs else ""
    body = f"archc: 1\nname: net\ninputs: {inputs}\n{before}\ngraph:\n{indent(graph)}\n{tail}"
    return compile_text(body, set=settings).digest


def indent(graph):
    return "\n".join("  " + line for line in graph.strip("\n").splitlines())


PLAIN = """
- {linear: 8, name: a}
- relu
- {linear: 4, name: b}
- {add: [prev, x], name: y}
"""

# Each pair is two ways to say one function.
EQUAL = {
    "names of steps": (PLAIN, PLAIN.replace("name: a", "name: p").replace("name: b", "name: q")),
    "a scope": (PLAIN, """
- name: part
  do: [{linear: 8}, relu, {linear: 4}]
- {add: [prev, x]}
"""),
    "order of operands": (PLAIN, PLAIN.replace("[prev, x]", "[x, prev]")),
    "order of steps": ("""
- {linear: 3, in: x, name: a}
- {linear: 5, in: x, name: b}
- {concat: [a, b]}
""", """
- {linear: 5, in: x, name: b}
- {linear: 3, in: x, name: a}
- {concat: [a, b]}
"""),
    "a dead step": (PLAIN, """
- {linear: 8, name: a}
- {linear: 99, in: x, name: dead}
""" + PLAIN.replace("- {linear: 8, name: a}\n- relu", "- {relu, in: a}")),
    "a step that does nothing": (
        PLAIN, PLAIN.replace("- relu", "- relu\n- identity\n- dropout: 0.0\n- drop_path: 0.0")),
    "sums of sums": ("""
- {linear: 4, name: a}
- {tanh, in: x, name: b}
- {add: [a, b, x]}
""", """
- {tanh, in: x, name: b}
- {linear: 4, in: x, name: a}
- {add: [b, x], name: inner}
- {add: [inner, a]}
"""),
    "equal steps": ("""
- {tanh, name: a}
- {add: [a, a]}
""", """
- {tanh, name: a}
- {tanh, in: x, name: b}
- {add: [a, b]}
"""),
    "a literal as float or whole number": ("- mul: [x, 2]", "- mul: [x, 2.0]"),
    "an initialiser of what is trained": (
        "- {linear: 4}", "- {linear: 4, init: {weight: {normal: 0.5}, bias: ones}}"),
    "who owns a shared weight": ("""
- {linear: {out: 4, bias: false}, name: a}
- {linear: {out: 4, bias: false}, name: b, tie: {weight: a.weight}}
""", """
- {weight: {shape: [4, 4]}, name: w}
- {linear: {out: 4, bias: false}, in: {x: x, weight: w}, name: a}
- {linear: {out: 4, bias: false}, in: {x: a, weight: w}}
"""),
    "which of two like branches comes first": ("""
- {linear: 4, in: x, name: a}
- {linear: 4, in: x, name: b}
- {relu, in: b, name: c}
- {sub: [a, c]}
""", """
- {linear: 4, in: x, name: b}
- {relu, name: c}
- {linear: 4, in: x, name: a}
- {sub: [a, c]}
"""),
    "crossed pairs of like branches": ("""
- {linear: 4, in: x, name: a}
- {linear: 4, in: x, name: b}
- {linear: 4, in: x, name: c}
- {linear: 4, in: x, name: d}
- {sub: [a, b], name: e}
- {sub: [c, d], name: f}
- {add: [e, f]}
""", """
- {linear: 4, in: x, name: d}
- {linear: 4, in: x, name: a}
- {linear: 4, in: x, name: c}
- {linear: 4, in: x, name: b}
- {sub: [a, b], name: e}
- {sub: [c, d], name: f}
- {add: [f, e]}
"""),
}  # fmt: skip

# Each pair looks alike, and is not.
DIFFERENT = {
    "one branch twice or two branches": ("""
- {linear: 4, name: a}
- {add: [a, a]}
""", """
- {linear: 4, name: a}
- {linear: 4, in: x, name: b}
- {add: [a, b]}
"""),
    "one weight twice or two weights": ("""
- {linear: {out: 4, bias: false}, name: a}
- {linear: {out: 4, bias: false}, name: b}
""", """
- {linear: {out: 4, bias: false}, name: a}
- {linear: {out: 4, bias: false}, name: b, tie: {weight: a.weight}}
"""),
    "which weights are shared": ("""
- {linear: {out: 4, bias: false}, name: a}
- {linear: {out: 4, bias: false}, name: b}
- {linear: {out: 4, bias: false}, name: c, tie: {weight: a.weight}}
""", """
- {linear: {out: 4, bias: false}, name: a}
- {linear: {out: 4, bias: false}, name: b}
- {linear: {out: 4, bias: false}, name: c, tie: {weight: b.weight}}
"""),
    "one draw or two": ("""
- {dropout: 0.5, name: a}
- {add: [a, a]}
""", """
- {dropout: 0.5, name: a}
- {dropout: 0.5, in: x, name: b}
- {add: [a, b]}
"""),
    "order of operands": ("""
- {linear: 4, name: a}
- {sub: [a, x]}
""", """
- {linear: 4, name: a}
- {sub: [x, a]}
"""),
    "order of parts": ("""
- {linear: 4, name: a}
- {concat: [a, x]}
""", """
- {linear: 4, name: a}
- {concat: [x, a]}
"""),
    "pairs or crossed pairs": ("""
- {linear: 4, in: x, name: a}
- {linear: 4, in: x, name: b}
- {sub: [a, b], name: e}
- {sub: [a, b], name: f}
- {concat: [e, f]}
""", """
- {linear: 4, in: x, name: a}
- {linear: 4, in: x, name: b}
- {sub: [a, b], name: e}
- {sub: [b, a], name: f}
- {concat: [e, f]}
"""),
    "a product of sums or a sum of products": ("""
- {linear: 4, name: a}
- {add: [a, x], name: b}
- {mul: [b, x]}
""", """
- {linear: 4, name: a}
- {mul: [a, x], name: b}
- {add: [b, x]}
"""),
    "a rate": ("- dropout: 0.1", "- dropout: 0.2"),
    "eps": ("- layer_norm", "- layer_norm: {eps: 1.0e-6}"),
    "momentum": ("- batch_norm", "- batch_norm: {momentum: 0.2}"),
    "an op": ("- relu", "- gelu"),
    "a kind of an op": ("- gelu", "- gelu: tanh"),
    "a size": ("- {linear: 4}\n- {linear: 4}", "- {linear: 5}\n- {linear: 4}"),
    "depth": ("- {linear: 4}", "- {linear: 4}\n- {linear: 4}"),
    "a bias": ("- {linear: 4}", "- {linear: {out: 4, bias: false}}"),
    "a table's values": (
        "- {weight: {value: [1.0, 2.0, 3.0, 4.0]}, name: t, freeze: true}\n- {mul: [x, t]}",
        "- {weight: {value: [1.0, 2.0, 3.0, 5.0]}, name: t, freeze: true}\n- {mul: [x, t]}"),
    "what is trained": ("- {linear: 4}", "- {linear: 4, freeze: true}"),
    "how what is never trained begins": (
        "- {linear: 4, freeze: true, init: {weight: zeros}}", "- {linear: 4, freeze: true}"),
    "a literal": ("- mul: [x, 2]", "- mul: [x, 3]"),
    "an element type": ("- {cast: float16}", "- {cast: float64}"),
    "a reduced axis": ("- {mean: {axes: [0]}}", "- {mean: {axes: [1]}}"),
    "which output is used": (
        "- {split: {into: [a, b]}, name: s}\n- relu: [s.a]",
        "- {split: {into: [a, b]}, name: s}\n- relu: [s.b]"),
}  # fmt: skip


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_it_does_not_see(pair):
    one, other = map(of, pair)
    assert one == other


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_it_sees(pair):
    one, other = map(of, pair)
    assert one != other


def test_near_misses_are_all_different():
    """No graph above is taken for that of another pair."""
    distinct = {of(graph) for pair in DIFFERENT.values() for graph in pair}
    graphs = {graph for pair in DIFFERENT.values() for graph in pair}
    assert len(distinct) == len(graphs)


BLOCKS = """
blocks:
  wrap: {graph: [core]}
  core:
    params: {rate: 0.3}
    graph: [{linear: 8}, relu, {dropout: =rate}, {linear: 4}, {add: [prev, x]}]
"""


def inline(rate):
    return f"""
- name: s
  do: [{{linear: 8, in: x}}, relu, {{dropout: {rate}}}, {{linear: 4}}, {{add: [prev, x]}}]
"""


def test_how_it_is_cut_does_not_matter():
    """A block, a block in a block, and its steps written out; a parameter or its number."""
    assert of("- core", before=BLOCKS) == of("- wrap", before=BLOCKS) == of(inline(0.3))
    assert of("- core: 0.7", before=BLOCKS) == of(inline(0.7)) != of(inline(0.3))
    assert of("- core: 0.0", before=BLOCKS) == of(inline(0.0))


def test_a_counted_repeat_is_its_copies():
    counted = "- {core, repeat: 3}"
    named = "- {core, name: a}\n- {core, name: b}\n- {core, name: c}"
    reaching = "- {core, name: h, repeat: 3}\n- {mul: [h.1, 0]}\n- {identity, in: h}"
    assert of(counted, before=BLOCKS) == of(named, before=BLOCKS) == of(reaching, before=BLOCKS)
    assert of(counted, before=BLOCKS) != of("- {core, repeat: 4}", before=BLOCKS)


def test_models_share_weights_and_blocks_do_not():
    def two(kind):
        models = "{inputs: {x: [N, 4]}, graph: [{linear: 4}]}"
        blocks = "{graph: [{linear: 4}]}"
        parts = {
            "model": f"models:\n  part: {models}\n",
            "block": f"blocks:\n  part: {blocks}\nmodels:\n",
        }
        net = """  net:
    inputs: {x: [N, 4]}
    graph: [{part: [x], name: a}, {part: [a], name: b}]
"""
        text = f"archc: 1\nname: net\n{parts[kind]}{net}"
        return compile_text(text).digest

    one = of("""
- {linear: 4, name: a}
- {linear: 4, name: b, tie: {weight: a.weight, bias: a.bias}}
""")
    two_sets = of("- {linear: 4, name: a}\n- {linear: 4, name: b}")
    assert two("model") == one
    assert two("block") == two_sets != one


SCAN = """
blocks:
  step:
    inputs: [item, state, all]
    graph:
      - {linear: 4, in: item, name: fc}
      - {add: [prev, state, all], name: s}
      - {tanh, in: fc, name: t}
    outputs: {state: s, each: t}
"""
SCANNED = "{x: [N, T, 4], h: [N, 4], m: [N, 4]}"


def test_scans_are_seen_through():
    def scan(call, outputs="{y: r.each, h: r.state}", before=SCAN):
        return of(call, inputs=SCANNED, outputs=outputs, before=before)

    plain = "- {step, in: {item: x, state: h, all: m}, scan: [item], name: r}"
    one = scan(plain)
    swapped = SCAN.replace("{state: s, each: t}", "{each: t, state: s}")
    renamed = SCAN.replace("fc", "map").replace(
        "{add: [prev, state, all]", "{add: [all, prev, state]"
    )
    assert one == scan(plain, before=swapped) == scan(plain, before=renamed)
    assert one != scan(plain, before=SCAN.replace("tanh", "relu"))
    assert one != scan(plain.replace("all: m", "all: h"))
    assert one != scan(plain, outputs="{h: r.state, y: r.each}")


def test_interfaces_count():
    graph = "- {add: [a, b]}"
    one = of(graph, inputs="{a: [N, 4], b: [N, 4]}", outputs="{y: prev}")
    assert one == of(graph, inputs="{a: [B, 4], b: [B, 4]}", outputs="{y: prev}")
    others = [
        of(graph, inputs="{b: [N, 4], a: [N, 4]}", outputs="{y: prev}"),
        of(graph.replace("b]", "c]"), inputs="{a: [N, 4], c: [N, 4]}", outputs="{y: prev}"),
        of(graph, inputs="{a: [N, 4], b: [N, 4]}", outputs="{z: prev}"),
        of(graph, inputs="{a: [N, 5], b: [N, 5]}", outputs="{y: prev}"),
        of(graph, inputs="{a: [4, 4], b: [4, 4]}", outputs="{y: prev}"),
        of(graph, inputs="{a: {shape: [N, 4], dtype: int64}, b: {shape: [N, 4], dtype: int64}}",
           outputs="{y: prev}"),
        of(graph, inputs="{a: [N, 4], b: [N, 4], c: [N]}", outputs="{y: prev}"),
    ]  # fmt: skip
    assert len({one, *others}) == 1 + len(others)


@pytest.mark.parametrize("spec", zoo())
def test_the_zoo_has_one_digest_in_every_form(spec):
    program = compile(spec)
    forms = [
        parse(text(program)), Specialise()(program), CommonSubexpressions()(DeadCode()(program)),
    ]  # fmt: skip
    for name in program.models:
        expected = digest(program, name)
        assert flatten(program, name).digest == expected
        for form in forms:
            assert digest(form, name) == expected


def test_the_zoo_has_no_false_merges():
    """No two variants of a spec are one function."""
    found = {}
    for name in ("resnet", "vgg", "gpt2", "mobilenet_v1", "swin"):
        path = SPECS / f"{name}.yaml"
        variants = compile(path).file.variants
        for variant in variants:
            found.setdefault(compile(path, variant=variant).digest, []).append(variant)
    assert [names for names in found.values() if len(names) > 1] == []


def test_it_is_the_same_in_every_process():
    """Nothing depends on Python's hashing; the version's text is pinned, and part of the digest."""
    code = "from archc.pipeline import compile; print(compile('lenet5').digest)"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("0", "1")
    }  # fmt: skip
    assert found == {compile("lenet5").digest}


def test_what_no_network_has_is_refused():
    """Blocks that call blocks twice, forty deep: a trillion steps once they are unrolled."""
    blocks = "\n".join(f"  b{k}: {{graph: [b{k - 1}, b{k - 1}]}}" for k in range(1, 41))
    with pytest.raises(SpecError, match=r"E225.*3,298,534,883,327 steps"):
        of("- b40", before=f"blocks:\n  b0: {{graph: [relu]}}\n{blocks}")


def test_the_format_is_pinned():
    """A change of the algorithm is a change of its version: caches and studies hold digests."""
    assert of(PLAIN) == "archc1-daaa429bc2531f06ea968f6becf779ed"
