"""An op in terms of others computes what the op computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from ops.cases import Case, bound, cases, construct, flat, inferred, symbols_of, type_of
from ops.reference import expected
from torch import Tensor

from archc.ir.types import TensorType
from archc.ops.base import Op
from archc.ops.registry import ops
from archc.ops.site import Site

CASES = pytest.mark.parametrize(
    "case", [c for c in cases() if type(c.op).expand is not Op.expand], ids=lambda case: case.id
)

PRIMITIVE = {"batch_norm-0", "batch_norm-1", "floor_div-0"}  # with these settings, ONNX has the op


@dataclass(frozen=True)
class Value:
    """A term of a decomposition that is computed as it is built, or only typed."""

    type: TensorType
    tensor: Tensor | None = None


class Eager:
    """Runs the ops that a decomposition adds, and checks their types on the way."""

    def __init__(self, weights: dict[str, Value]) -> None:
        self.weights = weights
        self.used: list[str] = []

    def weight(self, name: str) -> Value:
        return self.weights[name]

    def op(self, name: str, *inputs: Value | float | None, **attributes: Any) -> Value:
        return self.outputs(name, *inputs, **attributes)[0]

    def outputs(self, name: str, *inputs: Value | float | None, **given: Any) -> tuple[Value, ...]:
        self.used.append(name)
        fed = {key: value for key, value in given.items() if isinstance(value, Value)}
        op = ops()[name].make(**{key: v for key, v in given.items() if key not in fed})
        dtypes = [value.type.dtype for value in inputs if isinstance(value, Value)]
        terms = [self.lifted(value, dtypes[-1] if dtypes else "float32") for value in inputs]
        slots: dict[str, Any] = {}
        for slot in op.inputs:
            if slot.variadic:
                slots[slot.name] = tuple(terms)
            else:
                slots[slot.name] = terms.pop(0) if terms else None
        site = Site(op, each(slots, "type"), each(fed, "type"))
        types = inferred(site)
        assert not site.weights
        if symbols_of(op) or any(v.tensor is None for v in [*fed.values(), *flat(op, slots)]):
            return tuple(map(Value, types))
        found = expected(op, each(slots, "tensor"), each(fed, "tensor"))
        assert tuple(map(type_of, found)) == types
        return tuple(map(Value, types, found))

    def lifted(self, value: Value | float | None, dtype: str) -> Value | None:
        if value is None or isinstance(value, Value):
            return value
        tensor = torch.tensor(value, dtype=getattr(torch, dtype))
        return Value(type_of(tensor), tensor)


def each(values: dict[str, Any], what: str) -> dict[str, Any]:
    """An attribute of every value of a mapping whose values may be tuples or None."""
    return {
        name: tuple(getattr(item, what) for item in value)
        if isinstance(value, tuple)
        else None if value is None else getattr(value, what)
        for name, value in values.items()
    }  # fmt: skip


@CASES
def test_decompositions_compute_the_op(case: Case) -> None:
    for binding in case.bindings():
        op, arrays, weights = bound(case.op, binding), case.arrays(binding), case.weights(binding)
        build = Eager({name: Value(type_of(value), value) for name, value in weights.items()})
        terms = [Value(type_of(value), value) for value in flat(op, arrays)]
        found = op.expand(build, *terms)
        assert (found is None) == (case.id in PRIMITIVE)
        if found is None:
            continue
        assert op.name not in build.used
        outputs = found if isinstance(found, tuple) else (found,)
        for ours, theirs in zip(outputs, expected(op, arrays, weights), strict=True):
            assert ours.type == type_of(theirs)
            torch.testing.assert_close(ours.tensor, theirs, rtol=1e-5, atol=1e-5)


@CASES
def test_decompositions_keep_symbolic_types(case: Case) -> None:
    site = case.site()
    types = inferred(site)
    weights = {name: Value(weight.type) for name, weight in site.weights.items()}
    weights |= {name: Value(type) for name, type in site.fed.items()}
    terms = [Value(type) for type in flat(case.op, site.inputs)]
    found = case.op.expand(Eager(weights), *terms)
    assert (found is None) == (case.id in PRIMITIVE)
    if found is None:
        return
    outputs = found if isinstance(found, tuple) else (found,)
    assert tuple(value.type for value in outputs) == types


def test_attention_is_zero_where_a_query_may_attend_to_no_key() -> None:
    op = construct("attention")
    seen = torch.tensor([[True, True, False], [False, False, False]])
    tensors = [torch.randn(2, 4), torch.randn(3, 4), torch.randn(3, 5), seen]
    build = Eager({})
    found: Any = op.expand(build, *(Value(type_of(t), t) for t in tensors))
    (wanted,) = expected(op, dict(zip("qkv", tensors, strict=False)) | {"mask": seen}, {})
    torch.testing.assert_close(found.tensor, wanted)
    assert (found.tensor[1] == 0).all()
