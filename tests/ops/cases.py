"""The ops' examples as test cases: ops, input types, and arrays for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import yaml
from torch import Tensor

from archc.ir.dims import Dim, Size, symbol, symbols
from archc.ir.substitution import substitute
from archc.ir.types import TensorType
from archc.ops.base import Op
from archc.ops.examples import Feed, feeds
from archc.ops.registry import ops
from archc.ops.site import Site
from archc.spec.formula import evaluate, parse
from archc.spec.values import Budget

Binding = Mapping[str, int]
Inputs = dict[str, Tensor | tuple[Tensor, ...] | None]


@dataclass(frozen=True, eq=False)
class Case:
    """One example: the op, what its inputs are, and what is fed in the place of weights."""

    id: str
    op: Op
    inputs: dict[str, tuple[Feed, ...]]
    fed: dict[str, Feed]

    @property
    def symbols(self) -> list[str]:
        """The symbols of the inputs and the attributes, in order."""
        types = [part.type for parts in self.inputs.values() for part in parts]
        types += [part.type for part in self.fed.values()]
        found = {name for type in types for name in type.symbols}
        return sorted(found | symbols_of(self.op))

    def bindings(self) -> list[dict[str, int]]:
        """Two choices of small distinct sizes for the symbols; one if there are none."""
        names = self.symbols
        return [
            {name: first + step * place for place, name in enumerate(names)}
            for first, step in ((4, 1), (5, 2))[: 2 if names else 1]
        ]

    def site(self, binding: Binding | None = None) -> Site:
        """The use of the op that the example shows, its symbols bound if asked for."""
        op = self.op if binding is None else bound(self.op, binding)
        types: dict[str, TensorType | tuple[TensorType, ...] | None] = {}
        for slot in op.inputs:
            found = tuple(_type(part.type, binding) for part in self.inputs.get(slot.name, ()))
            types[slot.name] = found if slot.variadic else found[0] if found else None
        return Site(op, types, {name: _type(part.type, binding) for name, part in self.fed.items()})

    def arrays(self, binding: Binding, seed: int = 0) -> Inputs:
        """Random inputs of the right types, within the example's bounds."""
        source = torch.Generator().manual_seed(seed)
        result: Inputs = {}
        for slot in self.op.inputs:
            found = tuple(draw(part, binding, source) for part in self.inputs.get(slot.name, ()))
            result[slot.name] = found if slot.variadic else found[0] if found else None
        return result

    def weights(self, binding: Binding, seed: int = 1) -> dict[str, Tensor]:
        """Random weights: those that the op declares, and those that are fed."""
        source = torch.Generator().manual_seed(seed)
        site = self.site(binding)
        site.op.infer(site)
        result = {name: draw(part, binding, source) for name, part in self.fed.items()}
        for name, weight in site.weights.items():
            positive = name == "running_var"
            result[name] = draw(Feed(weight.type, 0.5 if positive else None, 2.0), {}, source)
        return result


def model_ops() -> dict[str, type[Op]]:
    """The ops that models can have: all but those of a training alone."""
    return {name: op for name, op in ops().items() if not op.training_only}


@cache
def cases() -> list[Case]:
    """Every example of every op that models can have."""
    return [case for case in all_cases() if not case.op.training_only]


@cache
def all_cases() -> list[Case]:
    """Every example of every op."""
    found = []
    for op_class in ops().values():
        for place, example in enumerate(op_class.examples):
            given = feeds(example)
            names = {slot.name for slot in op_class.inputs}
            inputs = {name: parts for name, parts in given.items() if name in names}
            fed = {name: parts[0] for name, parts in given.items() if name not in names}
            op = construct(example.step)
            assert fed.keys() <= set(op.weight_names), example
            found.append(Case(f"{op.name}-{place}", op, inputs, fed))
    return found


def construct(step: str) -> Op:
    """The op of a step written as YAML, without modifiers and inputs."""
    data = yaml.safe_load(step)
    [(name, value)] = data.items() if isinstance(data, dict) else [(data, None)]
    op_class = ops()[name]
    if value is not None and not isinstance(value, dict):
        assert op_class.main is not None, f"{name} has no main attribute"
        value = {op_class.main: value}
    return op_class.make(**{k: _written(op_class, k, v) for k, v in (value or {}).items()})


def _written(op_class: type[Op], name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_written(op_class, name, item) for item in value]
    if isinstance(value, str) and value.startswith("="):
        return evaluate(parse(value[1:]), symbol, Budget())
    attribute = op_class.attributes.get(name)
    symbolic = attribute.kind.symbolic if attribute else op_class.open_attributes is not None
    return symbol(value) if symbolic and isinstance(value, str) else value


def bound(op: Op, binding: Binding) -> Op:
    """The op with numbers for the symbols in its attributes."""
    return type(op)({name: _bound(value, binding) for name, value in op.values.items()})


def _bound(value: Any, binding: Binding) -> Any:
    if isinstance(value, tuple):
        return tuple(_bound(item, binding) for item in value)
    return substitute(value, binding) if isinstance(value, Dim) else value


def symbols_of(op: Op) -> frozenset[str]:
    """The symbols in an op's attributes."""
    return _symbols(tuple(op.values.values()))


def _symbols(value: Any) -> frozenset[str]:
    if isinstance(value, tuple):
        return frozenset().union(*map(_symbols, value))
    return symbols(value) if isinstance(value, Dim) else frozenset()


def _type(type: TensorType, binding: Binding | None) -> TensorType:
    return type if binding is None else substituted(type, binding)


def substituted(type: TensorType, binding: Binding) -> TensorType:
    return type.with_dims(substitute(size, binding) for size in type.dims)


def draw(part: Feed, binding: Binding, source: torch.Generator) -> Tensor:
    """A random tensor of a type: normal, or uniform within bounds; whole numbers from 0 to 4."""
    sizes: list[Size] = [substitute(size, binding) for size in part.type.dims]
    dtype = getattr(torch, part.type.dtype)
    if dtype == torch.bool:
        return torch.rand(sizes, generator=source) < 0.6
    low = 0.0 if part.low is None else part.low
    if not dtype.is_floating_point:
        high = 4 if part.high is None else int(part.high)
        return torch.randint(int(low), high + 1, sizes, generator=source, dtype=dtype)
    if part.low is None or part.high is None:
        return torch.randn(sizes, generator=source).to(dtype)
    return (low + torch.rand(sizes, generator=source) * (part.high - low)).to(dtype)


def inferred(site: Site) -> tuple[TensorType, ...]:
    """The types of all outputs."""
    result = site.op.infer(site)
    return result if isinstance(result, tuple) else (result,)


def type_of(value: Tensor) -> TensorType:
    return TensorType(str(value.dtype).removeprefix("torch."), tuple(value.shape))


def flat(op: Op, values: Mapping[str, Any]) -> list[Any]:
    """What stands in the op's slots, in their order, without absent ones at the end."""
    result: list[Any] = []
    for slot in op.inputs:
        value = values[slot.name]
        result += value if isinstance(value, tuple) else [] if value is None else [value]
    return result
