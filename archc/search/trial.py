"""What strategies are asked and told, and what evaluators give: the words that search shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from archc.search.candidate import Candidate

State = Literal["complete", "failed", "duplicate", "limited"]

COST = "cost"
"""A value of this name is what the evaluation cost, in place of the seconds that it took."""

STATE = "state.pt"
"""In a trial's folder what its next rung begins with; it is removed once the trial is told."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate that a strategy would like to know about.

    `parents` are numbers of trials: none, the one that was changed, or the two that were crossed;
    `change` says in words what was done. `avoided` counts the candidates that were thought of
    before it and not proposed, because they had been seen.
    """

    candidate: Candidate
    parents: tuple[int, ...] = ()
    change: str = ""
    avoided: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that was looked at, numbered in the order of asking.

    `values` are the numbers that were found, objectives among them, and `cost` the seconds it took.
    A `duplicate` has the values of the trial that it is the same network as, and costs nothing; a
    `limited` one is beyond a limit, and mostly no evaluation was needed to know it; a `failed` one
    has no values, and `why`. Of a complete one `values` are those of the `rung` that it came to.
    """

    number: int
    candidate: Candidate
    state: State
    values: Mapping[str, float] = field(default_factory=dict)
    cost: float = 0.0
    parents: tuple[int, ...] = ()
    change: str = ""
    why: str = ""
    rung: int = 0


class Strategy(Protocol):
    """Chooses what is evaluated next.

    What is asked depends on the seed, the number, what was told before and what is `under_way`,
    asked for and not told yet, alone. So a search that was stopped goes on as if it had not been,
    once it is told everything again in the same order.
    """

    def ask(self, number: int, under_way: Sequence[Candidate] = ()) -> Proposal: ...

    def tell(self, trial: Trial) -> None: ...


@dataclass(frozen=True, slots=True)
class Task:
    """What an evaluator is told besides the candidate.

    `folder` is the trial's own, made by who writes to it: what is left there is found at the next
    rung, after a kill, and by the trial's children, whose `parents` are such folders. `alone()` is
    for what is measured by the clock: inside it the search's other processes on this machine are
    suspended, those of Ray excepted, and no other search of this user is inside its own.
    """

    number: int
    folder: Path
    rung: int = 0
    parents: tuple[Path, ...] = ()
    alone: Callable[[], AbstractContextManager[None]] = nullcontext


class Evaluator(Protocol):
    """Finds a candidate's numbers by name, in a process of its own if the search has workers.

    It is called once a rung. Whatever it raises is recorded as the candidate's failure, and the
    search goes on; EvaluationError is for what needs no more than its message.
    """

    def __call__(self, candidate: Candidate, task: Task) -> Mapping[str, float]: ...
