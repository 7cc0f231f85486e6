"""What nodes and weights compute, written as bytes that are equal where the meaning is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.ir.dims import Dim, Size, symbol
from archc.ir.nodes import Derivation, Weight
from archc.ir.program import Arguments, Definition
from archc.ir.substitution import substitute
from archc.ir.types import TensorType
from archc.ir.vertices import hashed
from archc.ops.base import Op
from archc.spec.values import Argument


@dataclass(eq=False)
class Keys:
    """Writes keys; symbols go by the order in which the model's inputs first name them."""

    symbols: Mapping[str, Size]
    initial: bool = False  # whether the initial values of trained weights count
    _sizes: dict[Dim, str] = field(default_factory=dict)
    _types: dict[TensorType, str] = field(default_factory=dict)
    _trained: dict[TensorType, bytes] = field(default_factory=dict)  # weights by their type
    _tables: dict[tuple[int, str], tuple[object, str]] = field(
        default_factory=dict
    )  # by the identity of the values, which are kept alive

    @classmethod
    def of(cls, model: Definition, initial: bool = False) -> Keys:
        return cls({name: symbol(f"d{k}") for k, name in enumerate(model.symbols())}, initial)

    def type(self, type: TensorType) -> str:
        known = self._types.get(type)
        if known is None:
            known = self._types[type] = f"{type.dtype}[{', '.join(map(self.size, type.dims))}]"
        return known

    def size(self, size: Size) -> str:
        if isinstance(size, int):
            return str(size)
        if size not in self._sizes:
            self._sizes[size] = str(substitute(size, self.symbols))
        return self._sizes[size]

    def value(self, value: Any) -> str:
        """A text that equal values share: 1 is 1.0, and true is neither."""
        match value:
            case int() | None:
                return str(value)
            case str():
                return repr(value)
            case tuple() | list():
                return f"[{', '.join(map(self.value, value))}]"
            case float():
                whole = value.is_integer() and abs(value) < 2**53 and str(value) != "-0.0"
                return str(int(value)) if whole else repr(value)
            case Dim():
                return f"<{self.size(value)}>"
            case Mapping():
                pairs = sorted((str(name), self.value(item)) for name, item in value.items())
                return f"{{{', '.join(f'{name!r}: {item}' for name, item in pairs)}}}"
            case Sequence():
                return f"[{', '.join(map(self.value, value))}]"
        return repr(value)

    def table(self, value: Any, dtype: str) -> str:
        """A tensor's numbers as its element type has them."""
        if isinstance(value, tuple):
            return f"[{', '.join(self.table(item, dtype) for item in value)}]"
        return self.value(value != 0 if dtype == "bool" else +value)

    def op(self, op: Op, type: TensorType, slots: Sequence[str]) -> str:
        """An op with its attributes and the slots that are filled; `type` is its output's."""
        if op.name == "constant":
            return f"constant {self.type(type)} {self.table(op.values['value'], type.dtype)}"
        return f"op {op.name!r} {{{self.attributes(op)}}} {self.value(slots)}"

    def attributes(self, op: Op) -> str:
        """An op's attributes in the order of their names; what it has of another is known there."""
        if op.origin is None:
            return self._form(op, ()) % ()
        pattern, changed = op.origin
        form = pattern.forms.get(changed)
        if form is None:
            form = pattern.forms[changed] = self._form(pattern, changed)
        return form % tuple([self.value(op.values[name]) for name in changed])

    def _form(self, op: Op, open: Sequence[str]) -> str:
        """The attributes as text, where %s stands for the values of some, and %% for a %."""
        return ", ".join([
            f"{name!r}: %s" if name in open else f"{name!r}: {self.value(value)}".replace("%", "%%")
            for name, value in sorted(op.values.items())
        ])  # fmt: skip

    def weight(self, weight: Weight, arguments: Arguments) -> bytes:
        """What a weight is, whatever it is called: its type; where it never learns, its values.

        Where initial values count, those of one that learns, too.
        """
        if weight.derive is not None:
            return self._derived(weight, weight.derive, arguments)
        if weight.trained and not self.initial:
            known = self._trained.get(weight.type)
            if known is None:
                known = self._trained[weight.type] = f"weight {self.type(weight.type)}".encode()
            return known
        shown = f"weight {self.type(weight.type)} {'trained' if weight.trained else 'frozen'}"
        if weight.value is None:
            return f"{shown} {weight.init.kind}{weight.init.args!r}".encode()
        same = id(weight.value), weight.type.dtype
        if same not in self._tables:
            self._tables[same] = weight.value, self.table(weight.value, weight.type.dtype)
        return f"{shown} {self._tables[same][1]}".encode()

    def _derived(self, weight: Weight, derive: Derivation, arguments: Arguments) -> bytes:
        numbers = {
            name: arguments[value.name] if isinstance(value, Argument) else value
            for name, value in derive.values
        }
        parts = [f"derived {self.type(weight.type)} {derive.rule!r} {self.value(numbers)}".encode()]
        for role, source in derive.sources:
            parts += [role.encode(), self.weight(source, arguments)]
        return hashed(*parts)
