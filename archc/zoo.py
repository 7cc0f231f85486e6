"""The zoo: specs that come with archc, by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from archc.errors import UsageError, did_you_mean
from archc.spec.load import ZOO


@cache
def names() -> dict[str, tuple[Path, str | None]]:
    """Every zoo name with its file and variant; a file without variants goes by its own name."""
    found: dict[str, tuple[Path, str | None]] = {}
    for path in sorted(ZOO.glob("*.yaml")):
        found[path.stem] = (path, None)
        found.update((name, (path, name)) for name in variants(path))
    return found


def split(spec: str | Path) -> tuple[str, str]:
    """`path:variant` as its two parts, the second empty without one; a drive's colon is no such."""
    text = str(spec)
    path, colon, variant = text.rpartition(":")
    if not colon or variant.endswith((".yaml", ".yml")) or "/" in variant or "\\" in variant:
        return text, ""
    return path, variant


def locate(spec: str | Path) -> tuple[Path, str | None]:
    """The file and variant that `path`, `path:variant` or a zoo name means. Raises UsageError."""
    path, variant = split(spec)
    if path.endswith((".yaml", ".yml")) or "/" in path or "\\" in path:
        return Path(path), variant or None
    direct = ZOO / f"{path[:80]}.yaml"
    if path.isidentifier() and direct.is_file() and (variant or path not in variants(direct)):
        return direct, variant or None
    for file in _mentioning(path):
        if path in variants(file):
            return file, variant or path
    known = names()
    raise UsageError.of(
        "E701",
        f"no spec '{path[:80]}'",
        help=did_you_mean(path, known) or "write a path ending in .yaml",
    )


def _mentioning(name: str) -> list[Path]:
    """The zoo's files with the name as a key somewhere; parsing them all would take longer."""
    return [path for path in sorted(ZOO.glob("*.yaml")) if f"{name}:" in path.read_text("utf-8")]


def variants(path: Path) -> list[str]:
    """The names of a file's variants, in its order."""
    from archc.spec.data import Mapping
    from archc.spec.reader import read_file

    written = read_file(path).get("variants")
    return [name for name, _ in written.items()] if isinstance(written, Mapping) else []
