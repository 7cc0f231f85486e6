"""Weights in the source.

What a tensor begins as, and what a module's weights begin as if not as PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from archc.init import INITIALISERS, Init
from archc.ir.nodes import OpNode, Weight
from archc.ir.types import TensorType
from archc_torch.code import Code, Hole, Part, Raw, joined
from archc_torch.sketch import Assign, Do, For, Gap, If, Leaf, Stmt
from archc_torch.use import Use

if TYPE_CHECKING:
    from archc_torch.planner import Frame, Planner


def leaf(weight: Weight, value: str = "", shape: Sequence[str] = (), begin: str = "") -> Leaf:
    """A parameter or a buffer that no module of torch.nn holds.

    `value`, `shape` and `begin` are how the spec writes its value, sizes and initialiser, where as
    formulas.
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
    if (
        isinstance(value, tuple)
        and len(value) > 1
        and isinstance(value[0], tuple)
        and len(set(value)) == 1
    ):
        ones = ", 1" * (type.rank - 1)
        return (*table(value[:1], type), ".repeat(", Hole(len(value), "size"), f"{ones})")
    return (
        "torch.tensor(",
        Hole(value, "value", formula=formula),
        *dtype(type, inferred(value)),
        ")",
    )


def inferred(value: object) -> str:
    """The element type that torch.tensor gives nested numbers."""
    if isinstance(value, tuple):
        found = {inferred(item) for item in value}
        return (
            "float32"
            if "float32" in found or not found
            else "int64"
            if "int64" in found
            else "bool"
        )
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
    if init.kind in ("uniform", "trunc_normal"):
        defaults |= (
            {"low": 0.0, "high": 1.0} if init.kind == "uniform" else {"low": -2.0, "high": 2.0}
        )
    parts: list[Part] = [f"nn.init.{init.kind}_(", *tensor]
    for name, value in init.values.items():
        word = "val" if init.kind == "constant" else known.get(name, name)
        formula = begin if name == INITIALISERS[init.kind].main else ""
        parts.append(Hole(value, word, f"{word}=", defaults.get(name, ...), "before", formula))
    return (*parts, ")")


def setup(planner: Planner, frames: list[Frame]) -> None:
    """The statements after the modules: first values, ties, and what is not trained."""
    begins: dict[tuple[Gap | None, str, str], tuple[Init, list[str]]] = {}
    frozen: dict[Gap | None, list[str]] = {}
    ties: list[tuple[str, str]] = []
    for frame in frames:
        for id, node in frame.definition.graph.nodes():
            if not isinstance(node, OpNode) or not node.weights:
                continue
            usual = defaults(planner, frame, id, node)
            gap = planner.gap(frame, id)
            for weight in node.weights:
                text = planner.access(frame.path(weight.path))
                if weight.tie is not None and weight.tie.model is None:
                    ties.append((text, planner.access(frame.path(weight.tie.path))))
                elif (
                    weight.tie is None
                    and not weight.buffer
                    and planner.in_module(frame.path(weight.path))
                ):
                    if weight.init != usual.get(weight.slot):
                        key = (gap, str(weight.init), planner.begun_by(node, weight))
                        begins.setdefault(key, (weight.init, []))[1].append(text)
                    if not weight.trained:
                        frozen.setdefault(gap, []).append(text)
    for (gap, _, begin), (init, texts) in begins.items():
        make = partial(call, init, begin=begin)
        planner.sketch.setup += under(gap, each(texts, make))
    for gap, texts in frozen.items():
        planner.sketch.setup += under(
            gap, each(texts, lambda tensor: (*tensor, ".requires_grad_(False)"))
        )
    planner.sketch.setup += [Assign([], (source,), pattern=text) for text, source in ties]


def under(gap: Gap | None, statements: list[Stmt]) -> list[Stmt]:
    """The statements, under a condition where only some instances have what they are about."""
    return statements if gap is None else [If(gap, statements)]


def ties(planner: Planner) -> None:
    """Ties between models, which only the outermost class can make."""
    library = planner.library
    program = library.program
    for entry in program.weights(library.name):
        tie = entry.weight.tie
        if tie is not None and tie.model is not None and entry.owner is not None:
            for name in (entry.name, entry.owner):
                planner.model_of(name)
            texts = [
                library.access(planner.sketch.modules, name, "self")
                for name in (entry.name, entry.owner)
            ]
            planner.sketch.setup.append(Assign([], (texts[1],), pattern=texts[0]))


def each(texts: list[str], make: Callable[[Code], Code]) -> list[Stmt]:
    """A statement on one tensor, or a loop over several."""
    if len(texts) < 2:
        return [Do(make((text,))) for text in texts]
    return [For([], ("(" + ", ".join(texts) + ")",), [Do(make(("weight",)))], ("weight",))]


def defaults(planner: Planner, frame: Frame, id: int, node: OpNode) -> dict[str, Init]:
    """What the op's weights begin as if the spec says nothing, which is what PyTorch does."""
    site = Use(planner, node, planner.slot_types(frame, id), {}).site()
    node.op.infer(site)
    return {name: weight.init for name, weight in site.weights.items()}
