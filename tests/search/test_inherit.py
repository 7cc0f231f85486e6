"""Weights of a child from its parent's: what grew computes the same before it is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import archc_torch
from archc.ir.program import Program
from archc.pipeline import compile_text
from archc.sample import lively
from archc.search.inherit import inherited
from archc_search.alike import ALIKE, gap, heir

PARAMS = "params: {width: 4, wide: 6, kernel: 3, hidden: 5, n: 2, layout: out_in}\n"
IMAGE = "inputs: {x: [N, 3, 9, 9]}\n"
SERIES = "inputs: {x: [N, T, 3]}\n"
ROWS = "inputs: {x: [N, 7]}\n"

GROWING = {
    "convolutions": (
        IMAGE + "graph: [{conv2d: {out: =width, kernel: 3}, name: a}, {batch_norm, name: n}, relu,"
        " {conv2d: {out: 5, kernel: 3}, name: b}]",
        {"width": 7},
    ),
    "depthwise between": (
        IMAGE + "graph: [{conv2d: {out: =width, kernel: 1}, name: a}, relu,"
        " {conv2d: {out: =width, kernel: 3, groups: =width}, name: d}, relu,"
        " {conv2d: {out: 2, kernel: 1}, name: b}]",
        {"width": 6},
    ),
    "flattened": (
        IMAGE + "graph: [{conv2d: {out: =width, kernel: 3}, name: a}, relu, flatten,"
        " {linear: 4, name: b}]",
        {"width": 9},
    ),
    "pooled": (
        IMAGE + "graph: [{conv2d: {out: =width, kernel: 3}, name: a}, global_avg_pool,"
        " {linear: 4, name: b}]",
        {"width": 5},
    ),
    "linear": (
        ROWS + "graph: [{linear: =wide, name: a}, tanh, {linear: 3, name: b}]",
        {"wide": 11},
    ),
    "stored the other way": (
        ROWS + "graph: [{linear: {out: =wide, layout: in_out}, name: a}, gelu,"
        " {linear: {out: 3, layout: in_out}, name: b}]",
        {"wide": 11},
    ),
    "transposed": (
        IMAGE + "graph: [{conv_transpose2d: {out: =width, kernel: 3}, name: a}, relu,"
        " {conv_transpose2d: {out: 2, kernel: 3}, name: b}]",
        {"width": 6},
    ),
    "kernel": (
        IMAGE + 'graph: [{conv2d: {out: 4, kernel: =kernel, padding: "=(kernel - 1) // 2"},'
        " name: a}]",
        {"kernel": 7},
    ),
    "kernel and width": (
        IMAGE + 'graph: [{conv2d: {out: =width, kernel: =kernel, padding: "=(kernel - 1) // 2"},'
        " name: a}, relu, {conv2d: {out: 2, kernel: 3}, name: b}]",
        {"kernel": 5, "width": 8},
    ),
    "lstm": (
        SERIES + "graph: [{lstm: =hidden, name: a}, {linear: 2, in: a.y, name: b}]",
        {"hidden": 8},
    ),
    "branches side by side": (
        IMAGE + "graph: [{conv2d: {out: 3, kernel: 3}, name: stem},"
        " {conv2d: {out: =width, kernel: 1}, in: stem, name: a},"
        " {conv2d: {out: 5, kernel: 1}, in: stem, name: b},"
        " {concat: [a, b]}, {batch_norm, name: n}, {relu, name: r},"
        " {conv2d: {out: 4, kernel: 1}, in: stem, name: other},"
        " {concat: [r, other]}, {conv2d: {out: 2, kernel: 3}, name: c},"
        " {concat: [c, c]}, flatten, {linear: 3, name: head}]",
        {"width": 7},
    ),
    "depthwise over branches": (
        IMAGE + "graph: [{conv2d: {out: =width, kernel: 1}, name: a},"
        " {conv2d: {out: 3, kernel: 1}, in: x, name: b}, {concat: [a, b]}, {max_pool2d: 2},"
        " {conv2d: {out: =width + 3, kernel: 3, groups: =width + 3}, name: d}, global_avg_pool,"
        " {linear: 4, name: head}]",
        {"width": 6},
    ),
    "both ways": (
        SERIES + "graph: [{gru: {hidden: =hidden, bidirectional: true, layers: 2}, name: a},"
        " tanh, {linear: 2, name: b}]",
        {"hidden": 6},
    ),
    "both ways in turn": (
        SERIES + "graph: [{lstm: {hidden: =hidden, bidirectional: true}, name: a},"
        " {lstm: 4, in: a.y, name: b}, {linear: 2, in: b.y, name: c}]",
        {"hidden": 8},
    ),
    "gru": (
        SERIES + "graph: [{gru: =hidden, name: a}, {linear: 2, in: a.y, name: b}]",
        {"hidden": 6},
    ),
}  # fmt: skip


def compiled(spec: str, settings: Mapping[str, int] | None = None) -> Program:
    return compile_text(
        f"archc: 1\nname: net\n{PARAMS}{spec}\noutputs: {{y: prev}}\n", set=settings
    )


def values(program: Program) -> dict[str, np.ndarray]:
    return {name: np.array(entry.array()) for name, entry in lively(program).items()}


@pytest.mark.parametrize("case", GROWING)
def test_what_grew_computes_the_same(case: str) -> None:
    spec, settings = GROWING[case]
    parent, child = compiled(spec), compiled(spec, settings)
    old = values(parent)
    new = inherited(child, parent, old)
    assert {name: array.shape for name, array in new.items()} != {
        name: array.shape for name, array in old.items()
    }
    found = gap(parent, old, child, new)
    assert found is not None and found <= ALIKE
    fresh = gap(parent, old, child, values(child))
    assert fresh is not None and fresh > 0.01  # so that the comparison can tell


DEEPENING = {
    "plain": "{linear: 7, name: a}, relu,"
    " {name: more, repeat: =n, do: [{linear: 7, name: b}, relu]}",
    "convolutions": "{conv2d: {out: 6, kernel: 1}, name: a}, relu, {name: more, repeat: =n, do: ["
    "{conv2d: {out: 6, kernel: 3, padding: 1, groups: 2}, name: b}, {batch_norm, name: c}, relu]}",
    "residual": "{thin, name: u, repeat: =n}",
    "residual blocks": "{name: more, repeat: =n, do: [{unit, name: u}]}",
}
UNITS = """\
blocks:
  thin:
    inputs: {x: }
    graph:
      [{layer_norm, name: a}, {linear: 9, name: b}, gelu, {linear: 7, name: c}, {add: [prev, x]}]
  half: {graph: [{linear: 7, name: f}, {batch_norm, name: n}]}
  unit: {inputs: {x: }, graph: [{half: [x], name: a}, silu, {half, name: b}, {add: [x, prev]}]}
