"""What a tensor in the source begins as: given numbers, or a function of torch.nn.init."""

from __future__ import annotations

from collections.abc import Sequence

from archc.init import INITIALISERS, Init
from archc.ir.nodes import OpNode, Weight
from archc.ir.types import TensorType
from archc_torch.code import Code, Hole, Part, Raw, joined
from archc_torch.sketch import Leaf

# The bounds that functions of torch.nn.init have by default.
BOUNDS = {
    "uniform": {"low": 0.0, "high": 1.0},
    "trunc_normal": {"low": -2.0, "high": 2.0},
}


def leaf(weight: Weight, value: str = "", shape: Sequence[str] = (), begin: str = "") -> Leaf:
    """A parameter or a buffer that no module of torch.nn holds.

    `value`, `shape` and `begin` are the formulas of its value, sizes and initialiser in the spec,
    where it has them.
    """
    if weight.value is not None:
        code = table(weight.value, weight.type, value)
    else:
        code = begun(weight.init, weight.type, shape, begin)
    if weight.buffer:
        return Leaf("buffer", code, weighted=True)
    frozen: Code = () if weight.trained else (", requires_grad=False",)
    return Leaf("parameter", ("nn.Parameter(", *code, *frozen, ")"), weighted=True)


def constant(node: OpNode) -> Leaf:
    """A table that is no weight: a buffer that is not saved."""
    return Leaf("constant", table(node.op.values["value"], node.types[0]))


def table(value: object, type: TensorType, formula: str = "") -> Code:
    """A tensor of given numbers; what is the same all along the first axis is written once."""
    rows = value if isinstance(value, tuple) and len(value) > 1 else ()
    if rows and isinstance(rows[0], tuple) and len(set(rows)) == 1:
        ones = ", 1" * (type.rank - 1)
        return (*table(rows[:1], type), ".repeat(", Hole(len(rows), "size"), f"{ones})")
    hole = Hole(value, "value", formula=formula)
    return ("torch.tensor(", hole, *dtype(type, inferred(value)), ")")


def inferred(value: object) -> str:
    """The element type that torch.tensor gives nested numbers."""
    if isinstance(value, tuple):
        found = set(map(inferred, value))
        return next((dtype for dtype in ("float32", "int64", "bool") if dtype in found), "float32")
    return "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float32"


def dtype(type: TensorType, usual: str = "float32") -> Code:
    return () if type.dtype == usual else (", dtype=", Hole(Raw(f"torch.{type.dtype}"), "dtype"))


def begun(init: Init, type: TensorType, shape: Sequence[str] = (), begin: str = "") -> Code:
    """A new tensor with its first values."""
    written = [*shape, *[""] * type.rank]
    holes = [
        (Hole(dim, "size", formula=formula),)
        for dim, formula in zip(type.dims, written, strict=False)
    ]
    dims: Code = joined(holes)
    if init.kind in ("zeros", "ones") and type.rank:
        return (f"torch.{init.kind}(", *dims, *dtype(type), ")")
    if init.kind in ("zeros", "ones", "constant"):
        value = {"zeros": 0.0, "ones": 1.0}.get(init.kind)
        number: object = init.number("value") if value is None else value
        if "float" not in type.dtype and isinstance(number, float):
            number = bool(number) if type.dtype == "bool" else int(number)
        hole = Hole(number, "value", formula=begin)
        return ("torch.full([", *dims, "], ", hole, *dtype(type, inferred(number)), ")")
    empty: Code = ("torch.empty(", *(dims if type.rank else ("()",)), *dtype(type), ")")
    return call(init, empty, begin)


def call(init: Init, tensor: Code, begin: str = "") -> Code:
    """The function of torch.nn.init on a tensor."""
    known = {"low": "a", "high": "b"}
    defaults = {"mean": 0.0, "std": 1.0, "gain": 1.0, "mode": "fan_in", "a": 0.0}
    defaults |= BOUNDS.get(init.kind, {})
    parts: list[Part] = [f"nn.init.{init.kind}_(", *tensor]
    for name, value in init.values.items():
        word = "val" if init.kind == "constant" else known.get(name, name)
        formula = begin if name == INITIALISERS[init.kind].main else ""
        parts.append(Hole(value, word, f"{word}=", defaults.get(name, ...), "before", formula))
    return (*parts, ")")
