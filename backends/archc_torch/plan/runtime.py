"""What forward can read while it runs: sizes from shapes, the device, plain numbers as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archc.errors import UnsupportedError
from archc.ir.dims import Size, symbol
from archc.ir.nodes import OpNode
from archc.ir.types import TensorType
from archc.spec.values import Argument
from archc_torch import names
from archc_torch.code import Axis, Expr, Hole, Raw, Ref
from archc_torch.sizes import Anchor, express, unknown
from archc_torch.sketch import Sketch

if TYPE_CHECKING:
    from archc_torch.plan.library import Library
    from archc_torch.plan.values import Values


class Runtime:
    """The `Host` of the uses of a definition's ops."""

    def __init__(self, sketch: Sketch, library: Library, values: Values) -> None:
        self.sketch, self.library, self.values = sketch, library, values
        self.definition = sketch.definition
        self.anchors = [
            Anchor((Axis(name, axis),), dim)
            for name, type in self.definition.input_types().items()
            for axis, dim in enumerate(type.dims)
        ]

    def size(self, size: Size, near: Sequence[Anchor], last: bool) -> Expr | None:
        """A size at run time; with `last`, what cannot be read becomes an argument of forward."""
        anchors = [*self.anchors, *near]
        found = express(size, anchors)
        if found is not None or not last:
            return found
        for name in unknown(size, anchors):
            if self.sketch.top:
                raise UnsupportedError.of(
                    "E601",
                    f"the size {size} cannot be told from the inputs' shapes",
                    self.definition.place,
                    help=f"declare an input with '{name}' as one of its sizes",
                )
            self.sketch.sizes.append(name)
            self.anchors.append(Anchor((names.safe(name, ()),), symbol(name)))
        return express(size, [*self.anchors, *near])

    def spatial(self, sizes: Sequence[Size]) -> Expr | None:
        """The spatial sizes of an input, where they are these."""
        for id in self.definition.inputs:
            node = self.definition.input(id)
            if node.types[0].dims[2:] == tuple(sizes) and "." not in node.name:
                return Expr((Ref((0, id, 0)), ".shape[2:]"))  # itself, whatever became of it
        return None

    def device(self) -> Expr:
        """The device of the first input, or one that forward is given."""
        if self.sketch.parameters:
            return Expr((*self.values.exprs[(0, self.definition.inputs[0], 0)].code, ".device"))
        if self.sketch.top:
            return Expr((Hole(None, "device"),))
        self.sketch.device = True
        return Expr(("device",))

    def argument(self, argument: Argument) -> object:
        """A passed-through parameter: its value where all calls pass the same."""
        return self.library.rates.of(self.definition, argument)

    # ---- plain numbers as tensors

    def tensor(self, number: Hole, type: TensorType) -> Expr:
        """A plain number as a tensor."""
        word = None if type.dtype == "float32" else Raw(f"torch.{type.dtype}")
        dtype = Hole(word, "dtype", "dtype=", None, "before")
        device = self.device().code
        return Expr(("torch.tensor(", number, dtype, ", device=", *device, ")"), depth=1)

    def as_tensor(self, expr: Expr, type: TensorType) -> Expr:
        return expr if expr.literal is None else self.tensor(expr.literal, type)

    def tensors(self, node: OpNode, operands: Mapping[str, Expr]) -> Mapping[str, Expr]:
        """The operands, the first a tensor where all are plain numbers."""
        first = next(iter(operands.values()), None)
        if first is None or any(operand.literal is None for operand in operands.values()):
            return operands
        assert first.literal is not None
        dtype = "bool" if isinstance(first.literal.value, bool) else node.types[0].dtype
        made = self.tensor(first.literal, TensorType(dtype, ()))
        return {**operands, next(iter(operands)): made}
