"""How a search chooses what it evaluates next: one file a strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archc.errors import UsageError, did_you_mean
from archc.search.candidate import Candidate
from archc.search.section import Search
from archc.search.space import Space
from archc.search.strategies.evolution import Evolution
from archc.search.strategies.local import Local
from archc.search.strategies.pareto import Pareto
from archc.search.strategies.random import Drawn
from archc.search.strategies.reinforce import Reinforce
from archc.search.strategies.surrogate import Surrogate
from archc.search.trial import Strategy
from archc.spec.search import SEVERAL

MAKERS: dict[str, Callable[..., Strategy]] = {
    "random": Drawn,
    "local": Local,
    "evolution": Evolution,
    "pareto": Pareto,
    "reinforce": Reinforce,
    "surrogate": Surrogate,
}


def strategy(search: Search, origin: Candidate) -> Strategy:
    """The strategy that a search names, with its options, over the space around the origin.

    Raises UsageError E857 as `over` does.
    """
    return over(Space(search, origin))


def over(space: Space) -> Strategy:
    """The strategy that the space's search names, with its options.

    Raises UsageError E857 where there is no such strategy or it knows one objective only.
    """
    search = space.search
    name, options = search.strategy, dict[str, Any](search.options)
    if name not in MAKERS:
        what = f"no strategy '{name}'"
        raise UsageError.of("E857", what, help=did_you_mean(name, MAKERS))
    if len(search.objectives) > 1 and name not in SEVERAL:
        what = f"the strategy {name} has one objective, and these are {len(search.objectives)}"
        raise UsageError.of("E857", what, help="--strategy pareto")
    return MAKERS[name](space, **options)


__all__ = ["over", "strategy"]
