"""From a candidate's values to its running session in onnxruntime, against the tracer's way there.

    python bench/session.py [--rounds 9] [--networks ResNet-50]

archc's way: the candidate is elaborated from the spec's tree in memory, written as the ONNX file
whose latency a search measures, and a session is opened and run once. The tracer's: the same
network's module is made, with torch's own initial values, its class being there already, and goes
through `torch.onnx.export`; its session is opened and run once, too. `dynamo` is torch's present
exporter, `legacy` the one before it. `in full` is archc's way with all initial values drawn, where
the file for the clock has one row of each large weight, which onnxruntime expands on opening.

A round is one candidate, which no other round has, in all ways in random order. Each way has a
process of its own with one thread, which has gone it once before. A ratio is that of a round, by
processor time and by the clock, shown with a 95 % bootstrap interval of the median: until the
session is open, and beside it until its first output and until the file is written; onnxruntime's
own part is the same for all. A search opens its session in a fresh process, whose start is counted
for nobody here.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from search import CASES, SPECS, distinct

from archc.elaborate import elaborate
from archc.ir.program import Program
from archc.pipeline import settings_from
from archc.spec.ast import File
from archc.spec.load import Loader
from archc_ort.latency import interval
from archc_ort.session import open_session

WANTED = 20
STEPS = ("module", "file", "session", "run")  # archc's module is the program
Values = Mapping[str, Any]
Times = list[tuple[float, float]]  # of the steps: seconds of the processor, seconds of the clock


class Laps:
    """The time since the last look."""

    def __init__(self) -> None:
        self.times: Times = []
        self.last = self.now()

    def now(self) -> tuple[float, float]:
        return time.process_time(), time.perf_counter()

    def done(self) -> None:
        now = self.now()
        self.times.append((now[0] - self.last[0], now[1] - self.last[1]))
        self.last = self.now()


@cache
def spec(case: str) -> File:
    return Loader().load(SPECS / CASES[case][0])


def program(case: str, values: Values) -> Program:
    return elaborate(spec(case), None, settings_from(values, spec(case)))


def opened(path: Path, case: str, laps: Laps) -> Times:
    """The file's session opened and run."""
    image = np.random.default_rng(0).standard_normal(CASES[case][2]).astype(np.float32)
    session = open_session(path, device="cpu", threads=1)
    laps.done()
    session.run(None, {session.get_inputs()[0].name: image})
    laps.done()
    return laps.times


def ours(case: str, values: Values, folder: Path) -> Times:
    from archc_search.shortened import write_model

    spec(case)
    laps = Laps()
    candidate = program(case, values)
    laps.done()
    write_model(candidate, folder / "a.onnx")
    laps.done()
    return opened(folder / "a.onnx", case, laps)


def in_full(case: str, values: Values, folder: Path) -> Times:
    """As `ours`, with all initial values drawn: what `archc build` writes."""
    import archc_onnx

    spec(case)
    laps = Laps()
    candidate = program(case, values)
    laps.done()
    archc_onnx.export(candidate, folder / "a.onnx")
    laps.done()
    return opened(folder / "a.onnx", case, laps)


def exported(case: str, values: Values, folder: Path, **options: bool) -> Times:
    import torch

    from archc_torch.emit import emit
    from archc_torch.instance import imported

    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    source = emit(program(case, values))
    made = getattr(imported(source), source.name)
    image = torch.zeros(CASES[case][2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about itself
        laps = Laps()
        module = made().eval()
        laps.done()
        torch.onnx.export(module, (image,), str(folder / "a.onnx"), verbose=False, **options)
        laps.done()
    return opened(folder / "a.onnx", case, laps)


def dynamo(case: str, values: Values, folder: Path) -> Times:
    return exported(case, values, folder, dynamo=True)


def legacy(case: str, values: Values, folder: Path) -> Times:
    return exported(case, values, folder, dynamo=False)


WAYS: dict[str, Callable[[str, Values, Path], Times]] = {
    "archc": ours,
    "archc in full": in_full,
    "dynamo": dynamo,
    "legacy": legacy,
}


def gone(way: str, case: str, values: Values) -> Times:
    """A way gone once, in a process that does nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        return WAYS[way](case, values, Path(folder))


def measured(case: str, rounds: int, pools: Mapping[str, ProcessPoolExecutor]) -> dict[str, Any]:
    """`[rounds, steps, 2]` of each way, in milliseconds."""
    candidates, order = distinct(CASES[case][1]), random.Random(0)
    times: dict[str, list[Times]] = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        values = next(candidates)
        for way in order.sample(list(WAYS), len(WAYS)):
            taken = pools[way].submit(gone, way, case, values).result()
            if number:  # the first is to get warm
                times[way].append(taken)
    return {way: 1000 * np.array(taken) for way, taken in times.items()}


def report(case: str, times: Mapping[str, Any]) -> None:
    rounds = len(times["archc"])
    print(f"{case}, medians of {rounds} candidates; the steps by processor time")
    for way, taken in times.items():
        steps = np.median(taken, axis=0)
        whole = np.median(taken.sum(1), axis=0)
        shown = ", ".join(f"{name} {each[0]:.0f}" for name, each in zip(STEPS, steps, strict=True))
        print(f"  {way:<14} {whole[0]:5.0f} ms, {whole[1]:5.0f} by the clock   {shown}")
    for way in ("dynamo", "legacy"):
        wanted = f"   wanted at least {WANTED}" if way == "dynamo" else ""
        print(f"  {way} / archc{wanted}")
        for until, what in ((3, "to the session"), (4, "to its first output"), (2, "to the file")):
            each = [times[one][:, :until].sum(1) for one in (way, "archc")]
            columns = [shown_ratio(each[0][:, k] / each[1][:, k]) for k in (0, 1)]
            print(f"    {what:<20} processor {columns[0]}   clock {columns[1]}")


def shown_ratio(ratios: Any) -> str:
    low, high = interval(ratios)
    return f"{np.median(ratios):5.1f} ({low:.1f} to {high:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--networks", nargs="+", default=list(CASES), choices=list(CASES))
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with ExitStack() as stack:
        spawn = get_context("spawn")
        pools = {way: stack.enter_context(ProcessPoolExecutor(1, spawn)) for way in WAYS}
        for case in args.networks:
            report(case, measured(case, args.rounds, pools))


if __name__ == "__main__":
    main()
