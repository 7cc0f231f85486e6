"""The statements after a class's modules: first values, what is not trained, ties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from archc.ir.nodes import OpNode
from archc_torch import spelling
from archc_torch.code import Code
from archc_torch.plan.tensors import call
from archc_torch.plan.uses import use_of
from archc_torch.sketch import Assign, Do, For, Gap, If, Stmt

if TYPE_CHECKING:
    from archc.init import Init
    from archc_torch.plan.frame import Frame
    from archc_torch.plan.plan import Plan


def setup(p: Plan) -> None:
    """The statements for all weights of the definition."""
    begins: dict[tuple[Gap | None, str, str], tuple[Init, list[str]]] = {}
    frozen: dict[Gap | None, list[str]] = {}
    ties: list[tuple[str, str]] = []
    for frame in p.frames:
        for id, node in frame.definition.graph.nodes():
            if not isinstance(node, OpNode) or not node.weights:
                continue
            usual = defaults(p, frame, id)
            gap = p.gaps.of(frame, id)
            for weight in node.weights:
                path = frame.path(weight.path)
                text = p.paths(path)
                if weight.tie is not None:
                    if weight.tie.model is None:
                        ties.append((text, p.paths(frame.path(weight.tie.path))))
                    continue
                if weight.buffer or not p.paths.in_module(path):
                    continue
                if weight.init != usual.get(weight.slot):
                    key = (gap, str(weight.init), spelling.beginning(node, weight))
                    begins.setdefault(key, (weight.init, []))[1].append(text)
                if not weight.trained:
                    frozen.setdefault(gap, []).append(text)
    statements = p.sketch.setup
    for (gap, _, begin), (init, texts) in begins.items():
        statements += under(gap, each(texts, partial(call, init, begin=begin)))
    for gap, texts in frozen.items():
        statements += under(gap, each(texts, lambda tensor: (*tensor, ".requires_grad_(False)")))
    statements += [Assign([], (source,), pattern=text) for text, source in ties]
    if p.sketch.top:
        _ties_between_models(p)


def defaults(p: Plan, frame: Frame, id: int) -> Mapping[str, Init]:
    """What the op's weights begin as if the spec says nothing, which is what PyTorch does."""
    use = use_of(p, frame, id, {})
    site = use.site()
    use.op.infer(site)
    return {name: weight.init for name, weight in site.weights.items()}


def under(gap: Gap | None, statements: list[Stmt]) -> list[Stmt]:
    """The statements, under a condition where only some instances have what they are about."""
    return statements if gap is None else [If(gap, statements)]


def each(texts: list[str], make: Callable[[Code], Code]) -> list[Stmt]:
    """A statement on one tensor, or a loop over several."""
    if len(texts) < 2:
        return [Do(make((text,))) for text in texts]
    return [For([], ("(" + ", ".join(texts) + ")",), [Do(make(("weight",)))], ("weight",))]


def _ties_between_models(p: Plan) -> None:
    """Ties that only the outermost class can make."""
    for entry in p.library.program.weights(p.library.name):
        tie = entry.weight.tie
        if tie is not None and tie.model is not None and entry.owner is not None:
            text, source = p.paths.full(entry.name), p.paths.full(entry.owner)
            p.sketch.setup.append(Assign([], (source,), pattern=text))
