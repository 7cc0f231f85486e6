"""Every op that the generator can propose, and how often."""

from __future__ import annotations

from collections.abc import Callable

from fuzz.scope import Scope
from fuzz.values import Use

Proposer = Callable[[Scope], Use | None]

PROPOSERS: list[tuple[int, Proposer]] = []


def proposes(weight: int) -> Callable[[Proposer], Proposer]:
    """Registers a proposer, which looks at a scope and gives a use of an op, or None."""

    def register(proposer: Proposer) -> Proposer:
        PROPOSERS.append((weight, proposer))
        return proposer

    return register


def propose(scope: Scope) -> Use | None:
    """A use of some op."""
    return scope.choices.weighted(PROPOSERS)(scope)
