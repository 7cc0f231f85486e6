"""Latency and memory of a candidate's ONNX file in onnxruntime, in a process of its own."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime

from archc.errors import EvaluationError
from archc.files import replacing
from archc.ir.program import Definition
from archc.sample import inputs, smallest
from archc.search.candidate import Candidate
from archc.search.trial import Task
from archc_search.shortened import write_model

FOLDER = "measured"  # beside the trials' folders


def clocked(candidate: Candidate, task: Task, threads: int) -> dict[str, float]:
    """Median milliseconds of a run at batch 1, and the megabytes that session and runs take.

    A network that was measured on this machine is not measured again: results are kept by digest,
    onnxruntime, its threads and the machine. Raises EvaluationError where it cannot be run.
    """
    own = (candidate.network, onnxruntime.__version__, threads, *machine())
    name = blake2b(repr(own).encode(), digest_size=12).hexdigest()
    path = task.folder.parent.parent / FOLDER / f"{name}.json"
    if path.exists():
        kept: dict[str, float] = json.loads(path.read_text("utf-8"))["values"]
        return kept
    values = measured(candidate, task, threads)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(json.dumps({"of": own, "values": values}).encode())
    return values


def measured(candidate: Candidate, task: Task, threads: int) -> dict[str, float]:
    program = candidate.program
    with TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        write_model(program, model)
        return timed(model, program.model, threads, task.alone)


def timed(
    model: Path,
    definition: Definition,
    threads: int,
    alone: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> dict[str, float]:
    """The same of an ONNX file, which is the definition's."""
    with TemporaryDirectory() as folder:
        feeds = Path(folder) / "inputs.npz"
        arrays: dict[str, Any] = {**inputs(definition, smallest(definition))}
        np.savez(feeds, **arrays)
        module = "archc_search.measure"
        command = [sys.executable, "-m", module, str(model), str(feeds), str(threads)]
        with alone():
            done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().rpartition("\n")[2][:200] or f"exit code {done.returncode}"
        raise EvaluationError.of("E865", f"onnxruntime could not run the file: {why}")
    values: dict[str, float] = json.loads(done.stdout)
    return values


def machine() -> tuple[str, ...]:
    """What tells machines apart whose times cannot be compared."""
    return platform.node(), platform.machine(), processor()


def processor() -> str:
    """The processor's name, where the system tells it."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor()
    lines = path.read_text("utf-8", errors="replace").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
