"""A spec with its files and chosen parameters, which compiles to the same program again."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from archc.errors import InputError
from archc.files import replacing
from archc.ir.program import Program
from archc.spec.ast import File
from archc.spec.load import ZOO

Keys = tuple[str, ...]  # where a value stands, from the spec's top on


def bundle(program: Program, folder: Path) -> None:
    """Writes `spec.yaml` and, beside it, the files it uses that are not the zoo's.

    The variant and the settings become the parameters' defaults, paths of data begin at the root;
    comments survive. The folder is made if it is not there. Raises InputError E521 where it cannot
    be written.
    """
    write(bundled(program, folder), folder)


def write(texts: Mapping[Path, str], folder: Path) -> None:
    """Writes what `bundled` gave. Raises as `bundle`."""
    try:
        for path, content in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(content.encode())
    except OSError as error:
        raise InputError.of("E521", f"{folder} cannot be written: {error}") from error


def bundled(program: Program, folder: Path) -> dict[Path, str]:
    """What `bundle` writes."""
    assert program.file is not None
    text = program.file.source.text
    changed: dict[Keys, Any] = {("params", key): one for key, one in settings(program).items()}
    changed |= rooted(program)
    texts = {folder / "spec.yaml": with_values(text, changed) if changed else text}
    return texts | {folder / name: used.source.text for name, used in local_uses(program.file)}


def settings(program: Program) -> dict[str, Any]:
    """The parameters that a variant and `--set` change, as they were written."""
    from archc.spec.data import plain

    result: dict[str, Any] = {}
    if program.file is not None and program.variant is not None:
        result.update(plain(program.file.variants[program.variant]))
    result.update(program.settings)
    return result


def rooted(program: Program) -> dict[Keys, str]:
    """The paths of data that are relative to the spec's file, from the root, by their keys."""
    from archc.spec.data import Mapping, Scalar

    file = program.file
    if file is None or file.path is None:
        return {}
    base, found = file.path.resolve().parent, dict[Keys, str]()
    train, defined = file.data.get("train"), file.data.get("data")
    data = train.get("data") if isinstance(train, Mapping) else None
    kinds = {("train", "data"): data}
    if isinstance(defined, Mapping):
        kinds |= {("data", name): one for name, one in defined.items()}
    for above, sources in kinds.items():
        for name, value in sources.items() if isinstance(sources, Mapping) else ():
            keys = (*above, name)
            options = value.items() if isinstance(value, Mapping) else [("", value)]
            for option, one in options:
                if isinstance(one, Scalar) and isinstance(one.value, str):
                    path = from_root(option or "path", one.value, base, program)
                    if path is not None:
                        found[(*keys, option) if option else keys] = path
    return found


def from_root(option: str, text: str, base: Path, program: Program) -> str | None:
    """What an option says with its path from the root; None where it has none to be changed."""
    from archc.spec.formula import evaluate_over, parse
    from archc.spec.values import FormulaError

    value: Any = text
    if text.startswith("="):
        try:
            value = evaluate_over(program.parameters, parse(text[1:]))
        except FormulaError:
            return None  # which a training tells
    is_path = option == "path" or (option == "tokenizer" and str(value).endswith(".json"))
    if not is_path or not isinstance(value, str) or Path(value).expanduser().is_absolute():
        return None
    return f'="{base.as_posix()}/" + ({text[1:]})' if value != text else (base / text).as_posix()


def with_values(text: str, values: Mapping[Keys, Any]) -> str:
    """The text with other values at some keys."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = 100
    yaml.preserve_quotes = True
    data = yaml.load(text)
    for keys, value in values.items():
        inner = data
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
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
