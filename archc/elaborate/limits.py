"""How large a network is with all its blocks and copies written out."""

from __future__ import annotations

from collections.abc import Mapping

from archc.elaborate.context import MAX_FLAT, StepError
from archc.ir.nodes import CallNode, OpNode
from archc.ir.program import Definition

Sizes = tuple[int, int]  # steps, and numbers that weights hold


def sizes(models: Mapping[str, Definition]) -> int:
    """How many numbers the weights of all models hold.

    StepError E225 for a model of more steps than any network has: blocks that call blocks twice
    double with every level, and repeats multiply, while each is elaborated once, so that a few
    lines are a network that nobody could write down or run.
    """
    done: dict[int, Sizes] = {}
    total = 0
    for name, model in models.items():
        steps, numbers = count(model, done)
        total += numbers
        if steps > MAX_FLAT:
            shown = f"{steps:,}" if steps < 10**15 else "far more"
            what = f"{name} would have {shown} steps with its copies written out"
            help = f"a network has at most {MAX_FLAT:,}"
            raise StepError.of("E225", what, model.place, help=help)
    return total


def count(definition: Definition, done: dict[int, Sizes]) -> Sizes:
    """The definition's sizes with what it calls; `done` keeps each definition's.

    The weights of a model that is called are that model's.
    """
    if id(definition) not in done:
        steps = numbers = 0
        for _, node in definition.graph.nodes():
            if isinstance(node, OpNode):
                steps += 1
                for weight in node.weights:
                    size = weight.type.elements
                    assert isinstance(size, int)
                    numbers += size
            elif isinstance(node, CallNode):
                inner, own = count(node.definition, done)
                steps += node.count * (1 + inner)
                numbers += node.count * own if node.model is None else 0
        done[id(definition)] = steps, numbers
    return done[id(definition)]
