"""What lowering writes with: nodes, shared helper nodes, constants, weights and run-time sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from archc import arrays
from archc.errors import UnsupportedError
from archc.ir.dims import Dim, Largest, Quotient, Size, Symbol, lower_bound
from archc.ir.substitution import solve
from archc.ir.types import DType, TensorType
from archc_onnx.draft import Body, Operand, deepest
from archc_onnx.model import AttributeValue, Tensor
from archc_onnx.target import LOWEST_OPSET, Target

if TYPE_CHECKING:
    from archc.arrays import Array
    from archc_onnx.store import Store

_SHOWN = 8  # constants of at most so many numbers are called by them

INDEX = TensorType("int64", (1,))
"""The type of a size while the file runs: Concat makes shapes of them."""


@dataclass(eq=False, slots=True)
class Emitter:
    """The file being made. `body` is the graph that nodes are added to, inside a scan its body."""

    target: Target
    store: Store
    name: str
    opset: int = LOWEST_OPSET  # the lowest that has what is there so far
    root: Body = field(init=False)
    body: Body = field(init=False)
    initialisers: dict[Operand, Tensor] = field(default_factory=dict)
    domains: dict[str, int] = field(default_factory=dict)  # other operator sets than ONNX's own
    derived: dict[Operand, tuple[str, ...]] = field(default_factory=dict)  # what it is made of
    _known: dict[object, Operand] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = self.body = Body(self.name)

    def need(self, opset: int) -> None:
        """Says that a node of this opset is there."""
        self.opset = max(self.opset, opset)

    # -- nodes

    def shared(
        self,
        op_type: str,
        inputs: Sequence[Operand],
        type: TensorType,
        wish: str,
        **attributes: AttributeValue,
    ) -> Operand:
        """A node that is there once however often it is asked for, as far outside as it can be."""
        key = (op_type, tuple(map(id, inputs)), repr(sorted(attributes.items())), type)
        if key not in self._known:
            body = deepest((value.body for value in inputs), self.root)
            self._known[key] = body.add(op_type, inputs, [type], wish, dict(attributes))[0]
        return self._known[key]

    # -- initialisers

    def weight(self, name: str, type: TensorType) -> Operand:
        """A weight under its own name, a tied one under its owner's."""
        owner = self.store.owner(name)
        key = ("weight", owner, type.dtype)
        if key not in self._known:
            entry = self.store.entry(owner).converted(type.dtype)
            self._known[key] = self._initialiser(Tensor.of(entry, owner), type)
        return self._known[key]

    def arrange(self, name: str, sources: Sequence[str], tensor: Tensor) -> Operand:
        """An initialiser made of weights in another order; `sources` are their names."""
        key = ("derived", name, tuple(sources), tensor.dtype)
        if key not in self._known:
            operand = self._initialiser(tensor, TensorType(tensor.dtype, tensor.dims))
            self._known[key] = operand
            self.derived[operand] = tuple(sources)
        return self._known[key]

    def constant(self, values: Array, dtype: DType, wish: str = "") -> Operand:
        """An initialiser with these values, of which equal ones are one. bfloat16 comes as bits.

        Few numbers are its name; of many, `wish`.
        """
        held = np.ascontiguousarray(arrays.little(values))
        data, dims = held.tobytes(), tuple(values.shape)
        key = ("constant", dtype, dims, data)
        if key not in self._known:
            if held.size <= _SHOWN or not wish:
                shown = ",".join(map(_number, values.reshape(-1)[:_SHOWN].tolist()))
                wish = f"{dtype}{list(dims)}/{shown}"
            tensor = Tensor("", dtype, dims, data)
            self._known[key] = self._initialiser(tensor, TensorType(dtype, dims), wish)
        return self._known[key]

    def scalar(self, value: float | bool, dtype: DType) -> Operand:
        """A number without dimensions; one too large for the type becomes its largest."""
        return self.constant(held(value, dtype), dtype)

    def integers(self, values: Sequence[int]) -> Operand:
        """int64, one axis."""
        return self.constant(np.array(values, np.int64), "int64")

    def _initialiser(self, tensor: Tensor, type: TensorType, wish: str = "") -> Operand:
        operand = Operand(type, self.root, wish)
        self.initialisers[operand] = tensor
        return operand

    # -- sizes while the file runs

    def shape(self, dims: Sequence[Size]) -> Operand:
        """int64 with one number for each size; numbers known now are put together."""
        parts: list[Operand] = []
        known: list[int] = []
        for dim in dims:
            if isinstance(dim, int):
                known.append(dim)
                continue
            parts += [self.integers(known)] if known else []
            parts.append(self.size(dim))
            known = []
        if known or not parts:
            parts.append(self.integers(known))
        if len(parts) == 1:
            return parts[0]
        text = ",".join(map(str, dims))
        type = TensorType("int64", (len(dims),))
        return self.shared("Concat", parts, type, f"shapes/{text}", axis=0)

    def size(self, size: Size) -> Operand:
        """The size as int64[1], computed from the inputs' sizes, once for the whole file."""
        if isinstance(size, int):
            return self.integers([size])
        key = ("size", size)
        if key not in self._known:
            self._known[key] = self._size(size)
        return self._known[key]

    def number(self, size: Size) -> Operand:
        """The size as int64 without dimensions."""
        if isinstance(size, int):
            return self.scalar(size, "int64")
        type = TensorType("int64", ())
        return self.shared("Squeeze", [self.size(size)], type, f"numbers/{size}")

    def _size(self, size: Dim) -> Operand:
        read = self._read(size)
        if read is not None:
            return read
        total: Operand | None = None
        constant = 0
        for monomial, coefficient in size.terms:
            if not monomial:
                constant = coefficient
                continue
            term: Operand | None = None
            for atom, power in monomial:
                for _ in range(power):
                    factor = self._atom(atom)
                    term = factor if term is None else self._whole("Mul", term, factor, str(size))
            assert term is not None
            if coefficient != 1:
                term = self._whole("Mul", term, self.integers([coefficient]), str(size))
            total = term if total is None else self._whole("Add", total, term, str(size))
        assert total is not None
        if constant:
            total = self._whole("Add", total, self.integers([constant]), str(size))
        return total

    def _atom(self, atom: Symbol | Quotient | Largest) -> Operand:
        match atom:
            case Symbol(name):
                return self._symbol(name)
            case Quotient(over, under):
                return self._quotient(over, under, str(atom))
            case Largest(of):
                return self.shared("Max", [self.size(one) for one in of], INDEX, f"sizes/{atom}")

    def _quotient(self, over: Size, under: Size, text: str) -> Operand:
        """The floor; ONNX's Div rounds towards 0, so what may be negative loses its rest first."""
        a, b = self.size(over), self.size(under)
        least = [lower_bound(over), lower_bound(under)]
        if any(bound is None or bound < 0 for bound in least):
            a = self._whole("Sub", a, self._whole("Mod", a, b, text), text)
        return self._whole("Div", a, b, text)

    def _whole(self, op_type: str, a: Operand, b: Operand, text: str) -> Operand:
        return self.shared(op_type, [a, b], INDEX, f"sizes/{text}")

    def _read(self, size: Dim) -> Operand | None:
        """The size as it stands in an input's shape."""
        for operand in self.root.inputs:
            for axis, dim in enumerate(operand.type.dims):
                if dim == size:
                    return self.shared(
                        "Shape", [operand], INDEX, f"sizes/{size}", start=axis, end=axis + 1
                    )
        return None

    def _symbol(self, name: str) -> Operand:
        """A symbol's value, by the first input size that has it as its only, linear, symbol."""
        for operand in self.root.inputs:
            for dim in operand.type.dims:
                line = solve(dim, name)
                if line is None or not isinstance(dim, Dim):
                    continue
                value = self.size(dim)
                scale, offset = line
                if offset:
                    value = self._whole("Sub", value, self.integers([offset]), name)
                if scale != 1:
                    value = self._whole("Div", value, self.integers([scale]), name)
                return value
        raise UnsupportedError.of(
            "E604",
            f"the size {name} cannot be told from the inputs' shapes while an ONNX file runs",
            help=f"let an input have a size that depends on {name} alone, such as {name} itself",
        )


def held(value: float | bool, dtype: DType) -> Any:
    """A number as an array without dimensions; one too large for the type becomes its largest."""
    if dtype == "bfloat16":
        return arrays.to_bfloat16(np.array(value, np.float32))
    if dtype == "float16" and abs(value) > 65504.0 and abs(value) != float("inf"):
        value = 65504.0 if value > 0 else -65504.0
    return np.array(value, dtype)


def _number(value: float | bool) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value).lower()
