"""Runs, checks and times ONNX models with onnxruntime.

outputs = archc_ort.run("m.onnx", {"image": array})
"""

from __future__ import annotations

from archc_ort.latency import Timing, compare
from archc_ort.model import load_inputs, metadata
from archc_ort.run import run
from archc_ort.session import available_threads, evaluate, open_session
from archc_ort.verify import Verdict, verify

__all__ = [
    "Timing", "Verdict", "available_threads", "compare", "evaluate", "load_inputs", "metadata",
    "open_session", "run", "verify",
]  # fmt: skip
