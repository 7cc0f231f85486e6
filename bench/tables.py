"""Spaces whose candidates are all known, and what a search of them costs and finds.

A search over a table asks for thousands of digests a second, and each is a compilation. So those of
all candidates, and their features, are worked out once and kept in a file; the space then looks
them up, and all else is as in any search.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from random import Random

import numpy as np

from archc.search.candidate import Candidate
from archc.search.features import Features
from archc.search.reading import read
from archc.search.section import Search
from archc.search.space import Space
from archc.search.trial import Proposal, Strategy, Trial

Facts = tuple[dict[str, str], dict[str, Features]]  # digests and features by a space's key
IDLE = 200  # proposals in a row that are known: there is nothing left


@dataclass(frozen=True)
class Result:
    """What a table says of a candidate: what a search sees, its cost, and what is reported."""

    seen: float
    cost: float
    shown: float


@dataclass(frozen=True)
class Task:
    """A space, its facts, and its table by the space's key."""

    search: Search
    origin: Candidate
    facts: Facts
    table: Mapping[str, Result]

    def space(self, seed: int, strategy: str = "evolution") -> Space:
        search = replace(self.search, seed=seed, strategy=strategy, options={})
        space = Space(search, self.origin)
        space.digests, space.features = self.facts
        return space


def searched(
    space: Space,
    strategy: Strategy,
    table: Mapping[str, Result],
    budgets: list[float],
    identity: bool = True,
) -> list[float]:
    """What is shown of the best seen within each budget.

    Without `identity` a network that is met again is evaluated and paid for again.
    """
    objective = space.search.objectives[0].name
    best, spent, number, idle = Result(-np.inf, 0.0, np.nan), 0.0, 0, 0
    known: dict[str, Result] = {}
    found: list[float] = []
    while len(found) < len(budgets):
        proposal = strategy.ask(number)
        digest = space.digest(proposal.candidate)
        met = identity and digest in known
        result = known[digest] if met else table[space.key(proposal.candidate)]
        idle = idle + 1 if met else 0
        if not met:
            spent += result.cost
        while len(found) < len(budgets) and (spent > budgets[len(found)] or idle >= IDLE):
            found.append(best.shown)
        known[digest] = result
        best = max(best, result, key=lambda one: one.seen)
        strategy.tell(
            trial(number, proposal, "duplicate" if met else "complete", objective, result)
        )
        number += 1
    return found


def trial(number: int, proposal: Proposal, state: str, objective: str, result: Result) -> Trial:
    values = {objective: result.seen}
    return Trial(
        number, proposal.candidate, state, values, result.cost, proposal.parents, proposal.change
    )


# ---- NAS-Bench-201


def opened(text: str, name: str) -> tuple[Search, Candidate]:
    origin = Candidate.read(text, Path(name).resolve())
    return read(origin), origin


def everything(space: Space) -> list[Candidate]:
    """All candidates of a space without moves whose holes are choices."""
    values = [hole.domain.values for hole in space.holes]
    paths = [hole.path for hole in space.holes]
    return [
        space.with_values(space.origin, dict(zip(paths, one, strict=True)))
        for one in product(*values)
    ]


def facts(space: Space, kept: Path) -> Facts:
    """The digests and the features of all candidates, from a file or worked out and kept there."""
    candidates = everything(space)
    if not kept.exists():
        work_out(space, candidates, kept)
    with np.load(kept) as file:
        digests, names, numbers = file["digests"], file["names"].tolist(), file["numbers"]
        split = int(file["split"])
    assert len(digests) == len(candidates), f"{kept} is of another space"
    keys = [space.key(candidate) for candidate in candidates]

    def row(numbers: np.ndarray, first: int, end: int) -> dict[str, float]:
        return {names[k]: float(numbers[k]) for k in np.flatnonzero(numbers) if first <= k < end}

    features = {
        key: Features(row(one, 0, split), row(one, split, len(names)))
        for key, one in zip(keys, numbers, strict=True)
    }
    return {key: str(digest) for key, digest in zip(keys, digests, strict=True)}, features


def work_out(space: Space, candidates: list[Candidate], kept: Path) -> None:
    digests, found = [], []
    began = time.time()
    for k, candidate in enumerate(candidates):
        fresh = space.with_values(candidate, {})  # so that its program does not stay in memory
        digests.append(space.digest(fresh))
        found.append(space.encoded(fresh))
        if k % 1000 == 999:
            print(f"{k + 1:,} of {len(candidates):,}, {time.time() - began:.0f} s", flush=True)
    names = [sorted({name for one in found for name in one[part]}) for part in (0, 1)]
    numbers = np.zeros((len(found), len(names[0]) + len(names[1])), np.float32)
    for part, before in ((0, 0), (1, len(names[0]))):
        place = {name: before + k for k, name in enumerate(names[part])}
        for row, one in enumerate(found):
            for name, number in one[part].items():
                numbers[row, place[name]] = number
    np.savez_compressed(
        kept, digests=digests, names=names[0] + names[1], split=len(names[0]), numbers=numbers
    )
    print(f"{len(set(digests)):,} networks in {len(candidates):,} candidates")


# ---- made tables


LAYERS = """\
archc: 1
name: layers
params:
  ops: [{ops}]
inputs: {{x: [N, 8]}}
graph:
  - repeat: {{op: =ops}}
    do: [=op]
search:
  vary: {{ops.*: [{choices}]}}
  objectives: {{maximize: fitness}}
  budget: {{trials: 200}}
"""
CHOICES = ("relu", "tanh", "sigmoid", "gelu", "silu", "elu", "softplus", "identity")


def landscape(holes: int, choices: int, around: int, seed: int) -> Task:
    """An NK landscape (Kauffman and Weinberger, 1989): each candidate costs one second.

    A candidate's value is the mean of a number for each hole, drawn for what stands in it and in
    `around` others. All candidates are different networks, and nothing is known of their graphs.
    """
    ops = CHOICES[:choices]
    text = LAYERS.format(ops=", ".join(ops[:1] * holes), choices=", ".join(ops))
    search, origin = opened(text, "layers.yaml")
    draw = Random(seed)
    near = [[k, *draw.sample([j for j in range(holes) if j != k], around)] for k in range(holes)]

    def value(key: str) -> Result:
        held = key.split('"')[3::2]
        parts = (
            Random(f"{seed} {k} {[held[j] for j in others]}").random()
            for k, others in enumerate(near)
        )
        mean = sum(parts) / holes
        return Result(mean, 1.0, mean)

    def features(key: str) -> Features:
        return Features({}, {f"{k}={op}": 1.0 for k, op in enumerate(key.split('"')[3::2])})

    return Task(search, origin, (Lookup(str), Lookup(features)), Lookup(value))


class Lookup(dict):
    """A mapping that works out what is not in it yet."""

    def __init__(self, work_out: Callable[[str], object]) -> None:
        super().__init__()
        self.work_out = work_out

    def __missing__(self, key: str) -> object:
        self[key] = self.work_out(key)
        return self[key]

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: str, default: object = None) -> object:
        return self[key]
