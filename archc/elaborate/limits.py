"""How large a network is with all its blocks and copies written out."""

from __future__ import annotations

from collections.abc import Mapping

from archc.elaborate.context import MAX_FLAT, Context, StepError
from archc.ir.nodes import CallNode, OpNode
from archc.ir.program import Definition


def check_size(context: Context, models: Mapping[str, Definition]) -> None:
    """StepError E225 for a model of more steps than any network has.

    Blocks that call blocks twice double with every level, and repeats multiply, while each is
    elaborated once: a few lines are a network that nobody could write down or run.
    """
    done: dict[int, int] = {}
    for name, model in models.items():
        steps = count(model, done)
        if steps > MAX_FLAT:
            shown = f"{steps:,}" if steps < 10**15 else "far more"
            what = f"{name} would have {shown} steps with its copies written out"
            help = f"a network has at most {MAX_FLAT:,}"
            raise StepError.of("E225", what, model.place, help=help)


def count(definition: Definition, done: dict[int, int]) -> int:
    """The definition's steps, those of what it calls included; `done` keeps each definition's."""
    if id(definition) not in done:
        total = 0
        for _, node in definition.graph.nodes():
            if isinstance(node, OpNode):
                total += 1
            elif isinstance(node, CallNode):
                total += node.count * (1 + count(node.definition, done))
        done[id(definition)] = total
    return done[id(definition)]
