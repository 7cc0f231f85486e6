"""`python -m archc_search.measure MODEL INPUTS THREADS`: latency and memory of a file, as JSON.

In a process of its own, so that the memory is the session's and nothing else's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from archc_ort.session import open_session

SECONDS, LEAST, WARMUP = 1.0, 20, 5


def measure(model: Path, inputs: Path, threads: int) -> dict[str, float]:
    """Median milliseconds of a run, and the megabytes that the session and its runs take."""
    with np.load(inputs, allow_pickle=False) as arrays:
        feeds = dict(arrays)
    process = psutil.Process()
    before = process.memory_info().rss
    session = open_session(model, device="cpu", threads=threads)
    for _ in range(WARMUP):
        session.run(None, feeds)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < LEAST or time.perf_counter() - began < SECONDS:
        start = time.perf_counter()
        session.run(None, feeds)
        times.append(time.perf_counter() - start)
    taken = process.memory_info().rss - before
    return {"latency_ms": 1e3 * median(times), "memory_mb": taken / 1e6}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
