"""A cold `archc show` of every network in the zoo, against importing what it cannot do without.

    python bench/show.py [NAME …] [--rounds 1]

Each figure comes from a fresh process. Seconds are the process' own, user and system; the ratio is
the median of ratios to a baseline process that ran just before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

BASELINE = [sys.executable, "-c", "import networkx, yaml, jsonschema"]
BOUND = 0.7  # seconds


def seconds(command: list[str]) -> float:
    """Processor time of one run."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    from archc.catalog import rows

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    names = args.names or [row.name for row in rows()]
    found: list[tuple[float, float, str]] = []
    for name in names:
        command = [sys.executable, "-m", "archc.cli.main", "show", name]
        pairs = [(seconds(BASELINE), seconds(command)) for _ in range(args.rounds)]
        taken = statistics.median(own for _, own in pairs)
        found.append((taken, statistics.median(own / base for base, own in pairs), name))
    for taken, ratio, name in sorted(found, reverse=True):
        print(f"{name:<28} {taken:6.2f} s   ratio {ratio:.2f}{'   !' if taken > BOUND else ''}")
    slow = sum(taken > BOUND for taken, _, _ in found)
    print(f"{len(found)} networks, {slow} above {BOUND} s")


if __name__ == "__main__":
    main()
