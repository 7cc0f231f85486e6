"""Every hostile input of the tests in a process of its own: what it ends in, how long, how much.

python bench/hostile.py [PART OF A NAME …]

Ends with 1 if one takes more than a second or 200 MB, or does not end as it should. Seconds are of
the processor, all threads and the interpreter's start included; the same command on a small spec is
printed first, and what is beyond it beside each.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "tests" / "hostile" / "measured.py"
SECONDS, MEBIBYTES = 1.0, 200
PATIENCE = 30  # seconds until a process is ended


class Run(NamedTuple):
    """What one command took and ended in."""

    status: int
    codes: list[str]
    seconds: float
    mebibytes: float


def main() -> int:
    sys.path[0] = str(
        ROOT / "tests"
    )  # in place of this folder, whose hostile.py is not that package
    from hostile.every import CASES

    wanted = sys.argv[1:]
    cases = [case for case in CASES if not wanted or any(part in case.name for part in wanted)]
    base = {verb: baseline(verb) for verb in sorted({case.command[0] for case in cases})}
    for verb, run in base.items():
        what = f"archc {verb}, a small network"
        print(f"{what:<52} {run.seconds:6.2f} s {'':>8} {run.mebibytes:4.0f} MB")
    wrong = slow = large = 0
    for case in cases:
        with tempfile.TemporaryDirectory() as name:
            case.write(Path(name))
            run = measure(Path(name), case.command)
        as_meant = run.status == case.status and (not case.code or case.code in run.codes)
        beyond = run.seconds - base[case.command[0]].seconds
        marks = [
            "" if as_meant else f"should end in {case.status} {case.code}",
            "slow" if run.seconds > SECONDS else "",
            "large" if run.mebibytes > MEBIBYTES else "",
        ]
        wrong, slow, large = wrong + (not as_meant), slow + bool(marks[1]), large + bool(marks[2])
        found = ",".join(sorted(set(run.codes))) or "-"
        print(
            f"{case.name[:52]:<52} {run.seconds:6.2f} s {beyond:+7.2f} {run.mebibytes:5.0f} MB  "
            f"{found:<10} {' '.join(filter(None, marks))}".rstrip(),
            flush=True,
        )
    print(f"{len(cases)} inputs: {wrong} not as meant, {slow} beyond {SECONDS:g} s, "
          f"{large} beyond {MEBIBYTES} MB")  # fmt: skip
    return 1 if wrong or slow or large else 0


def baseline(verb: str) -> Run:
    """The verb on a network without any harm."""
    more = {"export": ("-o", "net.onnx"), "diff": ("lenet5",)}.get(verb, ())
    if verb == "run":
        more = ("--input", "data.json")
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "net.yaml").write_text(
            "archc: 1\ninputs: {x: [N, 8]}\ngraph: [{linear: 3}]\n"
        )
        (Path(name) / "data.json").write_text("[1, 2, 3, 4, 5, 6, 7, 8]")
        return measure(Path(name), (verb, "net.yaml", *more))


def measure(folder: Path, command: tuple[str, ...]) -> Run:
    """Runs a command in the folder; what it takes is read from the kernel."""
    out, note = folder / ".out", folder / ".peak"
    with out.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, str(MEASURED), str(note), *command],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        seconds, status = waited(process)
    text = out.read_text(encoding="utf-8", errors="replace")
    codes = re.findall(r"^error\[(\w+)\]", text, re.MULTILINE)
    if "--json" in command:
        codes = [one["code"] for one in json.loads(text)]
    peak = int(note.read_text()) if note.exists() else sys.maxsize
    return Run(status, codes, seconds, peak / 1024)


def waited(process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """The seconds of the processor that it takes, and how it ends."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds, process.returncode


if __name__ == "__main__":
    sys.exit(main())
