"""What nodes and weights compute, written as bytes that are equal where the meaning is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.ir.dims import Dim, Size, symbol
from archc.ir.nodes import Derivation, OpNode, Weight
from archc.ir.program import Arguments, Definition
from archc.ir.substitution import substitute
from archc.ir.types import TensorType
from archc.ir.vertices import hashed
from archc.spec.values import Argument


@dataclass(eq=False)
class Keys:
    """Writes keys; symbols go by the order in which the model's inputs first name them."""

    symbols: Mapping[str, Size]
    _sizes: dict[Dim, str] = field(default_factory=dict)
    _tables: dict[tuple[int, str], tuple[object, str]] = field(default_factory=dict)
    _ops: dict[tuple[int, tuple[str, ...]], tuple[Mapping[str, Any], bytes]] = field(
        default_factory=dict
    )  # both by the identity of their values, which are kept alive

    @classmethod
    def of(cls, model: Definition) -> Keys:
        return cls({name: symbol(f"d{k}") for k, name in enumerate(model.symbols())})

    def type(self, type: TensorType) -> str:
        return f"{type.dtype}[{', '.join(map(self.size, type.dims))}]"

    def size(self, size: Size) -> str:
        if isinstance(size, int):
            return str(size)
        if size not in self._sizes:
            self._sizes[size] = str(substitute(size, self.symbols))
        return self._sizes[size]

    def value(self, value: Any) -> str:
        """A text that equal values share: 1 is 1.0, and true is neither."""
        if isinstance(value, tuple):
            return f"[{', '.join(map(self.value, value))}]"
        match value:
            case bool() | None:
                return str(value)
            case float():
                whole = value.is_integer() and abs(value) < 2**53 and str(value) != "-0.0"
                return str(int(value)) if whole else repr(value)
            case int():
                return str(value)
            case str():
                return repr(value)
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

    def op(self, node: OpNode, values: Mapping[str, Any], slots: Sequence[str]) -> bytes:
        """An op with its attributes and the slots that are filled."""
        if node.op.name == "constant":
            type = node.types[0]
            return f"constant {self.type(type)} {self.table(values['value'], type.dtype)}".encode()
        slots = tuple(slots)
        if values is node.op.values and slots in node.op.digest_keys:
            return node.op.digest_keys[slots]
        same = id(values), slots
        if same not in self._ops:  # copies of a block share their ops
            shown = f"op {node.op.name!r} {self.value(values)} {self.value(slots)}"
            key = hashed(shown.encode())
            self._ops[same] = values, key
            if values is node.op.values and "<" not in shown:  # no symbol, which models rename
                node.op.digest_keys[slots] = key
        return self._ops[same][1]

    def weight(self, weight: Weight, arguments: Arguments) -> bytes:
        """What a weight is, whatever it is called: its type; where it never learns, its values."""
        if weight.derive is not None:
            return self._derived(weight, weight.derive, arguments)
        shown = f"weight {self.type(weight.type)}"
        if weight.trained:
            return shown.encode()
        if weight.value is None:
            return f"{shown} frozen {weight.init.kind}{weight.init.args!r}".encode()
        same = id(weight.value), weight.type.dtype
        if same not in self._tables:
            self._tables[same] = weight.value, self.table(weight.value, weight.type.dtype)
        return f"{shown} frozen {self._tables[same][1]}".encode()

    def _derived(self, weight: Weight, derive: Derivation, arguments: Arguments) -> bytes:
        numbers = {
            name: arguments[value.name] if isinstance(value, Argument) else value
            for name, value in derive.values
        }
        parts = [f"derived {self.type(weight.type)} {derive.rule!r} {self.value(numbers)}".encode()]
        for role, source in derive.sources:
            parts += [role.encode(), self.weight(source, arguments)]
        return hashed(*parts)
