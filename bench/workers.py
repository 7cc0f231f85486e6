"""Finished trials a second of a search with two workers against one, a thread each.

    python bench/workers.py [--trials 20] [--repeats 3] [--epochs 60] [--variants accuracy latency]

Two processors with nothing else to do are needed. A trial is a small convolutional network trained
for 60 epochs on scikit-learn's digits. Search is random, so both crews evaluate the same
candidates. In the second variant latency in onnxruntime is an objective, too: it is measured before
the training, and while a worker measures the other is suspended, so that part is shared by nobody.

Crews take turns. What counts is the time from when every worker has finished a trial until the
first has nothing left to do; the whole search, with the start of its processes and its end, stands
beside it. Where both variants are run, the most that two workers can reach in the second is
reckoned from one worker's: of `t + l` seconds that a trial takes, `l` more than without latency,
two can have `(t + l) / (t / 2 + l)` in the same time.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from archc.search.record import Record
from archc.search.start import Plan, Staff, begin, go_on

WANTED = 1.7
SPEC = """\
archc: 1
name: digits_cnn
params: {first: 16, second: 32, kernel: 3}
inputs: {image: [N, 1, 8, 8]}
defaults: {conv2d: {bias: false, padding: same}}
graph:
  - {conv2d: {out: =first, kernel: =kernel}, name: conv1}
  - {batch_norm, name: norm1}
  - relu
  - {conv2d: {out: =second, kernel: 3}, name: conv2}
  - {batch_norm, name: norm2}
  - relu
  - max_pool2d: 2
  - {conv2d: {out: =second, kernel: 3}, name: conv3}
  - {batch_norm, name: norm3}
  - relu
  - global_avg_pool
  - {linear: 10, name: head}
outputs: {logits: prev}
train:
  data: {digits: {normalize: true}}
  split: {val: 0.25}
  batch: 64
  epochs: EPOCHS
  loss: {cross_entropy: [logits, label]}
  optimizer: {adamw: {lr: 3.0e-3, weight_decay: 0.05, exempt: true}}
  schedule: {cosine: {warmup: 50}}
  metrics: {accuracy: [logits, label]}
search:
  vary: {first: {int: [12, 20]}, second: {int: [28, 36]}, kernel: [3, 5]}
  objectives: OBJECTIVES
  strategy: random
  budget: {trials: TRIALS}
"""
VARIANTS = {
    "accuracy": "{maximize: accuracy}",
    "latency": "{maximize: accuracy, minimize: latency_ms}",
}


@dataclass(frozen=True, slots=True)
class Run:
    """Trials a second while all workers are at it, and of the whole search; a trial's seconds."""

    rate: float
    whole: float
    seconds: float


def searched(text: str, workers: int) -> Run:
    """One search from its beginning to its end."""
    ended: list[Record] = []
    with tempfile.TemporaryDirectory() as name:
        spec = Path(name) / "digits_cnn.yaml"
        spec.write_text(text, encoding="utf-8")
        started = time.time()
        study = begin(spec, Plan(options={"device": "cpu"}), folder=Path(name) / "study")
        go_on(study, Staff(workers=workers, threads=1), ended.append)
        study.close()
    done = [one for one in ended if one.evaluated]
    failed = [one.why for one in done if one.state != "complete"]
    if failed:
        raise SystemExit(f"{len(failed)} trials failed: {failed[0]}")
    times = sorted(one.ended for one in done if one.ended is not None)
    begun, over = workers - 1, len(times) - workers  # trials that ended before, and that were last
    rate = (over - begun) / (times[over] - times[begun])
    whole = len(times) / (times[-1] - started)
    return Run(rate, whole, median(one.cost for one in done))


def measured(variant: str, args: argparse.Namespace) -> float:
    """Prints what two workers make of a variant; gives one worker's seconds for a trial."""
    text = SPEC.replace("OBJECTIVES", VARIANTS[variant])
    text = text.replace("TRIALS", str(args.trials)).replace("EPOCHS", str(args.epochs))
    found: dict[int, list[Run]] = {1: [], 2: []}
    print(f"{variant}, {args.trials} trials of {args.epochs} epochs", flush=True)
    for k in range(args.repeats):
        for workers in (1, 2) if k % 2 == 0 else (2, 1):
            run = searched(text, workers)
            found[workers].append(run)
            print(
                f"  {workers}: {run.rate:.3f} trials a second, {run.whole:.3f} of the whole "
                f"search; {run.seconds:.2f} s a trial",
                flush=True,
            )
    pairs = list(zip(found[1], found[2], strict=True))
    ratios = [two.rate / one.rate for one, two in pairs]
    wholes = [two.whole / one.whole for one, two in pairs]
    print(
        f"  2 workers {median(ratios):.2f} times 1 ({min(ratios):.2f} to {max(ratios):.2f}), "
        f"the whole search {median(wholes):.2f}; wanted at least {WANTED}"
    )
    return median(one.seconds for one in found[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    args = parser.parse_args()
    if args.trials < 4:
        parser.error("--trials: at least 4, so that two workers are at it for some time")
    logging.disable(logging.WARNING)
    print(f"load of the machine before: {os.getloadavg()[0]:.2f}")
    seconds = {variant: measured(variant, args) for variant in args.variants}
    if len(seconds) == len(VARIANTS):
        both, training = seconds["latency"], seconds["accuracy"]
        most = both / (both - training / 2)
        print(f"latency takes {both - training:.2f} s of a trial, so two can be {most:.2f} times 1")


if __name__ == "__main__":
    main()
