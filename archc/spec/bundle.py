"""A spec with its files and chosen parameters, which compiles to the same program again."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from archc.errors import InputError
from archc.ir.program import Program
from archc.spec.ast import File
from archc.spec.load import ZOO


def bundle(program: Program, folder: Path) -> None:
    """Writes `spec.yaml` and, beside it, the files it uses that are not the zoo's.

    The variant and the settings become the parameters' defaults; comments survive. The folder is
    made if it is not there. Raises InputError E521 where it cannot be written.
    """
    write(bundled(program, folder), folder)


def write(texts: Mapping[Path, str], folder: Path) -> None:
    """Writes what `bundled` gave. Raises as `bundle`."""
    try:
        for path, content in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError.of("E521", f"{folder} cannot be written: {error}") from error


def bundled(program: Program, folder: Path) -> dict[Path, str]:
    """What `bundle` writes."""
    assert program.file is not None
    text = program.file.source.text
    chosen = settings(program)
    texts = {folder / "spec.yaml": with_defaults(text, chosen) if chosen else text}
    return texts | {folder / name: used.source.text for name, used in local_uses(program.file)}


def settings(program: Program) -> dict[str, Any]:
    """The parameters that a variant and `--set` change, as they were written."""
    from archc.spec.data import plain

    result: dict[str, Any] = {}
    if program.file is not None and program.variant is not None:
        result.update(plain(program.file.variants[program.variant]))
    result.update(program.settings)
    return result


def with_defaults(text: str, chosen: dict[str, Any]) -> str:
    """The text with other defaults under `params:`."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = 100
    yaml.preserve_quotes = True
    data = yaml.load(text)
    data["params"].update(chosen)
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def local_uses(file: File) -> list[tuple[str, File]]:
    """The used files outside the zoo with their names as written, those that they use included."""
    found: list[tuple[str, File]] = []
    written = file.data.get("use")
    names = [str(getattr(item, "value", "")) for item in getattr(written, "items", [])]
    for name, used in zip(names, file.uses, strict=False):
        if used.path is not None and not used.path.is_relative_to(ZOO):
            found.append((name, used))
        beside = PurePosixPath(name).parent
        found += [((beside / inner).as_posix(), file) for inner, file in local_uses(used)]
    return found


def with_sections(text: str, sections: Mapping[str, Any], anew: Collection[str] = ()) -> str:
    """The text with more top-level sections; those that it has stay as they are, but for `anew`."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = 100
    yaml.preserve_quotes = True
    data = yaml.load(text)
    for name, value in sections.items():
        if name in anew or name not in data:
            data[name] = value
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()
