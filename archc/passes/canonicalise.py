"""Steps that say the same in a shorter way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archc.ir.graph import Value
from archc.ir.nodes import OpNode
from archc.ir.program import Definition, Program
from archc.passes.base import Pass
from archc.passes.dead_code import Keeping, swept
from archc.passes.rebuild import Rebuild, rebuilt
from archc.passes.rules import RULES, Match, Rewrite


@dataclass(frozen=True)
class Canonicalise(Pass):
    """Applies the rows of `archc.passes.rules` until none fits.

    Values stay what they are, at inference and while training. No weight goes.
    """

    most: ClassVar[int] = 20  # rounds; a round that changes nothing ends them

    def run(self, program: Program) -> Program:
        return rebuilt(program, self.definition)

    def definition(self, definition: Definition) -> Definition:
        for _ in range(self.most):
            found = _round(definition)
            if found is definition:
                break
            definition = found
        return definition


def _round(definition: Definition) -> Definition:
    """Each node rewritten once, after those it reads."""
    graph, changed = definition.graph, False
    rebuild = Rebuild(definition)
    uses = {id: len(graph.users(id)) for id in graph}
    for value in definition.outputs.values():
        uses[value.node] += 2  # an output is never a part of its only user
    new_uses: dict[int, int] = {}
    for id, node in graph.nodes():
        found: Rewrite = None
        if isinstance(node, OpNode) and node.op.name in RULES:
            match = Match(rebuild.graph, node, rebuild.inputs(id), new_uses)
            rules = RULES[node.op.name]
            found = next((f for rule in rules if (f := rule(match)) is not None), None)
        if found is None:
            new_uses[rebuild.keep(id, node)] = uses[id]
            continue
        changed = True
        if isinstance(found, Value):
            rebuild.made[id] = (found,)
            new_uses[found.node] += uses[id] - 1
        else:
            new_uses[rebuild.put(id, *found)] = uses[id]
    return swept(rebuild.finish(), Keeping()) if changed else definition
