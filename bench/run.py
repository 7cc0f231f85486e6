"""Every benchmark, one after the other; each prints its ratios from its own run.

python bench/run.py [NAME …]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = (
    "compile", "check", "show", "hostile", "export", "latency", "moves", "search", "session",
    "inherit", "workers",
)  # fmt: skip


def main() -> int:
    names = sys.argv[1:] or NAMES
    folder = Path(__file__).parent
    failed = [name for name in names if run(folder / f"{name}.py")]
    for name in failed:
        print(f"{name} did not finish", file=sys.stderr)
    return 1 if failed else 0


def run(script: Path) -> int:
    print(f"== {script.stem}", flush=True)
    return subprocess.run([sys.executable, str(script)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
