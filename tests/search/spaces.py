"""Small spaces for tests, and searches of them without anything being trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from archc.search.candidate import Candidate
from archc.search.reading import read
from archc.search.section import Search
from archc.search.trial import Proposal, State, Strategy, Trial

# Five kinds of holes, one of which matters only if another one says so.
SPEC = """\
archc: 1
name: net
params:
  width: 16
  depths: [1, 2]
  act: relu
  drop: 0.1
  edges: {a: relu, b: identity}
inputs: {x: [N, 8]}
graph:
  - {repeat: {i: 2, d: =depths}, name: ="stage" + str(i), do: [{linear: =width, repeat: =d}, =act]}
  - {dropout: =drop}
  - {=edges.a: {}, name: a}
  - {=edges.b: {}, name: b}
  - {linear: 10, name: head}
search:
  vary:
    width: [16, 24, 32]
    depths.*: {int: [1, 4]}
    act: [relu, gelu, {leaky_relu: 0.2}]
    drop: {float: [0.01, 0.5], log: true, when: =width > 16}
    edges.*: [relu, tanh, identity]
  objectives: {maximize: score}
  budget: {trials: 100}
"""
# 16 candidates, 12 networks: identity before relu or after it makes no difference.
SMALL = """\
archc: 1
name: small
params: {first: relu, second: tanh}
inputs: {x: [N, 4]}
graph: [=first, =second]
search:
  vary: {first: [relu, tanh, sigmoid, identity], second: [relu, tanh, sigmoid, identity]}
  objectives: {maximize: score}
  budget: {trials: 100}
"""


def opened(text: str, **changes: object) -> tuple[Search, Candidate]:
    """The search of a spec, with other settings, and where it begins."""
    origin = Candidate.read(text, Path("net.yaml").resolve())
    return replace(read(origin), **changes), origin


def reread(candidate: Candidate) -> Candidate:
    """The candidate as a study keeps it."""
    return Candidate.read(candidate.text(), Path("net.yaml").resolve())


Score = Callable[[Candidate], dict[str, float] | None]


def told(strategy: Strategy, score: Score, trials: int, first: int = 0) -> list[Trial]:
    """A search with one worker; a candidate without a score has failed."""
    done: list[Trial] = []
    for number in range(first, first + trials):
        trial = judged(number, strategy.ask(number), score, done)
        strategy.tell(trial)
        done.append(trial)
    return done


def judged(number: int, proposal: Proposal, score: Score, done: list[Trial]) -> Trial:
    candidate = proposal.candidate
    twin = next((one for one in done if one.candidate.digest == candidate.digest), None)
    values = score(candidate) if twin is None else dict(twin.values)
    state: State = "failed" if not values else "complete" if twin is None else "duplicate"
    return Trial(number, candidate, state, values or {}, 1.0, proposal.parents, proposal.change)
