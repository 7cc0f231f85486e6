"""One op while it is lowered: what its line in the table sees, and what it writes nodes with.

A line is a function of an `At` that returns the op's outputs as operands. It may return one that
is there already, as that of `identity` does. The node that makes the output has the op's path as
its name and its output's; other nodes of the line are named below it, `path/transpose`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from archc.errors import UnsupportedError
from archc.ir.dims import Size
from archc.ir.nodes import OpNode, Weight
from archc.ir.types import DType, TensorType
from archc.ops.base import Op
from archc.ops.sizes import broadcast
from archc_onnx.draft import Body, Draft, Operand
from archc_onnx.emitter import Emitter, held
from archc_onnx.encode import DATA_TYPES
from archc_onnx.kernels import detour, missing
from archc_onnx.model import AttributeValue, Tensor
from archc_onnx.reshaping import ones_moved, shortened

Line = Callable[["At"], "Operand | Sequence[Operand]"]
Lines = Mapping[str, Line]
Declines = Mapping[str, Callable[[Op], bool]]
"""By op, which of its uses its line does not do: those are taken apart."""


@dataclass(eq=False, slots=True)
class At:
    """An op's node with its inputs as operands: `at["x"]`, and `at.weight("bias")`."""

    emitter: Emitter
    node: OpNode
    given: Mapping[str, Operand | None]
    weights: Mapping[str, Weight]
    leaving: bool  # whether an output is one of the file's
    doc: str = ""
    drafts: list[Draft] = field(default_factory=list)

    @property
    def op(self) -> Any:
        """The op with its attributes."""
        return self.node.op

    @property
    def type(self) -> TensorType:
        """The type of the first output."""
        return self.node.types[0]

    @property
    def types(self) -> tuple[TensorType, ...]:
        return self.node.types

    @property
    def path(self) -> str:
        return self.node.path

    # -- what the op is given

    def __getitem__(self, name: str) -> Operand:
        value = self.given[name]
        assert value is not None
        return value

    def optional(self, name: str) -> Operand | None:
        return self.given.get(name)

    def all(self, name: str) -> list[Operand]:
        """A variadic input's values."""
        return [
            value
            for slot, value in self.given.items()
            if value is not None and slot.rpartition(".")[0] == name
        ]

    def has(self, name: str) -> bool:
        """Whether the op has the weight, its own or one that is fed."""
        return name in self.weights or self.given.get(name) is not None

    def weight(self, name: str) -> Operand:
        """A weight: what is fed in its place, or the initialiser of its name."""
        fed = self.given.get(name)
        if fed is not None:
            return fed
        weight = self.weights[name]
        return self.emitter.weight(weight.path, weight.type)

    # -- nodes

    def add(
        self,
        op_type: str,
        *inputs: Operand | None,
        to: TensorType | None = None,
        hint: str = "",
        **attributes: AttributeValue | Body,
    ) -> Operand:
        """A node of one output, of the first input's type unless `to` says another."""
        if to is None:
            assert inputs[0] is not None
            to = inputs[0].type
        return self._made(op_type, list(inputs), [to], hint, "", attributes)[0]

    def several(
        self,
        op_type: str,
        inputs: Iterable[Operand | None],
        types: Iterable[TensorType],
        *,
        hint: str = "",
        domain: str = "",
        **attributes: AttributeValue | Body,
    ) -> list[Operand]:
        """A node of any outputs. `domain` is that of an operator outside of ONNX, in version 1."""
        return self._made(op_type, list(inputs), list(types), hint, domain, attributes)

    def _made(
        self,
        op_type: str,
        operands: list[Operand | None],
        wanted: list[TensorType],
        hint: str,
        domain: str,
        attributes: dict[str, AttributeValue | Body],
    ) -> list[Operand]:
        """The node, in another element type where the runtime's kernel lacks this one.

        UnsupportedError E601 where there is no such type.
        """
        kept = 1 if op_type == "Where" else 0  # its condition is no value among the others
        found = _dtypes(operands[kept:], wanted)
        dtype = next((d for d in found if self._lacks(op_type, d)), None)
        if dtype is None:
            return self._several(op_type, operands, wanted, hint, domain, attributes)
        other = detour(op_type, dtype)
        if other is None:
            raise UnsupportedError.of(
                "E601",
                f"{self.op.name}: onnxruntime's CPU kernels have no {op_type} of {dtype}",
                self.node.place,
                notes=(f"in {self.path}",),
                help="convert first: cast: float32",
            )
        operands[kept:] = [
            self.cast(value, other) if value is not None and value.type.dtype == dtype else value
            for value in operands[kept:]
        ]
        inner = [type.with_dtype(other) if type.dtype == dtype else type for type in wanted]
        made = self._several(op_type, operands, inner, hint, domain, attributes)
        return [
            self.cast(value, type.dtype, hint="back") if value.type != type else value
            for value, type in zip(made, wanted, strict=True)
        ]

    def _lacks(self, op_type: str, dtype: DType) -> bool:
        return missing(op_type, dtype, self.emitter.target)

    def _several(
        self,
        op_type: str,
        inputs: list[Operand | None],
        types: list[TensorType],
        hint: str,
        domain: str,
        attributes: dict[str, AttributeValue | Body],
    ) -> list[Operand]:
        wish = f"{self.path}/{hint or op_type.lower()}"
        body = self.emitter.body
        if domain:
            self.emitter.domains[domain] = 1
        made = body.add(op_type, inputs, types, wish, dict(attributes), self.doc, domain)
        self.drafts.append(body.nodes[-1])
        return made

    def settle(self, outputs: Sequence[Operand]) -> None:
        """Calls what the line made for its outputs by the op's path; one of several by its own."""
        names = self.op.outputs
        made = [
            (operand.maker, operand, self.path if len(names) == 1 else f"{self.path}.{name}")
            for name, operand in zip(names, outputs, strict=True)
            if operand.maker is not None and operand.maker in self.drafts
        ]
        together = len({id(maker) for maker, _, _ in made}) == 1
        for maker, operand, wish in reversed(made):  # a node of several is called by its first
            operand.wish, maker.wish = wish, self.path if together else wish

    # -- nodes with a rule for their type

    def binary(self, op_type: str, a: Operand, b: Operand, hint: str = "") -> Operand:
        """Of values that broadcast; a comparison gives booleans."""
        dtype = "bool" if op_type in _COMPARISONS else a.type.dtype
        dims = broadcast([a.type, b.type], ["a", "b"], self.op.name)
        return self.add(op_type, a, b, to=TensorType(dtype, dims), hint=hint)

    def cast(self, x: Operand, dtype: DType, hint: str = "") -> Operand:
        if x.type.dtype == dtype:
            return x
        made = self._several(
            "Cast", [x], [x.type.with_dtype(dtype)], hint, "", {"to": DATA_TYPES[dtype]}
        )
        return made[0]

    def like(self, value: float | bool, x: Operand) -> Operand:
        """A number of x's element type."""
        return self.emitter.scalar(value, x.type.dtype)

    def one(self, value: float, dtype: DType) -> Tensor:
        """The attribute that ConstantOfShape fills a shape with."""
        return Tensor("", dtype, (1,), held(value, dtype).tobytes())

    def filled(self, value: float, type: TensorType, wish: str = "") -> Operand:
        """One number everywhere, once for each type: an initialiser where the sizes are known.

        `wish` is what it would be called if it is not.
        """
        dims = [dim for dim in type.dims if isinstance(dim, int)]
        if len(dims) == type.rank:
            return self.emitter.constant(np.full(dims, held(value, type.dtype)), type.dtype)
        made = type.with_dtype("float32") if type.dtype == "bfloat16" else type  # which it lacks
        shape, number = self.emitter.shape(type.dims), self.one(value, made.dtype)
        full = self.emitter.shared(
            "ConstantOfShape", [shape], made, wish or f"full/{made}/{value:g}", value=number
        )
        return self.cast(full, type.dtype)

    def reshape(self, x: Operand, dims: Sequence[Size], hint: str = "") -> Operand:
        """The same values under other sizes; nothing where they are the same."""
        dims = tuple(dims)
        if dims == x.type.dims:
            return x
        type = x.type.with_dims(dims)
        sizes = shortened(x.type.dims, dims)
        if not all(isinstance(size, int) for size in sizes):  # it would take nodes to compute them
            ones = ones_moved(x.type.dims, dims)
            if ones is not None:
                return self.add(ones[0], x, self.emitter.integers(ones[1]), to=type, hint=hint)
        return self.add("Reshape", x, self.emitter.shape(sizes), to=type, hint=hint)

    def transpose(self, x: Operand, order: Sequence[int], hint: str = "") -> Operand:
        """The axes in another order; a reshape where none but those of size 1 move."""
        if list(order) == sorted(order):
            return x
        dims = [x.type.dims[axis] for axis in order]
        moved = [axis for axis in order if x.type.dims[axis] != 1]
        if moved == sorted(moved):
            return self.reshape(x, dims, hint)
        type = x.type.with_dims(dims)
        return self.add("Transpose", x, to=type, hint=hint, perm=list(order))

    def part(
        self, x: Operand, axis: int, start: Size, stop: Size, dims: Sequence[Size], step: int = 1,
        hint: str = "",
    ) -> Operand:  # fmt: skip
        """Positions of an axis; `dims` are the result's sizes."""
        ends = [self.emitter.size(start), self.emitter.size(stop)]
        axes, steps = self.emitter.integers([axis]), self.emitter.integers([step])
        more = [axes] if step == 1 else [axes, steps]
        return self.add("Slice", x, *ends, *more, to=x.type.with_dims(dims), hint=hint)

    def reduce(
        self, op_type: str, x: Operand, axes: Sequence[int], keep: bool, hint: str = ""
    ) -> Operand:
        """A reduction over axes counted from 0."""
        if keep:
            dims = [1 if axis in axes else size for axis, size in enumerate(x.type.dims)]
        else:
            dims = [size for axis, size in enumerate(x.type.dims) if axis not in axes]
        over = self.emitter.integers(sorted(axes))
        return self.add(op_type, x, over, to=x.type.with_dims(dims), hint=hint, keepdims=int(keep))


def _dtypes(operands: Iterable[Operand | None], types: Iterable[TensorType]) -> list[DType]:
    return [
        *(value.type.dtype for value in operands if value is not None),
        *(type.dtype for type in types),
    ]


_COMPARISONS: Final = frozenset({"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"})
