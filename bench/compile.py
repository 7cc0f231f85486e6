"""From text to a typed program: how long, and how it grows with depth.

    python bench/compile.py

Every figure is the median over fresh processes, after import; ratios are taken from the same run.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

CODE = """
import time
from archc.pipeline import compile
from archc.ops.registry import ops
ops()
started = time.perf_counter()
compile({spec!r}, set={set!r})
print((time.perf_counter() - started) * 1000)
"""
ROUNDS = 9
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "ResNet-152": ("resnet152", {}),
    "GPT-2, 10 layers": ("gpt2", {"layers": 10}),
    "GPT-2, 10 layers, again": ("gpt2", {"layers": 10}),
    "GPT-2, 1,000 layers": ("gpt2", {"layers": 1000}),
    "EfficientNet-B7": ("efficientnet_b7", {}),
    "Swin-T": ("swin_t", {}),
}


def milliseconds(spec: str, settings: dict[str, object]) -> float:
    """One compilation in a fresh process."""
    code = CODE.format(spec=spec, set=settings)
    return float(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
    )


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, (spec, settings) in CASES.items():
            times[name].append(milliseconds(spec, settings))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        print(f"{name:<26} {medians[name]:8.1f} ms   {min(values):.1f} to {max(values):.1f}")
    ten = medians["GPT-2, 10 layers"]
    print(f"1,000 layers / 10 layers   {medians['GPT-2, 1,000 layers'] / ten:8.2f}   at most 1.5")
    print(f"A/A                        {medians['GPT-2, 10 layers, again'] / ten:8.2f}")


if __name__ == "__main__":
    main()
