"""The ops' typing rules, weights and folding against PyTorch, on every example."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ops.cases import (
    Binding,
    Case,
    all_cases,
    bound,
    cases,
    construct,
    flat,
    inferred,
    model_ops,
    substituted,
    symbols_of,
    type_of,
)
from ops.reference import TABLE, expected
from torch.utils.flop_counter import FlopCounterMode

from archc.ir.substitution import substitute
from archc.ir.types import TensorType
from archc.ops.registry import ops
from archc.ops.site import Site

CASES = pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
ALL_CASES = pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)


def test_every_op_has_a_reference_and_documented_attributes() -> None:
    assert TABLE.keys() == model_ops().keys()
    for op_class in ops().values():
        assert op_class.__doc__, op_class
        assert op_class.examples, op_class
        for attribute in op_class.attributes.values():
            assert attribute.doc, f"{op_class.name}.{attribute.name}"


def test_every_op_whose_shape_is_not_written_out_has_an_example_with_symbols() -> None:
    symbolic = {case.op.name for case in all_cases() if case.symbols}
    of_numbers = {"constant", "weight"}
    assert ops().keys() - symbolic == of_numbers


def test_every_attribute_is_set_in_some_example() -> None:
    declared = {(name, key) for name, op in ops().items() for key in op.attributes}
    varied = {
        (case.op.name, key)
        for case in all_cases()
        for key, value in case.op.values.items()
        if value != case.op.attributes[key].default
    }
    assert sorted(declared - varied) == []


@ALL_CASES
def test_inference_commutes_with_substitution(case: Case) -> None:
    site = case.site()
    symbolic = inferred(site)
    assert len(symbolic) == len(site.op.outputs)
    for binding in case.bindings():
        there = case.site(binding)
        assert inferred(there) == tuple(substituted(type, binding) for type in symbolic)
        assert there.weights == site.weights
        assert set(there.weights) | there.used <= set(there.op.weight_names)
        assert there.used == there.fed.keys()
        outputs = inferred(there)
        assert there.op.macs(there, outputs) == substitute(site.op.macs(site, symbolic), binding)


@CASES
def test_types_are_those_of_pytorch(case: Case) -> None:
    for seed, binding in enumerate(case.bindings()):
        op, site = bound(case.op, binding), case.site(binding)
        found = expected(op, case.arrays(binding, seed), case.weights(binding))
        assert tuple(map(type_of, found)) == inferred(site)


def folded(case: Case, binding: Binding) -> tuple[Any, ...] | None:
    op = bound(case.op, binding)
    found = op.evaluate(*(value.numpy() for value in flat(op, case.arrays(binding))))
    return found if isinstance(found, tuple) or found is None else (found,)


FOLDING = [case for case in cases() if folded(case, case.bindings()[0]) is not None]


@pytest.mark.parametrize("case", FOLDING, ids=lambda case: case.id)
def test_folding_gives_the_values_of_pytorch(case: Case) -> None:
    for binding in case.bindings():
        outputs = folded(case, binding)
        assert outputs is not None
        wanted = expected(bound(case.op, binding), case.arrays(binding), case.weights(binding))
        assert len(outputs) == len(wanted)
        for ours, theirs in zip(outputs, wanted, strict=True):
            assert isinstance(ours, np.ndarray)
            assert str(ours.dtype) == type_of(theirs).dtype
            assert ours.shape == tuple(theirs.shape)
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-5)


def test_what_constant_subgraphs_are_made_of_folds() -> None:
    folding = {case.op.name for case in FOLDING}
    assert len(folding) > 60
    assert {
        "add", "cast", "concat", "constant", "gather", "greater_equal", "mul", "not_equal", "range",
        "rearrange", "reshape", "sinusoid", "slice", "split", "unstack", "where", "zeros",
    } <= folding  # fmt: skip


SYMBOLIC_SOURCES = [case for case in cases() if symbols_of(case.op) and not case.inputs]


@pytest.mark.parametrize("case", SYMBOLIC_SOURCES, ids=lambda case: case.id)
def test_a_source_of_symbolic_size_does_not_fold(case: Case) -> None:
    assert case.op.evaluate() is None


# ---- cost

COUNTED = [
    case for case in cases()
    if case.op.name.startswith(("conv", "linear", "matmul", "einsum", "attention"))
    or case.op.name.endswith("_cell")
]  # fmt: skip


@pytest.mark.parametrize("case", COUNTED, ids=lambda case: case.id)
def test_macs_are_half_of_pytorchs_flops(case: Case) -> None:
    binding = case.bindings()[0]
    site = case.site(binding)
    counter = FlopCounterMode(display=False)
    arrays, weights = case.arrays(binding), case.weights(binding)
    with counter:
        expected(site.op, arrays, weights)
    macs = site.op.macs(site, inferred(site))
    assert isinstance(macs, int)
    if not counter.get_total_flops():  # a product with a vector, which is not counted there
        assert macs == 0 or any(type.rank < 2 for type in inferred(site)) or macs > 0
        return
    assert 2 * macs == counter.get_total_flops()


def test_recurrent_macs_count_every_step_layer_and_direction() -> None:
    op = construct("lstm: {hidden: 3, layers: 2, bidirectional: true}")
    site = Site(op, {"x": TensorType("float32", (5, 7, 4)), "h": None, "c": None})
    first, second = 4 * 3 * (4 + 3), 4 * 3 * (6 + 3)
    assert op.macs(site, inferred(site)) == 5 * 7 * 2 * (first + second)


def test_the_scale_of_attention_is_that_of_the_paper() -> None:
    op: Any = construct("attention")
    assert op.scale_of(TensorType("float32", (2, 16))) == 1 / math.sqrt(16)
