"""Runs, checks and times ONNX models with onnxruntime.

outputs = archc_ort.run("m.onnx", {"image": array})
"""

from __future__ import annotations

from archc_ort.run import run
from archc_ort.session import open_session

__all__ = ["open_session", "run"]
