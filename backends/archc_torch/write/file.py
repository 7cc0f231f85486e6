"""A whole file: what the network is, imports, helpers, named tuples, classes, tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archc import __version__
from archc_torch import names
from archc_torch.lines import table
from archc_torch.write.renderer import rendered
from archc_torch.write.tables import packed
from archc_torch.write.wrap import WIDTH, filled, indented

if TYPE_CHECKING:
    from archc_torch.group.classes import Classes, Outputs


def file(classes: Classes) -> str:
    """The file's text."""
    tables: dict[str, object] = {}
    bodies = [rendered(classes, found, tables) for found in classes.order]
    tuples = [_named_tuple(found.outputs) for found in classes.order if found.outputs is not None]
    parts = [*tuples, *bodies]
    parts = [*_helpers("\n".join(line for part in parts for line in part)), *parts]
    parts += [
        packed(f"{name} = ", value, "") for name, value in {**classes.constants, **tables}.items()
    ]
    body = [line for part in parts for line in ["", "", *part]]
    return "\n".join([*_header(classes), "", *_imports("\n".join(body)), *body]) + "\n"


def _header(classes: Classes) -> list[str]:
    """What the network is, its inputs and outputs, its size."""
    library = classes.library
    program, sketch = library.program, library.sketch(library.main)
    title = program.name
    if program.prefixed and library.name != program.name:
        title = f"{program.name}: {library.name}"
    doc = names.one_line(program.doc)
    rows = [*filled((f"{title}. {doc}" if doc else f"{title}.").split(" "), WIDTH - 4), ""]
    for word, parts in (("inputs ", sketch.parameters), ("outputs", sketch.outputs)):
        for part in parts:
            many = f"{len(part.types)} of " if part.listed else ""
            rows.append(f"{word}  {part.name}: {many}{part.types[0]}")
            word = " " * len(word)
    count = program.count_params(library.name)
    rows += ["", f"{count:,} parameters. Written by archc {__version__}; needs PyTorch alone."]
    return names.docstring(rows)


def _imports(text: str) -> list[str]:
    """The imports that the text needs."""
    standard = [
        line
        for line, sign in (
            ("import math", r"\bmath\."),
            ("from collections import OrderedDict", r"\bOrderedDict\("),
            ("from typing import NamedTuple", r"\(NamedTuple\):"),
        )
        if re.search(sign, text)
    ]
    lines = [*standard, *([""] if standard else []), "import torch"]
    if re.search(r"\bF\.", text):
        lines.append("import torch.nn.functional as F")
    tensor = "Tensor, " if re.search(r"\bTensor\b", text) else ""
    return [*lines, f"from torch import {tensor}nn"]


def _helpers(text: str) -> list[list[str]]:
    """The helpers that the text uses, and those that these use, in the order of the table."""
    known = table().helpers
    wanted: set[str] = set()
    search = text
    while True:
        found = {name for name in known if name not in wanted and re.search(rf"\b{name}\(", search)}
        if not found:
            return [known[name].strip("\n").split("\n") for name in known if name in wanted]
        wanted |= found
        search = "\n".join(known[name] for name in found)


def _named_tuple(outputs: Outputs) -> list[str]:
    """The class of what a model of several outputs gives."""
    rows = [f"{name}: {'list[Tensor]' if listed else 'Tensor'}" for name, listed in outputs.fields]
    return [f"class {outputs.name}(NamedTuple):", *indented(rows)]
