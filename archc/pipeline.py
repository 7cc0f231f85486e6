"""The whole way from text to a typed program, in one screen.

spec.yaml ──read──▶ data ──parse──▶ File ──elaborate──▶ Program ──passes──▶ Program ──▶ a backend
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archc.elaborate import elaborate
from archc.elaborate.params import Setting
from archc.elaborate.scope import Space
from archc.errors import SpecError
from archc.ir.program import Program
from archc.place import Place, Source
from archc.spec.load import Loader
from archc.zoo import locate, split


def compile(
    spec: str | Path, *, variant: str | None = None, set: Mapping[str, Any] | None = None
) -> Program:
    """The program of a spec: a path, `path:variant`, or a zoo name.

    Raises SpecError with all findings.
    """
    path, named_variant = locate(spec)
    loader = Loader()
    written, _ = split(spec)
    file = loader.load(path, written if Path(written).suffix else None)
    return elaborate(
        file,
        variant or named_variant,
        settings_from(set or {}, file),
        loader.findings,
        loader.stopped,
    )


def compile_text(
    text: str,
    *,
    name: str = "spec.yaml",
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
) -> Program:
    """The program of a spec given as text. Raises SpecError."""
    loader = Loader()
    file = loader.load_text(text, name)
    return elaborate(file, variant, settings_from(set or {}, file), loader.findings, loader.stopped)


def settings_from(values: Mapping[str, Any], file: Any) -> dict[str, Setting]:
    """Python values as parameter settings."""
    space = Space(file, {}, "settings")
    result: dict[str, Setting] = {}
    for name, value in values.items():
        place = Place(Source("--set", f"{name}={value}"), 1, 1, len(name))
        result[name] = Setting(value, place, space)
    return result


__all__ = ["SpecError", "compile", "compile_text"]
