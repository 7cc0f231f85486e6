"""Strategies on NAS-Bench-201 (CIFAR-10) and on landscapes made at random, many seeds each.

    python bench/nb201.py results.csv [--seeds 500] [--strategies evolution …] [--landscapes 100]

A search sees the validation accuracy after 12 epochs, and pays the seconds that took to train. What
is reported is the test accuracy after 200 epochs of the network that was best by validation when
the seconds were spent. The first run works out the digest and the features of all 15,625 cells and
keeps them in `--kept`; the later ones take them from there.

Every strategy runs with its own defaults, as they are for any search. `published` is regularised
evolution as others measured it on this table: population 10, tournament 3, each edge drawn anew
with probability 1/6, and networks that were met before trained again. It and `random` check the
bench: they have to come out as published. (With just one edge changed, always to another
operation, it comes to 94.09.)

A landscape is an NK model with 12 places of 4 choices, of which each interacts with 2 others, or
with 8 of 5 and 4; the numbers are the means of what is found in 180 evaluations, from 0 to 1.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
from tables import Result, Task, facts, landscape, opened, searched

from archc.search.candidate import Candidate
from archc.search.space import Space
from archc.search.strategies import over
from archc.search.trial import Proposal, Strategy, Trial

SPEC = Path(__file__).parents[1] / "specs" / "nasbench201.yaml"
RENAMED = {
    "none": "zeros_like",
    "skip_connect": "identity",
    "nor_conv_1x1": "conv1x1",
    "nor_conv_3x3": "conv3x3",
    "avg_pool_3x3": "pool3x3",
}
SECONDS = [3_000.0, 12_000.0, 20_000.0]
STRATEGIES = (
    "random", "published", "local", "evolution", "pareto", "reinforce", "surrogate",
)  # fmt: skip
KNOWN = {"random": "93.86", "published": "94.02", "reinforce": "93.90"}
RATE = 1 / 6  # how likely each edge is drawn anew
LANDSCAPES = ((12, 4, 2), (8, 5, 4))


class Published:
    """Regularised evolution without identity, 10/3 (Real et al., 2019)."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.alive: deque[Trial] = deque(maxlen=10)

    def ask(self, number: int, under_way: Sequence[Candidate] = ()) -> Proposal:
        random = Random(f"{self.space.search.seed} {number}")
        if len(self.alive) < 10:
            return Proposal(self.space.random(random))
        drawn = random.choices(self.alive, k=3)  # with replacement, as in the paper's listing
        (name,) = {name for one in drawn for name in one.values}
        parent = max(drawn, key=lambda one: one.values[name])
        held = parent.candidate.parameters
        values = {
            hole.path: hole.domain.draw(random) if random.random() < RATE else hole.value(held)
            for hole in self.space.holes
        }
        return Proposal(self.space.with_values(self.space.origin, values), (parent.number,))

    def tell(self, trial: Trial) -> None:
        self.alive.append(trial)


def made(name: str, task: Task, seed: int) -> tuple[Space, Strategy]:
    space = task.space(seed, "evolution" if name == "published" else name)
    return space, Published(space) if name == "published" else over(space)


def run(name: str, task: Task, budgets: list[float], seeds: range) -> np.ndarray:
    """What each seed finds within each budget: [seeds, budgets]."""
    found = []
    for seed in seeds:
        space, strategy = made(name, task, seed)
        found.append(searched(space, strategy, task.table, budgets, name != "published"))
    return np.array(found)


def cells(path: Path, kept: Path) -> Task:
    search, origin = opened(SPEC.read_text("utf-8"), SPEC.as_posix())
    space = Space(search, origin)
    table = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values = {hole.path: RENAMED[row[str(hole.path[-1])]] for hole in space.holes}
            numbers = (
                row[name] for name in ("val_acc_12ep", "train_seconds_12ep", "test_acc_200ep")
            )
            table[space.key(space.with_values(origin, values))] = Result(*map(float, numbers))
    return Task(search, origin, facts(space, kept), table)


def line(name: str, found: np.ndarray, digits: int, more: str = "") -> str:
    means = found.mean(axis=0)
    errors = found.std(axis=0, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0 * means
    numbers = [f"{m:.{digits}f} ± {e:.{digits}f}" for m, e in zip(means, errors, strict=True)]
    return f"| {name} | {more} | {' | '.join(numbers)} |"


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    began = time.process_time()
    found = work()
    return found, (time.process_time() - began) / len(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, nargs="?", help="none: landscapes alone")
    parser.add_argument("--kept", type=Path, default=Path("build/nb201.npz"))
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--strategies", nargs="*", default=STRATEGIES, choices=STRATEGIES)
    parser.add_argument("--seconds", nargs="*", type=float, default=SECONDS)
    parser.add_argument("--landscapes", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--raw", type=Path, help="a folder for each seed's numbers, .npy")
    args = parser.parse_args()
    seeds = range(args.first, args.first + args.seeds)
    if args.table is not None:
        args.kept.parent.mkdir(parents=True, exist_ok=True)
        task = cells(args.table, args.kept)
        print(f"{args.seeds} seeds: mean test accuracy ± standard error at so many seconds\n")
        print(f"| strategy | published | {' | '.join(f'{s:,.0f}' for s in args.seconds)} | CPU s |")
        print("|---|---|" + "---|" * (len(args.seconds) + 1))
        for name in args.strategies:
            found, took = timed(lambda name=name: run(name, task, args.seconds, seeds))
            print(f"{line(name, found, 3, KNOWN.get(name, ''))} {took:.2f} |", flush=True)
            if args.raw:
                args.raw.mkdir(parents=True, exist_ok=True)
                np.save(args.raw / f"{name}-{args.first}.npy", found)
    if args.landscapes:
        made_tables(args)


def made_tables(args: argparse.Namespace) -> None:
    """Each seed has a landscape of its own."""
    heads = [f"{n} of {c}, {k}" for n, c, k in LANDSCAPES]
    print(f"\n{args.landscapes} landscapes each\n\n| strategy | | {' | '.join(heads)} |")
    print("|---|---|" + "---|" * len(heads))
    for name in args.strategies:
        columns = [
            np.concatenate([
                run(name, landscape(*kind, seed), [180.0], range(seed, seed + 1))
                for seed in range(args.landscapes)
            ])
            for kind in LANDSCAPES
        ]  # fmt: skip
        print(line(name, np.hstack(columns), 4), flush=True)


if __name__ == "__main__":
    main()
