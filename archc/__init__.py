"""archc: a compiler for neural-network architectures written as YAML graphs.

    import archc
    program = archc.compile("resnet50")     # a path, path:variant, or a zoo name
    program.params, program.macs, program.digest

The backends `archc_torch`, `archc_onnx` and `archc_ort` take a program further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archc.errors import ArchcError, Diagnostic, SpecError
    from archc.ir.program import Program
    from archc.pipeline import compile, compile_text

__version__ = "0.1.0"
__all__ = ["ArchcError", "Diagnostic", "Program", "SpecError", "compile", "compile_text"]

_HOMES = {
    "ArchcError": "archc.errors", "Diagnostic": "archc.errors", "SpecError": "archc.errors",
    "Program": "archc.ir.program", "compile": "archc.pipeline", "compile_text": "archc.pipeline",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first asked for, so that `import archc` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'archc' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
