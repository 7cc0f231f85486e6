"""What an op says that it makes of zeros, it makes of them in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import unwrap

import pytest
import torch
from ops.cases import Case, bound, cases, flat
from ops.reference import expected

PRODUCTS = {"mul", "matmul", "einsum", "logical_and"}


def claims(case: Case) -> Iterator[tuple[bool, ...]]:
    """Which inputs are zero where the op says that its outputs are: all, a single one, or none."""
    count = sum(len(parts) for parts in case.inputs.values())
    choices = {(True,) * count, (False,) * count}
    choices |= {tuple(k == place for k in range(count)) for place in range(count)}
    yield from (choice for choice in sorted(choices) if case.op.gives_zero(choice))


CLAIMS = [(case, zero) for case in cases() for zero in claims(case)]


@pytest.mark.parametrize(("case", "zero"), CLAIMS, ids=lambda value: getattr(value, "id", None))
def test_zeros_are_what_it_says(case: Case, zero: tuple[bool, ...]) -> None:
    """Zeros to the bit's value, and no infinite derivative that a gradient could meet there."""
    for binding in case.bindings():
        inputs = case.arrays(binding)
        for value, none in zip(flat(case.op, inputs), zero, strict=True):
            if none:
                value.zero_()
            if value.dtype.is_floating_point:
                value.requires_grad_()
        weights = case.weights(binding)
        # With gradients, which `expected` itself leaves out.
        outputs = unwrap(expected)(bound(case.op, binding), inputs, weights)
        for output in outputs:
            assert torch.count_nonzero(output) == 0
            if output.requires_grad:
                output.sum().backward(retain_graph=True)
        for value in flat(case.op, inputs):
            assert value.grad is None or torch.isfinite(value.grad).all()


def test_the_claims_are_those_of_what_networks_are_made_of() -> None:
    made = {case.op.name for case, _ in CLAIMS}
    assert made >= {
        "identity",
        "relu",
        "avg_pool2d",
        "add",
        "conv2d",
        "linear",
        "reshape",
        *PRODUCTS,
    }
    assert not made & {"sigmoid", "softmax", "exp", "sqrt", "div", "ones_like", "embedding", "lstm"}


def test_one_zero_is_enough_for_products_alone() -> None:
    alone = {case.op.name for case, zero in CLAIMS if not all(zero)}
    assert alone == PRODUCTS | {"zeros_like"}
