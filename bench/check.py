"""A cold `archc check` against importing the three libraries it cannot do without.

python bench/check.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "import networkx, yaml, jsonschema": [
        sys.executable,
        "-c",
        "import networkx, yaml, jsonschema",
    ],
    "the same again": [sys.executable, "-c", "import networkx, yaml, jsonschema"],
    "archc check specs/resnet.yaml": [
        sys.executable,
        "-m",
        "archc.cli.main",
        "check",
        "specs/resnet.yaml",
    ],
    "archc show swin_t": [sys.executable, "-m", "archc.cli.main", "show", "swin_t"],
}
ROUNDS = 15


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    base = times[next(iter(COMMANDS))]
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, base, strict=True))
        print(f"{name:<36} {statistics.median(values) * 1000:7.0f} ms   ratio {ratio:.2f}")
    print("`check` is to stay at a ratio of at most 1.6")


if __name__ == "__main__":
    main()