"""


@pytest.mark.parametrize("case", DEEPENING)
def test_what_became_deeper_computes_the_same(case: str) -> None:
    inputs = IMAGE if "conv2d" in DEEPENING[case] else ROWS
    spec = f"{UNITS}{inputs}graph: [{DEEPENING[case]}, {{linear: 2, name: head}}]"
    parent, child = compiled(spec, {"n": 2}), compiled(spec, {"n": 3})
    old = values(parent)
    new, found = heir(parent, old, child)
    assert found is not None and found <= ALIKE
    assert new.keys() > old.keys()
    assert all(np.array_equal(new[name], array) for name, array in old.items())
    plain = gap(parent, old, child, inherited(child, parent, old))
    assert plain is not None and plain > 0.01  # so that the comparison can tell


def test_where_no_weights_keep_the_function_the_nearer_ones_are_taken() -> None:
    spec = ROWS + "graph: [{name: d, repeat: =n, do: [{linear: 7, name: b}, tanh]}]"
    parent, child = compiled(spec, {"n": 1}), compiled(spec, {"n": 2})
    old = values(parent)
    _, found = heir(parent, old, child)
    plain = gap(parent, old, child, inherited(child, parent, old))
    assert found is not None and plain is not None
    assert ALIKE < found < plain


def test_new_units_are_not_dead() -> None:
    """They begin with values of their own, so that a step moves what reads them."""
    spec, settings = GROWING["convolutions"]
    parent, child = compiled(spec), compiled(spec, settings)
    new = inherited(child, parent, values(parent))
    assert np.abs(new["a.weight"][4:]).min() > 0
    assert not new["b.weight"][:, 4:].any()
    module = archc_torch.module(child, new)
    import torch

    module(torch.randn(2, 3, 9, 9)).square().sum().backward()
    gradient = dict(module.named_parameters())["b.weight"].grad
    assert gradient is not None and gradient[:, 4:].abs().max() > 1e-4


def test_what_shrank_keeps_its_first_units_and_the_middle_of_kernels() -> None:
    spec, _ = GROWING["kernel and width"]
    parent, child = compiled(spec, {"kernel": 5, "width": 8}), compiled(spec)
    old = values(parent)
    new = inherited(child, parent, old)
    assert np.array_equal(new["a.weight"], old["a.weight"][:4, :, 1:4, 1:4])
    assert np.array_equal(new["b.weight"], old["b.weight"][:, :4])


def test_names_that_the_parent_has_not_begin_anew_and_tables_stay() -> None:
    spec = ROWS + "graph: [{linear: 3, name: a}, {linear: 3, name: b}]"
    child = parent = compiled(spec)
    old = {name: array for name, array in values(child).items() if name.startswith("a.")}
    new = inherited(child, parent, old, seed=3)
    assert np.array_equal(new["a.weight"], old["a.weight"])
    assert np.array_equal(new["b.weight"], inherited(child, parent, {}, seed=3)["b.weight"])
