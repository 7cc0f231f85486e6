"""A program as an ONNX file, written directly for a target.

import archc, archc_onnx
archc_onnx.export(archc.compile("resnet50"), "resnet50.onnx")
"""

from __future__ import annotations

from archc_onnx.export import Report, export
from archc_onnx.lower import lower
from archc_onnx.table import supports
from archc_onnx.target import Target

__all__ = ["Report", "Target", "export", "lower", "supports"]
