"""One use of an op, as its line sees it: operands, types, attributes, templates to write with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from archc.ir.dims import Size
from archc.ir.nodes import OpNode, Weight
from archc.ir.types import TensorType
from archc.ops.base import Op
from archc.ops.kinds import Either, Kind, Optional
from archc.ops.list_kinds import PerAxis
from archc.ops.site import Site
from archc.spec.values import Argument
from archc_torch import spelling
from archc_torch.code import Expr, Hole, Part, Raw, Ref, ghost, joined, merged
from archc_torch.sizes import Anchor
from archc_torch.template import Slot, template


class Host(Protocol):
    """What a use asks of the definition that it is part of."""

    def size(self, size: Size, near: Sequence[Anchor], last: bool) -> Expr | None: ...

    def device(self) -> Expr: ...

    def tensor(self, number: Hole, type: TensorType) -> Expr: ...

    def argument(self, argument: Argument) -> object: ...

    def spatial(self, sizes: Sequence[Size]) -> Expr | None: ...


class NeedsVariable(Exception):
    """A size can only be read from an operand's shape, so the operand must be in a variable."""

    def __init__(self, slot: str) -> None:
        super().__init__(slot)
        self.slot = slot


@dataclass(eq=False, slots=True)
class Use:
    """An op with what stands in its slots.

    `path` is the code of the op's own module, or of what holds its weights.
    """

    host: Host
    node: OpNode
    types: Mapping[str, TensorType]  # by slot
    operands: Mapping[str, Expr]  # by slot
    path: str = ""
    fresh: bool = False  # the operand is a new tensor that nothing else reads
    absent: bool = False  # the step is left out here: what is written has the form, and no values
    constructing: bool = False  # a module's constructor, which knows weights' sizes but no values
    spent: Counter[str] = field(default_factory=Counter)  # how often each operand was written

    # ---- what there is

    @property
    def op(self) -> Op:
        return self.node.op

    @property
    def outs(self) -> tuple[TensorType, ...]:
        return self.node.types

    @property
    def weights(self) -> dict[str, Weight]:
        """The op's own weights by its word for them."""
        return {weight.slot: weight for weight in self.node.weights}

    def given(self, slot: str) -> bool:
        return slot in self.types

    def owns(self, weight: str) -> bool:
        return weight in self.weights

    def type(self, slot: str) -> TensorType:
        return self.types[slot] if slot in self.types else self.types[f"{slot}.0"]

    def expr(self, slot: str) -> Expr:
        return self.operands[slot]

    def exprs(self, slot: str) -> list[Expr]:
        """The operands of a variadic input."""
        return [expr for name, expr in self.operands.items() if name.partition(".")[0] == slot]

    def weight(self, name: str) -> Expr:
        """A weight: the value that is fed, or the op's own by its path."""
        return self.operands[name] if name in self.operands else Expr((f"{self.path}.{name}",))

    def attribute(self, name: str) -> object:
        """An attribute's value; a parameter that only passes through stays an Argument."""
        value = self.op.values[name]
        if isinstance(value, Argument):
            return self.host.argument(value)
        return self.per_axis(value) if _by_axis(self.op.attributes[name].kind) else value

    def per_axis(self, value: Any) -> object:
        """A number for each axis as one number, where they are the same."""
        return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value

    def window(self) -> tuple[int, ...]:
        """A convolution's window, written or that of a weight."""
        op: Any = self.op  # one of several convolutions, which all tell it so
        window: tuple[int, ...] = op.window(self.site())
        return window

    def site(self) -> Site:
        """The op's inputs for its own typing rule."""
        inputs: dict[str, Any] = {}
        for port in self.op.inputs:
            if port.variadic:
                inputs[port.name] = tuple(
                    t for name, t in self.types.items() if name.partition(".")[0] == port.name
                )
            else:
                inputs[port.name] = self.types.get(port.name)
        names = {port.name for port in self.op.inputs}
        fed = {
            name: type for name, type in self.types.items() if name.partition(".")[0] not in names
        }
        return Site(self.op, inputs, fed)

    # ---- what is written

    def hole(self, value: object, hint: str, attribute: str = "") -> Hole:
        """A literal; `attribute` is where the spec says it, if it does."""
        formula = spelling.attribute(self.node, attribute) if attribute else ""
        return Hole(value, hint, formula=formula, absent=self.absent)

    def width(self, size: Size, hint: str, attribute: str = "") -> Hole:
        """A number of channels, features or rows: never symbolic where a weight depends on it."""
        return self.hole(size, hint, attribute)

    def size(self, size: Size) -> Expr:
        """A size, by the shapes of tensors where it is symbolic. Raises NeedsVariable."""
        near: list[Anchor] = []
        hidden: str | None = None
        for slot, operand in self.operands.items():
            for axis, dim in enumerate(self.types[slot].dims):
                if isinstance(operand.code[0], Ref) and len(operand.code) == 1:
                    near.append(Anchor((*operand.code, f".shape[{axis}]"), dim))
                elif not isinstance(dim, int):
                    hidden = slot
        found = self.host.size(size, near, last=hidden is None)
        if found is None:
            assert hidden is not None
            raise NeedsVariable(hidden)
        return replace(found, code=ghost(found.code)) if self.absent else found

    def sizes(self, sizes: Iterable[Size]) -> list[Expr]:
        return [self.size(size) for size in sizes]

    def tuple(self, sizes: Iterable[Size]) -> Expr:
        """Several sizes as a tuple, one as it is."""
        exprs = self.sizes(sizes)
        if len(exprs) == 1:
            return exprs[0]
        return Expr(("(", *joined(expr.code for expr in exprs), ")"))

    def spatial(self, sizes: Sequence[Size]) -> Expr:
        """Spatial sizes as a tuple: another tensor's, where they are its."""
        found = self.host.spatial(sizes)
        known = all(isinstance(size, int) for size in sizes)
        return self.tuple(sizes) if found is None or known else found

    def numbers(self, numbers: Iterable[int]) -> list[Expr]:
        return [Expr((Hole(number, "number", absent=self.absent),)) for number in numbers]

    def axes(self, axes: Iterable[int]) -> object:
        """One axis as a number, several as a tuple."""
        found = tuple(axes)
        return found[0] if len(found) == 1 else found

    def device(self) -> Expr:
        return self.host.device()

    def dtype(self, type: TensorType) -> Raw:
        return Raw(f"torch.{type.dtype}")

    def write(self, text: str, **given: object) -> Expr:
        """The template filled in: by what is given, else by operands, weights and attributes."""
        shape = template(text)
        parts: list[Part] = []
        depth = shape.calls
        for before, slot in zip(shape.texts, shape.holes, strict=False):
            named = slot.name in given
            value = given[slot.name] if named else self._named(slot.name, slot.many)
            parts.append(before)
            if isinstance(value, list | Expr):
                exprs = [self._tensor(expr, slot.number) for expr in listed(value)]
                comma = ", " if slot.comma == "before" else ""
                codes = [expr.code if slot.many else expr.bound(slot.tightly) for expr in exprs]
                parts += [comma, slot.keyword, *joined(codes)]
                parts += [", "] if slot.comma == "after" else []
                depth = max([depth, *(expr.depth + slot.nested for expr in exprs)])
            else:
                parts.append(self._filled(slot, value, named))
        return Expr(merged([*parts, shape.texts[-1]]), shape.binding, depth)

    def _filled(self, slot: Slot, value: object, given: bool) -> Hole:
        """The hole of a template with its value."""
        if isinstance(value, Hole):
            own = value
        else:
            written = slot.name if not given and slot.name in self.op.attributes else ""
            own = self.hole(value, slot.name, written)
        return replace(own, keyword=slot.keyword, default=slot.default, comma=slot.comma)

    def _named(self, name: str, many: bool) -> object:
        if many:
            return self.exprs(name)
        if name in self.operands:
            return self.operands[name]
        if name == "self":
            return Expr((self.path,))
        if name == "fresh":
            return self.fresh
        if name == "dtype" and "dtype" not in self.op.attributes:
            return self._dtype()
        if not self.constructing and name in self.op.weight_names:
            return self.weight(name) if self.owns(name) else None
        if name in self.op.attributes:
            return self.attribute(name)
        return None

    def _dtype(self) -> Raw | None:
        """The element type of the op's weights, where it is not torch's default."""
        floating = [w.type.dtype for w in self.weights.values()] or [self.outs[0].dtype]
        return None if floating[0] == "float32" else Raw(f"torch.{floating[0]}")

    def _tensor(self, expr: Expr, number: bool) -> Expr:
        """The operand, a plain number as a tensor where one is needed."""
        self.spent.update(slot for slot, operand in self.operands.items() if operand is expr)
        if expr.literal is None or number:
            return expr
        slot = next(name for name, operand in self.operands.items() if operand is expr)
        return self.host.tensor(expr.literal, self.types[slot])


def listed(value: Expr | list[Expr]) -> list[Expr]:
    return value if isinstance(value, list) else [value]


def chain(operands: Sequence[Expr], sign: str) -> Expr:
    """The operands with an operator between them.

    Only the first may be such a chain without parentheses.
    """
    tightly = template(f"a {sign} b").binding
    codes = [operand.bound(tightly + (k > 0)) for k, operand in enumerate(operands)]
    if len(operands) == 1:
        return operands[0]
    return Expr(joined(codes, f" {sign} "), tightly, max(operand.depth for operand in operands))


def _by_axis(kind: Kind[Any]) -> bool:
    match kind:
        case PerAxis():
            return True
        case Optional(kind=inner):
            return _by_axis(inner)
        case Either(kinds=kinds):
            return any(map(_by_axis, kinds))
    return False
