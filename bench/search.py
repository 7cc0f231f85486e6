"""How many candidates of a search are known in a second: typed, costed and digested.

    python bench/search.py [--rounds 5] [--count 100] [--traced 3]

A candidate is drawn, elaborated from the spec's tree in memory, its parameters and
multiply-accumulates counted and its digest taken. All of them differ, and nothing is kept from one
for another but what follows from the spec alone. Times are the process' own on one core, the best
of the rounds; the parts are medians of all. Beside it stands `torch.onnx.export` of the same
networks, traced: what is done elsewhere to know as much of a candidate, the module being made.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from archc.cli.main import collect_rarely
from archc.elaborate import elaborate
from archc.ir.digest import digest
from archc.ir.program import Program
from archc.pipeline import settings_from
from archc.spec.ast import File
from archc.spec.load import Loader

SPECS = Path(__file__).resolve().parent.parent / "specs"
OPS = ("zeros_like", "identity", "conv1x1", "conv3x3", "pool3x3")
EDGES = ("e10", "e20", "e21", "e30", "e31", "e32")
Draw = Callable[[random.Random], dict[str, Any]]


def cell(draws: random.Random) -> dict[str, Any]:
    """A cell of NAS-Bench-201 in its skeleton."""
    return {"edges": {edge: draws.choice(OPS) for edge in EDGES}}


def depths(draws: random.Random) -> dict[str, Any]:
    """A network like ResNet-50, some blocks more or less in each stage, and its classes."""
    drawn = [around + draws.randint(-1, 1) for around in (3, 4, 6, 3)]
    return {"depths": drawn, "classes": draws.randint(10, 1000)}


CASES: dict[str, tuple[str, Draw, tuple[int, ...], int]] = {
    "NAS-Bench-201": ("nasbench201.yaml", cell, (1, 3, 32, 32), 1000),
    "ResNet-50": ("resnet.yaml", depths, (1, 3, 224, 224), 150),
}


def distinct(draw: Draw) -> Iterator[dict[str, Any]]:
    """Candidates without end, each drawn once."""
    draws, seen = random.Random(0), set[str]()
    while True:
        values = draw(draws)
        if repr(values) not in seen:
            seen.add(repr(values))
            yield values


def known(file: File, values: dict[str, Any]) -> tuple[Program, list[float]]:
    """The candidate's program, and the milliseconds until it was typed, costed and digested."""
    times = [time.process_time()]
    program = elaborate(file, None, settings_from(values, file))
    times.append(time.process_time())
    _ = program.params, program.macs
    times.append(time.process_time())
    digest(program)
    times.append(time.process_time())
    return program, [1000 * (b - a) for a, b in pairwise(times)]


def traced(program: Program, shape: tuple[int, ...]) -> float:
    """Milliseconds of PyTorch's exporter for the program's module."""
    import torch

    import archc_torch

    torch.set_num_threads(1)
    module = archc_torch.module(program).eval()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about itself
        started = time.process_time()
        torch.onnx.export(module, (torch.zeros(shape),), f"{folder}/a.onnx", dynamo=False)
        return 1000 * (time.process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=100, help="candidates in a round")
    parser.add_argument("--traced", type=int, default=3, help="candidates given to the exporter")
    args = parser.parse_args()
    collect_rarely()  # as `archc search` does
    for name, (spec, draw, shape, wanted) in CASES.items():
        file, candidates = Loader().load(SPECS / spec), distinct(draw)
        known(file, next(candidates))  # what is imported when it is first asked for
        rounds = [
            [known(file, next(candidates))[1] for _ in range(args.count)]
            for _ in range(args.rounds)
        ]
        best = min(statistics.fmean(map(sum, parts)) for parts in rounds)
        parts = [statistics.median(column) for column in zip(*chain(*rounds), strict=True)]
        print(f"{name:<14} {1000 / best:6.0f} a second, {best:.2f} ms each   at least {wanted}")
        shown = zip(("elaborate", "cost", "digest"), parts, strict=True)
        print(f"{'':<14} {', '.join(f'{what} {each:.2f} ms' for what, each in shown)}")
        if args.traced:
            times = [traced(known(file, next(candidates))[0], shape) for _ in range(args.traced)]
            tracer = statistics.median(times)
            print(f"{'':<14} torch.onnx.export {tracer:.0f} ms, {tracer / best:.0f} times as long")


if __name__ == "__main__":
    main()
